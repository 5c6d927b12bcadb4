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
	pause := uint32(s.Case.Pause)
	out, in := &way{at: unsafe.Pointer(&mem[wordsSize]), pause: pause}, &way{at: unsafe.Pointer(&mem[wordsSize+slotsSize]), pause: pause}
	out.freed, in.freed = (*uint64)(word(0)), (*uint64)(word(1))
	if s.End >= s.Case.Producers {
		out, in = in, out
	}
	if s.Case.Claims {
		return port{
			send:    func(rec []byte) error { out.claimAndSend(rec); return nil },
			receive: func(buf []byte) ([]byte, error) { in.claimAndReceive(buf); return buf, nil },
			close:   func() error { return sys.Unmap(mem) },
		}, nil
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
	pause uint32
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
	await(number, w.n, w.pause)
	copy(buf, b[:])
	atomics.StoreRelease64(w.freed, w.n)
}

// With claims the number of a slot of lap L goes from 4L over 4L+1 (claimed), 4L+2 (full) and
// 4L+3 (taken) to 4L+4: one compare-and-swap and one store a side, on the line of the slot, and
// nothing else that is shared. What many participants take, without anything that makes them a queue.

const aheadOfClaims = 4 // slots for which a line is asked for

func (w *way) claim(from uint64) (number *uint64, b *[payload]byte) {
	number, b = w.slot()
	lap := w.n / slots * 4
	for atomics.Load64(number) != lap+from || !atomics.CAS64(number, lap+from, lap+from+1) {
		atomics.Pause(w.pause)
	}
	return number, b
}

func (w *way) done(number *uint64, to uint64) {
	atomics.StoreRelease64(number, w.n/slots*4+to)
	w.n++
	atomics.PrefetchWrite(unsafe.Add(w.at, (w.n+aheadOfClaims-1)%slots*layout.SlotSize))
}

func (w *way) claimAndSend(rec []byte) {
	number, b := w.claim(0)
	copy(b[:], rec)
	w.done(number, 2)
}

func (w *way) claimAndReceive(buf []byte) {
	number, b := w.claim(2)
	copy(buf, b[:])
	w.done(number, 4)
}
