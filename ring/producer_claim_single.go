package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// A single producer claims nothing: the role is exclusive by a kernel lock, so
// the slots from tail on are its own until it publishes them. Dying in the middle
// of a record leaves words of the lap before, and nothing to clean up.

// claimSingle finds k free slots at tail, after a filler if they would cross the
// end of the ring.
func (p *Producer) claimSingle(k uint64) (uint64, error) {
	r := p.r
	p.spent = 0
	if left := r.m.Cap - p.tail&r.m.Mask; k > left {
		if n, err := p.freeSlots(p.tail, left); err != nil || n < left {
			return 0, orFull(err)
		}
		t := p.tail
		p.tail += left
		p.filled = true
		atomics.StoreRelease64x2(r.m.WordAt(t), uint64(layout.SkipWord(t, left, r.m.Shift)), r.tail, p.tail)
	}
	if n, err := p.freeSlots(p.tail, k); err != nil || n < k {
		return 0, orFull(err)
	}
	return p.tail, nil
}

func orFull(err error) error {
	if err != nil {
		return err
	}
	return ErrFull
}

// resume finds where a single producer's predecessor stopped. Shared tail may lag
// by the record that it published last, so go on over words of this lap; head
// may be beyond that tail when the record was consumed in between. Consumers are
// at work meanwhile: a word of a later lap means that they took and freed that
// record since head was read, and that head is beyond it now.
func (p *Producer) resume() error {
	r := p.r
	h, t := atomics.Load64(r.head), atomics.Load64(r.tail)
	if int64(h-t) > 0 {
		t = h
	}
	for n := uint64(0); ; n++ {
		w := r.m.Load(t)
		lap := w.CompareLap(t, r.m.Shift)
		if lap > 0 {
			if h = atomics.Load64(r.head); int64(h-t) <= 0 || n > r.m.Cap {
				return ErrDamaged
			}
			t = h
			continue
		}
		if lap < 0 || w.State() == layout.Free {
			break
		}
		k := r.m.Span(t, w)
		if k == 0 || n > r.m.Cap {
			return ErrDamaged
		}
		t += k
	}
	p.tail, p.headSeen = t, h
	atomics.Store64(r.tail, t)
	return nil
}
