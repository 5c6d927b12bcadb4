package ring_test

import (
	"errors"
	"fmt"
	"slices"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/ring"
)

// paper is what is known outside of one record.
type paper struct {
	id   uint64 // its maker in the upper half
	size int

	sent   bool // the send has returned
	doubt  bool // or its sender died in the middle of it
	synced bool // and a sync has begun since

	acking bool // its acknowledgement has begun
	acked  bool // and returned
	gone   bool // and a sync has begun since

	handed bool // a consumer saw it
	marked bool

	time  uint64 // when it was sent, with time stamps
	place *place // where it was when a consumer looked
}

// place is what tells a record from all others that were ever in the queue.
type place struct{ incarnation, pos uint64 }

// must tells that the record is to come after a stop of the machine.
func (p *paper) must() bool { return p.synced && !p.acking }

// archive is the papers of all records that may be in the ring, in the order of their
// positions.
type archive struct {
	manyConsumers bool
	papers        []*paper
	last          map[uint64]uint64 // number by maker
	places        map[place]uint64  // the record that is, or was, at a place
	time          uint64
	timed         bool
}

// placed checks what tells a record from others: no other one ever had it, and it stays.
func (a *archive) placed(p *paper, l *ring.Lease) error {
	var at place
	at.incarnation, at.pos = l.Place()
	id, known := a.places[at]
	switch {
	case known && id != p.id:
		return fmt.Errorf("record %#x is at the place of record %#x, %+v", p.id, id, at)
	case p.place != nil && *p.place != at:
		return fmt.Errorf("record %#x was at %+v and is at %+v", p.id, *p.place, at)
	case at.incarnation == 0:
		return fmt.Errorf("record %#x is of no incarnation", p.id)
	case a.timed && l.SentAt() != p.time, !a.timed && l.SentAt() != 0:
		return fmt.Errorf("record %#x was sent at %d, and says %d", p.id, p.time, l.SentAt())
	}
	p.place, a.places[at] = &at, p.id
	return nil
}

func (a *archive) add(maker uint64, size int) *paper {
	a.last[maker]++
	p := &paper{id: maker<<32 | a.last[maker], size: size, time: a.time}
	a.papers = append(a.papers, p)
	return p
}

func (a *archive) drop(gone func(*paper) bool) {
	kept := a.papers[:0]
	for _, p := range a.papers {
		if !gone(p) {
			kept = append(kept, p)
		}
	}
	clear(a.papers[len(kept):])
	a.papers = kept
}

func (a *archive) find(id uint64) *paper {
	for _, p := range a.papers {
		if p.id == id {
			return p
		}
	}
	return nil
}

// sync notes that all before now is on the disk. A single consumer's acknowledgement
// counts when all before it are acknowledged.
func (a *archive) sync() {
	open := false
	for _, p := range a.papers {
		p.synced = p.sent
		open = open || !p.acked
		p.gone = p.acked && (a.manyConsumers || !open)
	}
	a.drop(func(p *paper) bool { return p.gone })
}

// reopen notes that a single consumer was replaced: what it acknowledged behind a record
// that it did not comes again. Behind one of which that is not known, because a consumer
// died in the middle of a call, it may.
func (a *archive) reopen() {
	if a.manyConsumers {
		return
	}
	open, unsure := false, false
	for _, p := range a.papers {
		interrupted := p.doubt || p.acking && !p.acked
		switch {
		case open:
			p.acking, p.acked = false, false
		case unsure && p.acked:
			p.acked = false
		}
		if interrupted {
			unsure = true
		} else if !p.acking {
			open = true
		}
	}
}

// came checks one delivery.
func (a *archive) came(data []byte, redelivered int) (*paper, error) {
	id, err := ringtest.ReadRecord(data)
	p := a.find(id)
	switch {
	case err != nil:
		return nil, fmt.Errorf("torn: %w", err)
	case p == nil:
		return nil, fmt.Errorf("record %#x came: it was never sent, or acknowledged", id)
	case len(data) != p.size:
		return nil, fmt.Errorf("record %#x has %d bytes, not %d", id, len(data), p.size)
	case p.handed && redelivered == 0:
		return nil, fmt.Errorf("record %#x comes again without a flag", id)
	}
	return p, nil
}

// drain takes all that a rebuilt ring has with a newcomer, and checks it.
func (a *archive) drain(r *ring.Ring, how int) (came []*paper, err error) {
	c := r.NewConsumer(freshSeat)
	last := map[uint64]uint64{}
	take := func(data []byte, redelivered int) error {
		p, err := a.came(data, redelivered)
		switch {
		case err != nil:
			return err
		case redelivered == 0:
			return fmt.Errorf("record %#x comes without a flag", p.id)
		case p.id <= last[p.id>>32]:
			return fmt.Errorf("record %#x comes after %#x", p.id, last[p.id>>32])
		}
		last[p.id>>32] = p.id
		came = append(came, p)
		return nil
	}
	placed := func(l *ring.Lease) error {
		if len(came) == 0 {
			return nil // take has an error
		}
		return a.placed(came[len(came)-1], l)
	}
	for n := 0; err == nil; n++ {
		switch how % 3 {
		case 0:
			var l ring.Lease
			if err = c.TryLease(&l); err == nil {
				err = errors.Join(take(l.Data, l.Redelivered), placed(&l))
				c.Ack(&l)
			}
		case 1:
			var data []byte
			var before int
			if data, before, err = c.TryReceive(nil); err == nil {
				err = take(data, before)
			}
		case 2:
			ls := make([]ring.Lease, 3)
			var got int
			got, err = c.TryLeaseBatch(ls)
			for i := range ls[:got] {
				err = errors.Join(err, take(ls[i].Data, ls[i].Redelivered), placed(&ls[i]))
				c.Ack(&ls[i])
			}
		}
	}
	if err != ring.ErrEmpty {
		return came, err
	}
	if !c.Idle() {
		return came, errors.New("the drained ring is not idle")
	}
	for _, p := range a.papers {
		if p.must() && !slices.Contains(came, p) {
			return came, fmt.Errorf("record %#x is lost", p.id)
		}
	}
	return came, nil
}

// rebuilt keeps the papers of the records that a rebuilt ring has: they are on the disk,
// and come flagged.
func (a *archive) rebuilt(came []*paper) {
	a.papers = a.papers[:0]
	for _, p := range came {
		*p = paper{id: p.id, size: p.size, sent: true, synced: true, handed: true, marked: p.marked, time: p.time, place: p.place}
		a.papers = append(a.papers, p)
	}
}
