package bench

import (
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/sys"
)

// slotsBatch is an end of the bare ring that moves several records in a step: all are copied in before
// the first number is stored, and as many as are there are copied out before their room is free.
type slotsBatch struct {
	way
	mem   []byte
	sends bool
	clock *monotonic
	recs  [][payload]byte
}

func newSlotsBatch(s spec, clock *monotonic) (end, error) {
	mem, word, err := mapWords(s.words())
	if err != nil {
		return nil, err
	}
	return &slotsBatch{
		way: way{at: unsafe.Pointer(&mem[wordsSize]), freed: (*uint64)(word(0))},
		mem: mem, sends: s.End < s.Case.Producers, clock: clock, recs: make([][payload]byte, s.Case.Batch),
	}, nil
}

func (b *slotsBatch) run(o order) (out outcome, err error) {
	out.start = b.clock.now()
	move := b.receiveSome
	if b.sends {
		move = b.sendAll
	}
	for n := o.N; n > 0; {
		n -= move(min(n, len(b.recs)))
	}
	out.end = b.clock.now()
	if !b.sends {
		out.count = o.N
	}
	return out, nil
}

func (b *slotsBatch) sendAll(n int) int {
	for b.n+uint64(n)-b.seen > slots {
		b.seen = atomics.Load64(b.freed)
	}
	first := b.n
	for i := range n {
		_, to := b.slot()
		*to = b.recs[i]
		b.n++
	}
	for b.n = first; b.n < first+uint64(n); {
		number, _ := b.slot()
		b.n++
		atomics.StoreRelease64(number, b.n)
	}
	return n
}

func (b *slotsBatch) receiveSome(most int) (n int) {
	for n < most {
		number, from := b.slot()
		if n == 0 {
			await(number, b.n+1, b.pause)
		} else if atomics.Load64(number) != b.n+1 {
			break
		}
		b.recs[n] = *from
		b.n++
		n++
	}
	atomics.StoreRelease64(b.freed, b.n)
	return n
}

func (b *slotsBatch) close() error { return sys.Unmap(b.mem) }
