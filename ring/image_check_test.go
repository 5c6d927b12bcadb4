//go:build shmqstep

package ring_test

import (
	"errors"
	"fmt"
	"slices"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// ending is what the others do after the victim's death.
type ending int

const (
	settleFirst ending = iota // holders of claims and leases commit or release, then newcomers drain
	settleLast                // those that were there drain, then abort or acknowledge
	allDie                    // they die too
)

// outcome is what became of an image.
type outcome struct {
	came     []delivery
	finished bool
}

// check puts an image into the ring of a scene, recovers what dead participants left, and lets
// the living ones, and newcomers in the place of the dead ones, do all that is promised.
func (sc *scenario) check(image []byte, known *books, at cut, how ending) (outcome, error) {
	s := sc.build()
	copy(s.region.Bytes, image)
	var out outcome
	if err := inOrder(s.r); err != nil {
		return out, fmt.Errorf("an examination accuses the dead participant: %w", err)
	}
	if err := s.checkSeat(!known.second); err != nil {
		return out, err
	}
	_, out.finished = s.r.Stream()
	if want := known.finished(at); want != perhaps && out.finished != (want == yes) {
		return out, fmt.Errorf("the stream's end: marked %v", out.finished)
	}
	if err := s.recoverAll(how); err != nil {
		return out, err
	}
	e := &epilogue{scene: s, due: known.due(at), how: how}
	seen, _, err := s.r.Mark()
	if err != nil && !sc.mp {
		return out, fmt.Errorf("mark: %w", err)
	}
	if err := e.run(); err != nil {
		return out, err
	}
	if sc.marks() {
		if err := e.checkMark(known.lastMark(e.came), seen.Mark); err != nil {
			return out, err
		}
	}
	if err := inOrder(s.r); err != nil {
		return out, fmt.Errorf("an examination finds in a recovered ring: %w", err)
	}
	out.came = e.came
	return out, compare(e.due, e.came)
}

// checkMark tells whether the mark of record id is the last one: that of the records that came, and
// of those before. seen is what a viewer saw before the ring was drained.
func (e *epilogue) checkMark(id uint64, seen layout.Mark) error {
	now, ok, err := e.r.Mark()
	if seen != markOf(id) || now.Mark != seen || !ok || err != nil {
		return fmt.Errorf("the last mark is that of record %#x; a viewer saw that of %#x, and then that of %#x: %w", id, seen[0], now.Mark[0], err)
	}
	last, ok, err := e.p.Mark()
	if last != seen || !ok || err != nil {
		return fmt.Errorf("the last mark is that of record %#x; the producer has that of %#x: %w", id, last[0], err)
	}
	return nil
}

// checkSeat tells that a seat that is not dirty was left in order: no participant would look
// for what it holds. Its description is whole then, but for the role, which a newcomer
// writes first, unless a participant died on the seat while writing it.
func (s *scene) checkSeat(whole bool) error {
	seat := s.r.Seat(victimSeat)
	if seat.Dirty() {
		return nil
	}
	if n := s.owned(victimSeat); n > 0 {
		return fmt.Errorf("the seat is clean, and %d words name it", n)
	}
	o := seat.Occupant()
	as := func(role uint32) bool {
		was := occupant(role)
		was.Role = o.Role
		return o == was
	}
	if whole && !as(1) && !as(2) {
		return fmt.Errorf("the seat is clean, and half written: %+v", o)
	}
	return nil
}

// recoverAll recovers the seats of dead participants. Living ones keep what is theirs.
func (s *scene) recoverAll(how ending) error {
	dead := append([]int{victimSeat}, s.dead...)
	living := []int{claimSeat, leaseSeat}
	if how == allDie {
		dead, living = append(dead, living...), nil
	}
	had := make([]int, len(living))
	for i, seat := range living {
		had[i] = s.owned(seat)
	}
	by := s.actor(freshConsumerSeat)
	for _, seat := range dead {
		claims := s.claimsOf(seat)
		by.recover(seat)
		_, tail := s.r.Positions()
		for _, end := range claims {
			if int64(tail-end) < 0 {
				return fmt.Errorf("tail is %d after the recovery of a claim up to %d", tail, end)
			}
		}
		if n := s.owned(seat); n > 0 {
			return fmt.Errorf("%d words name seat %d after its recovery", n, seat)
		}
	}
	for i, seat := range living {
		if n := s.owned(seat); n != had[i] {
			return fmt.Errorf("the living seat %d was robbed: %d words name it, not %d", seat, n, had[i])
		}
	}
	for i := range s.held {
		if _, err := ringtest.ReadRecord(s.held[i].Data); err != nil {
			return fmt.Errorf("held record changed: %w", err)
		}
	}
	return nil
}

// claimsOf returns where the claims of a seat end: tail is beyond a claim before that
// becomes anything else.
func (s *scene) claimsOf(seat int) (ends []uint64) {
	shift := s.region.Geometry.Shift()
	_, tail := s.r.Positions()
	for i := range s.region.Geometry.Slots {
		if w := s.region.Word(i); w.State() == layout.Claimed && w.Seat() == seat && s.r.Seat(seat).Dirty() {
			ends = append(ends, w.Position(i, tail, shift)+w.Slots(shift))
		}
	}
	return ends
}

// epilogue is what living participants do with the ring of a recovered image.
type epilogue struct {
	*scene
	due  []due
	how  ending
	came []delivery
	p    *ring.Producer
	c    *ring.Consumer
}

func (e *epilogue) run() error {
	switch e.how {
	case settleFirst:
		if err := e.producer(); err != nil {
			return err
		}
		e.consumer()
		if e.claimed != nil {
			e.claimer.commit(e.claimed)
			e.due = append(e.due, due{id: e.claimed.id, size: e.claimed.size, comes: yes})
		}
		if e.held != nil {
			e.holder.release(e.held, 0)
		}
	case settleLast:
		e.consumer()
		if err := e.drain(); err != nil {
			return err
		}
		if e.claimed != nil {
			e.claimer.abort(e.claimed)
		}
		if e.held != nil {
			id, _ := ringtest.ReadRecord(e.held[0].Data)
			e.due = slices.DeleteFunc(e.due, func(d due) bool { return d.id == id })
			e.holder.c.Ack(&e.held[0])
		}
	case allDie:
		e.consumer()
	}
	if err := e.drain(); err != nil {
		return err
	}
	if e.p == nil {
		if err := e.producer(); err != nil {
			return err
		}
	}
	if err := e.atRest(); err != nil {
		return err
	}
	if err := refill(e.region.Geometry, e.p, e.c); err != nil {
		return err
	}
	return e.atRest()
}

// producer chooses the sender: a newcomer, or one that was there.
func (e *epilogue) producer() (err error) {
	alive := e.feeder != nil && e.feeder != e.victim
	switch {
	case e.mp && e.how != settleLast:
		e.p, err = e.r.NewProducer(freshProducerSeat)
	case alive:
		e.p = e.feeder.p
	default:
		e.p, err = e.r.NewProducer(victimSeat)
	}
	return err
}

// consumer chooses the taker. One that was there looks for orphans when it is told of
// them; a newcomer always does.
func (e *epilogue) consumer() {
	alive := e.eater != nil && e.eater != e.victim
	switch {
	case e.mc && e.how != settleLast, alive && !e.mc && e.how == allDie:
		e.c = e.r.NewConsumer(freshConsumerSeat)
	case alive:
		e.c = e.eater.c
	default:
		e.c = e.r.NewConsumer(victimSeat)
	}
}

// drain takes and acknowledges all there is.
func (e *epilogue) drain() error {
	for range 4 * e.region.Geometry.Slots {
		var l ring.Lease
		if err := e.c.TryLease(&l); err == ring.ErrEmpty {
			return nil
		} else if err != nil {
			return fmt.Errorf("drain: %w", err)
		}
		id, err := ringtest.ReadRecord(l.Data)
		if err != nil {
			return fmt.Errorf("torn: %w", err)
		}
		i := slices.IndexFunc(e.due, func(d due) bool { return d.id == id })
		if i >= 0 && len(l.Data) != e.due[i].size {
			return fmt.Errorf("record %#x has %d bytes, not %d", id, len(l.Data), e.due[i].size)
		}
		e.came = append(e.came, delivery{id, l.Redelivered > 0})
		e.c.Ack(&l)
	}
	return errors.New("the ring does not drain")
}

// atRest tells that the ring holds nothing, and says so.
func (e *epilogue) atRest() error {
	var l ring.Lease
	if err := e.c.TryLease(&l); err != ring.ErrEmpty {
		return fmt.Errorf("drained, but a lease returns %v", err)
	}
	if !e.c.Idle() {
		return errors.New("drained, but not idle")
	}
	s := inspect.NewSurvey(e.r)
	for _, held := range append(s.Seats, s.Handed) {
		if held != (inspect.Holding{}) {
			return fmt.Errorf("drained, but there is %+v", s)
		}
	}
	if s.Records+s.Claimed+s.Leased+s.Orphans != 0 || s.Full {
		return fmt.Errorf("drained, but there is %+v", s)
	}
	return nil
}
