package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// A single producer claims nothing: the role is exclusive by a kernel lock, so
// the slots from tail on are its own until it publishes them. Dying in the middle
// of a record leaves words of the lap before, and nothing to clean up.

// claimSingle finds k free slots at tail, after a filler if they would cross the
// end of the ring. The filler does not go out before there is room behind it.
func (p *Producer) claimSingle(k uint64) (uint64, error) {
	r := p.r
	p.spent = 0
	filler := uint64(0)
	if left := r.m.Cap - p.tail&r.m.Mask; k > left {
		filler = left
	}
	if n, err := p.freeSlots(p.tail, filler+k); err != nil || n < filler+k {
		return 0, orFull(err)
	}
	if filler > 0 {
		t := p.tail
		p.tail += filler
		p.filled = true
		atomics.StoreRelease64x2(r.m.WordAt(t), uint64(layout.SkipWord(t, filler, r.m.Shift)), r.tail, p.tail)
	}
	return p.tail, nil
}

func orFull(err error) error {
	if err != nil {
		return err
	}
	return ErrFull
}

// resume finds where a single producer's predecessor stopped.
func (p *Producer) resume() error {
	t, h, err := p.r.walk()
	if err != nil {
		return err
	}
	if p.tail, p.headSeen = t, h; p.r.m.Geo.Each {
		p.headSeen = t - p.r.m.Cap // no room: the first claim scans. Not head: its second look may have stopped at less
	}
	atomics.Store64(p.r.tail, t)
	p.resumeMarks()
	return nil
}

// walk finds the position of the next claim, and returns head as well. Shared tail may
// lag by the record that was published last, so it goes on over words of this lap; head
// may be beyond that tail when the record was consumed in between. Consumers are
// at work meanwhile: a word of a later lap means that they took and freed that
// record, where they are many; see package region. A single one frees by head, which is then
// beyond it.
//
// Preconditions: no other producer is attached.
func (r *Ring) walk() (t, h uint64, err error) {
	h, t = atomics.Load64(r.head), atomics.Load64(r.tail)
	if int64(h-t) > 0 && !r.m.Geo.Each { // a gate is not beyond tail, an intent frees nothing
		t = h
	}
	for n := uint64(0); ; n++ {
		w := r.m.Load(t)
		lap := w.CompareLap(t, r.m.Shift)
		switch {
		case lap > 0 && r.m.Geo.ManyConsumers: // taken and freed, head may lag
			if w.State() != layout.Free || n > r.m.MaxLag() {
				return 0, 0, ErrDamaged // no producer is a lap ahead of tail
			}
			t++
			continue
		case lap > 0:
			if h = atomics.Load64(r.head); int64(h-t) <= 0 || n > r.m.Cap || r.m.Geo.Each {
				return 0, 0, ErrDamaged
			}
			t = h
			continue
		}
		if lap < 0 || w.State() == layout.Free {
			return t, h, nil
		}
		k := r.m.Span(t, w)
		if k == 0 || n > r.m.MaxLag() {
			return 0, 0, ErrDamaged
		}
		t += k
	}
}
