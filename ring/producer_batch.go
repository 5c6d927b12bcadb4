package ring

import (
	"slices"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

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
	return p.sendBatchSingle(recs)
}

// sendBatchSingle sends runs of small records, and one by one what stands between them.
func (p *Producer) sendBatchSingle(recs [][]byte) (n int, err error) {
	for n < len(recs) {
		if ran := p.sendRun(recs[n:]); ran > 0 {
			n += ran
			continue
		}
		if err := p.Send(recs[n]); err != nil {
			if n > 0 && err != ErrDamaged {
				err = nil
			}
			return n, err
		}
		n++
	}
	return n, nil
}

// sendRun publishes records that fit into the line of a slot, as long as there are some and
// slots are free, and then stores tail once. It returns how many that were; perhaps none.
//
// Each record is visible as soon as its word is stored, before tail. A death in between
// leaves tail behind by at most half the ring, as one record may; the successor walks on
// over the words.
func (p *Producer) sendRun(recs [][]byte) (n int) {
	r, t := p.r, p.tail
	if !r.m.Plain {
		return 0
	}
	most := int(min(uint64(len(recs)), r.m.Geo.MaxSlotsPerRecord()))
	many := r.m.Geo.ManyConsumers
	if !many {
		free, err := p.freeSlots(t, uint64(most))
		if err != nil {
			return 0 // Send says so
		}
		most = int(free)
	}
	for ; n < most && len(recs[n]) <= layout.InlineSize; n++ {
		at := t + uint64(n)
		line := r.m.LineAt(at)
		if many && atomics.Load64((*uint64)(line)) != uint64(layout.FreeWord(at, r.m.Shift)) {
			break
		}
		fillLine(line, recs[n])
		full := uint64(layout.FullWord(at, 1, r.m.Shift))
		if many {
			atomics.StoreReleaseAsking64((*uint64)(line), full, r.m.LineAt(at+aheadOfBatch))
		} else { // the consumer may be reading the line that would be asked for
			atomics.StoreRelease64((*uint64)(line), full)
		}
	}
	if n > 0 {
		p.tail = t + uint64(n)
		atomics.StoreRelease64(r.tail, p.tail)
	}
	return n
}

func (p *Producer) sendBatchShared(recs [][]byte) (n int, err error) {
	if len(recs) == 0 {
		return 0, nil
	}
	r := p.r
	if r.m.Plain && !slices.ContainsFunc(recs, outOfLine) {
		return p.sendRunShared(recs[:min(uint64(len(recs)), r.m.Geo.MaxSlotsPerRecord())])
	}
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
	p.fill(pos, recs[0])
	used := first
	for n = 1; n < len(recs); n++ {
		k := r.m.SlotsFor(len(recs[n]))
		if used+k > got {
			break
		}
		at := pos + used
		p.fill(at, recs[n])
		r.m.Store(at, layout.FullWord(at, k, r.m.Shift))
		used += k
	}
	if used < got {
		r.m.Store(pos+used, layout.SkipWord(pos+used, got-used, r.m.Shift))
	}
	r.m.Store(pos, layout.FullWord(pos, first, r.m.Shift))
	return n, nil
}

// outOfLine reports whether a record does not fit into the line of its slot.
func outOfLine(b []byte) bool { return len(b) > layout.InlineSize }

// sendRunShared is sendBatchShared for records that fit into the line of a slot.
func (p *Producer) sendRunShared(recs [][]byte) (int, error) {
	r := p.r
	pos, got, err := p.claimShared(1, uint64(len(recs)))
	if err != nil {
		return 0, err
	}
	fillLine(r.m.LineAt(pos), recs[0])
	for n := uint64(1); n < got; n++ {
		at := pos + n
		line := r.m.LineAt(at)
		fillLine(line, recs[n])
		atomics.StoreReleaseAsking64((*uint64)(line), uint64(layout.FullWord(at, 1, r.m.Shift)), r.m.LineAt(at+aheadOfBatch))
	}
	atomics.StoreReleaseAsking64(r.m.WordAt(pos), uint64(layout.FullWord(pos, 1, r.m.Shift)), r.m.LineAt(pos+aheadOfBatch))
	return int(got), nil
}

// fill is write, with a short way for a record that fits into the line of its slot.
func (p *Producer) fill(pos uint64, b []byte) {
	if len(b) <= layout.InlineSize && p.r.m.Plain {
		fillLine(p.r.m.LineAt(pos), b)
		return
	}
	p.write(pos, b)
}
