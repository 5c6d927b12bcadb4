package bench

import (
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
)

// The time that moving a record takes without a queue: a ring of cache lines, each with a number
// and the payload. The sender copies a record in and stores the number; the receiver
// polls the number and copies the record out. It is told apart from a queue by all that
// is missing: lengths, roles, sleep, recovery, and any check.

const slotsSize = slots * layout.SlotSize

// slotsPort is one end; the slots of each direction follow the words.
func slotsPort(s spec) (port, error) {
	mem, word, err := mapWords(s.words())
	if err != nil {
		return port{}, err
	}
	out, in := &way{at: unsafe.Pointer(&mem[wordsSize])}, &way{at: unsafe.Pointer(&mem[wordsSize+slotsSize])}
	out.freed, in.freed = (*uint64)(word(0)), (*uint64)(word(1))
	if s.End >= s.Case.Producers {
		out, in = in, out
	}
	return port{
		send:    func(rec []byte) error { out.send(rec); return nil },
		receive: func(buf []byte) ([]byte, error) { in.receive(buf); return buf, nil },
		close:   func() error { return sys.Unmap(mem) },
	}, nil
}

// way is one direction.
type way struct {
	at    unsafe.Pointer
	freed *uint64 // by the receiver
	n     uint64
	seen  uint64 // of freed
}

func (w *way) slot() (number *uint64, b *[payload]byte) {
	at := unsafe.Add(w.at, w.n%slots*layout.SlotSize)
	return (*uint64)(at), (*[payload]byte)(unsafe.Add(at, layout.SlotInline))
}

func (w *way) send(rec []byte) {
	for w.n-w.seen >= slots {
		w.seen = atomics.Load64(w.freed)
	}
	number, b := w.slot()
	copy(b[:], rec)
	w.n++
	atomics.StoreRelease64(number, w.n)
}

func (w *way) receive(buf []byte) {
	number, b := w.slot()
	w.n++
	for atomics.Load64(number) != w.n {
	}
	copy(buf, b[:])
	atomics.StoreRelease64(w.freed, w.n)
}
