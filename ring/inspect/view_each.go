package inspect

import (
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// nextEach is Next where each consumer gets every record. What a viewer sees does not depend on
// who has received it: it stays until it is written over.
func (v *Viewer) nextEach(rec *Record) error {
	r := v.r
	copies := 0
	for v.spent = 0; v.spent < v.effort(); v.spent++ {
		h := r.head()
		if int64(h-v.pos) > 0 {
			v.passTo(h)
		}
		p := v.pos
		w := r.Load(p)
		switch lap := w.CompareLap(p, r.Shift); {
		case lap < 0 || lap == 0 && w.State() == layout.Free:
			if int64(r.tail()-p) <= 0 {
				return ring.ErrEmpty
			}
			v.passTo(p + 1) // inside a record, to which somebody sought
			continue
		case lap > 0 && r.Geo.Skip: // the claim at tail is not yet in tail
			v.passTo(p + 1)
			continue
		case lap > 0:
			if int64(r.head()-p) <= 0 {
				return ring.ErrDamaged
			}
			continue
		}
		k := r.Span(p, w)
		if k == 0 {
			return ring.ErrDamaged
		}
		switch w.State() {
		case layout.Skip:
			v.pos += k
			continue
		case layout.Claimed:
			v.writing(rec, p, k, w)
			return nil
		case layout.Full:
		default:
			return ring.ErrDamaged
		}
		*rec = Record{Pos: p, Slots: k, State: Waiting, Seat: -1, Data: rec.Data[:0]}
		if ok, err := v.attempt(rec, w, k, &copies); ok {
			return err
		}
	}
	return ring.ErrEmpty
}

// passTo goes on at the first record from p on, which is beyond the viewer's position. What it
// passes was written over.
func (v *Viewer) passTo(p uint64) {
	to := v.r.begin(p, v.r.tail())
	if int64(to-p) < 0 {
		to = p // a shared tail that lags
	}
	v.spent += to - p
	v.missed += to - v.pos
	v.pos = to
}
