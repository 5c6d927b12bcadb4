package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/blockcopy"
	"github.com/shmq/shmq/layout"
)

// marking is what a single producer knows of its marks; see mark.go.
type marking struct {
	last layout.Mark
	any  bool
	next int   // the entry that the next mark goes into: the older one
	err  error // ErrDamaged, until the next mark
}

// resumeMarks finds the last mark, and clears the entry of a record that was not published.
// p.tail is where the next record goes.
func (p *Producer) resumeMarks() {
	r := p.r
	var last Marked
	for i := range 2 {
		e := r.markEntry(i)
		m, _, ok := e.read()
		switch {
		case !ok:
		case m.Pos == p.tail: // killed before it published the record
			atomics.Store64(&e.position, 0)
		case int64(m.Pos-p.tail) > 0:
			p.marks.err = ErrDamaged
		case !p.marks.any || int64(m.Pos-last.Pos) > 0:
			last, p.marks.any, p.marks.next = m, true, i^1
		}
	}
	p.marks.last = last.Mark
}

// Mark returns the mark of the last marked record that is in the queue: the last one that this
// producer has sent with a mark, or else that its predecessors have. ok is false if there is
// none. Errors: ErrManyProducers; ErrDamaged, if the entries were what no producer leaves.
func (p *Producer) Mark() (m layout.Mark, ok bool, err error) {
	switch {
	case p.r.m.Geo.ManyProducers:
		return m, false, ErrManyProducers
	case p.marks.err != nil:
		return m, false, p.marks.err
	}
	return p.marks.last, p.marks.any, nil
}

// SendMarked is Send for a record with a mark: whatever happens, both are in the queue or
// neither is. Errors: as Send; ErrManyProducers.
func (p *Producer) SendMarked(b []byte, mark layout.Mark) error {
	t := p.tail
	if len(b) > layout.InlineSize || t-p.headSeen >= p.ahead {
		return p.sendMarked(b, mark)
	}
	fillLine(p.r.m.LineAt(t), b) // the commonest case, as in Send
	p.publishMarked(t, 1, mark)
	return nil
}

// sendMarked is SendMarked for every record.
func (p *Producer) sendMarked(b []byte, mark layout.Mark) error {
	switch {
	case p.r.m.Geo.ManyProducers:
		return ErrManyProducers
	case p.open:
		return ErrReserved
	case len(b) > p.r.m.Geo.MaxRecord():
		return ErrTooLarge
	}
	k := p.r.m.SlotsFor(len(b))
	pos, err := p.claimSingle(k)
	if err != nil {
		return err
	}
	if p.r.m.Geo.Checksum {
		dst, meta := p.r.m.PlaceMarked(pos, len(b))
		blockcopy.Copy(dst, b)
		p.describeMarked(pos, dst, meta, mark)
	} else {
		p.fill(pos, b)
	}
	p.publishMarked(pos, k, mark)
	return nil
}

// SendBatchMarked is SendBatch for records with marks, one each. It publishes them one by
// one, in order. Errors: as SendBatch; ErrManyProducers.
//
// Preconditions: there are as many marks as records.
func (p *Producer) SendBatchMarked(recs [][]byte, marks []layout.Mark) (n int, err error) {
	if p.r.m.Geo.Timestamps {
		p.stamp = p.r.now()
		defer func() { p.stamp = 0 }()
	}
	for ; n < len(recs); n++ {
		if err := p.SendMarked(recs[n], marks[n]); err != nil {
			if n > 0 && err != ErrDamaged {
				err = nil
			}
			return n, err
		}
	}
	return n, nil
}

// CommitMarked is Commit for a record with a mark. Errors: as Commit; ErrManyProducers.
func (p *Producer) CommitMarked(n int, mark layout.Mark) error {
	if p.r.m.Geo.ManyProducers {
		return ErrManyProducers
	}
	if !p.open || n < 0 || n > p.reserved {
		return ErrNotReserved
	}
	p.closeReservation()
	b, _ := p.r.m.Place(p.pos, p.reserved)
	b = b[:n]
	switch meta := p.meta; {
	case p.r.m.Geo.Checksum:
		if meta&layout.MetaArea == 0 { // the mark needs room in the line
			var dst []byte
			if dst, meta = p.r.m.PlaceMarked(p.pos, n); meta&layout.MetaArea != 0 {
				copy(dst, b)
			}
			b = dst
		}
		p.describeMarked(p.pos, b, meta|layout.MetaMarked, mark)
	default:
		p.r.m.Describe(p.pos, n, meta)
		if !p.r.m.Plain {
			p.complete(p.pos, b, meta)
		}
	}
	p.publishMarked(p.pos, p.slots, mark)
	return nil
}

// describeMarked writes what a record of payload b has beside that, in a queue with checksums.
func (p *Producer) describeMarked(pos uint64, b []byte, meta uint32, mark layout.Mark) {
	p.r.m.Describe(pos, len(b), meta)
	*p.r.m.MarkAt(pos) = mark
	p.complete(pos, b, meta)
}

// publishMarked writes the entry, and publishes the record that it is for.
func (p *Producer) publishMarked(pos, k uint64, mark layout.Mark) {
	m := &p.marks
	if m.err != nil {
		atomics.Store64(&p.r.markEntry(0).position, 0)
		atomics.Store64(&p.r.markEntry(1).position, 0)
		m.err = nil
	}
	e := p.r.markEntry(m.next)
	atomics.StoreRelease64x2(&e.mark[0], mark[0], &e.mark[1], mark[1])
	atomics.StoreRelease64(&e.position, pos+1)
	m.last, m.any, m.next = mark, true, m.next^1
	p.publish(pos, k)
}
