package ring

import (
	"slices"
	"unsafe"

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
// All payloads are written before the first word: a consumer that polls the words takes each line once, and
// not while it is being written. Each record is visible as soon as its word is stored, in the
// order of the records, before tail. A death in between leaves tail behind by at most half the ring,
// as one record may; the successor walks on over the words, and writes again what has none.
func (p *Producer) sendRun(recs [][]byte) int {
	r, t := p.r, p.tail
	if !r.m.Plain {
		return 0
	}
	if outOfLine(recs[0]) {
		return 0
	}
	limit := min(uint64(len(recs)), r.m.Geo.MaxSlotsPerRecord(), r.m.Cap-t&r.m.Mask) // words of a lap are alike
	// No slot is looked at that the run has no record for, and not all records where there is no room.
	if free := layout.FreeWord(t, r.m.Shift); !r.m.Geo.ManyConsumers {
		room, err := p.freeSlots(t, limit)
		if err != nil {
			return 0 // Send says so
		}
		limit = room
	} else if r.m.Run(t, 1, free) == 0 {
		return 0
	} else {
		limit = r.m.Run(t, inLine(recs[:limit]), free)
	}
	if limit == 0 {
		return 0
	}
	n := fillLines(r.m.LineAt(t), recs[:limit])
	r.m.StoreRun(t, uint64(n), layout.FullWord(t, 1, r.m.Shift), aheadOfBatch)
	p.tail = t + uint64(n)
	atomics.StoreRelease64(r.tail, p.tail)
	return n
}

// inLine returns how many of the first records fit into the line of a slot.
func inLine(recs [][]byte) uint64 {
	for i, b := range recs {
		if outOfLine(b) {
			return uint64(i)
		}
	}
	return uint64(len(recs))
}

// fillLines writes records, each into a line, from line on, up to one that does not fit, and returns how many. The
// first one, which fits, is the last to be written, since a consumer may be polling its word.
func fillLines(line unsafe.Pointer, recs [][]byte) int {
	n := len(recs)
	for i := 1; i < len(recs); i++ {
		b := recs[i]
		if outOfLine(b) {
			n = i
			break
		}
		fillLine(unsafe.Add(line, i*layout.SlotSize), b)
	}
	fillLine(line, recs[0])
	return n
}

func (p *Producer) sendBatchShared(recs [][]byte) (n int, err error) {
	if len(recs) == 0 {
		return 0, nil
	}
	r := p.r
	recs = recs[:min(uint64(len(recs)), r.m.Geo.MaxSlotsPerRecord())] // no claim has room for more
	if r.m.Plain && !slices.ContainsFunc(recs, outOfLine) {
		return p.sendRunShared(recs)
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
	pos, got := p.tail, uint64(0)
	if p.roams {
		got = p.claimRun(uint64(len(recs)))
	}
	if got == 0 {
		var err error
		if pos, got, err = p.claimShared(1, uint64(len(recs))); err != nil {
			return 0, err
		}
	}
	fillLines(r.m.LineAt(pos), recs[:got])
	w := layout.FullWord(pos, 1, r.m.Shift)
	r.m.StoreRun(pos+1, got-1, w, aheadOfBatch)
	r.m.StoreRun(pos, 1, w, aheadOfBatch)
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
