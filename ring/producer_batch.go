package ring

import "github.com/shmq/shmq/layout"

// SendBatch copies records into the ring, as many as there is room for, and
// returns how many that were; ErrFull only when it is none. Producers that are
// many pay one claim for all the records that fit before the end of the ring. Where the
// queue has time stamps, all of them have the same.
// A record that is too large ends the batch: the ones before it are sent first,
// and a call that starts with it returns ErrTooLarge.
//
// The batch may be taken in parts by several consumers; a record never is.
func (p *Producer) SendBatch(recs [][]byte) (int, error) {
	if p.open {
		return 0, ErrReserved
	}
	if p.r.m.Geo.Timestamps {
		return p.sendBatchStamped(recs)
	}
	return p.sendBatch(recs)
}

func (p *Producer) sendBatch(recs [][]byte) (int, error) {
	if p.r.m.Geo.ManyProducers {
		return p.sendBatchShared(recs)
	}
	for n, b := range recs {
		if err := p.Send(b); err != nil {
			if n > 0 && err != ErrDamaged {
				return n, nil
			}
			return n, err
		}
	}
	return len(recs), nil
}

func (p *Producer) sendBatchShared(recs [][]byte) (n int, err error) {
	if len(recs) == 0 {
		return 0, nil
	}
	r := p.r
	largest, limit := r.m.Geo.MaxRecord(), r.m.Geo.MaxSlotsPerRecord()
	var most uint64
	for _, b := range recs {
		k := r.m.SlotsFor(len(b))
		if len(b) > largest {
			if most == 0 {
				return 0, ErrTooLarge
			}
			break
		}
		if most+k > limit {
			break
		}
		most += k
	}
	pos, got, err := p.claimShared(r.m.SlotsFor(len(recs[0])), most)
	if err != nil {
		return 0, err
	}
	// Cut the claim into records from the front, but publish the first word
	// last: until then the claim stands whole, and if this producer dies it
	// becomes one Skip over all of it.
	first := r.m.SlotsFor(len(recs[0]))
	p.write(pos, recs[0])
	used := first
	for n = 1; n < len(recs); n++ {
		k := r.m.SlotsFor(len(recs[n]))
		if used+k > got {
			break
		}
		at := pos + used
		p.write(at, recs[n])
		r.m.Store(at, layout.FullWord(at, k, r.m.Shift))
		used += k
	}
	if used < got {
		r.m.Store(pos+used, layout.SkipWord(pos+used, got-used, r.m.Shift))
	}
	r.m.Store(pos, layout.FullWord(pos, first, r.m.Shift))
	return n, nil
}
