package ring

import (
	"errors"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// Kernel answers what only the kernel knows: which locks are held.
type Kernel interface {
	// EndStream notes the end of the stream that is open if no producer is attached; see
	// NoteEnd.
	EndStream() error
	// Recover recovers dead participants; see Sweep.
	Recover() Swept
	// Recovering reports whether another process holds layout.LockRecovery.
	Recovering() (bool, error)
	// Awaited reports whether another living consumer has a claim to end n; see
	// Seat.Awaits.
	Awaited(n uint64) bool
}

// ErrPassed: this consumer has gone past an end that was for others. There may be records
// for it now.
var ErrPassed = errors.New("passed the end of a stream")

// TryEnd takes the next end of a stream, if that is for this consumer and all before it
// was handed out, and returns how it ended: layout.EndFinished, EndLeft or EndCut. It
// returns 0 if there is no such end, perhaps with ErrPassed or an error of k.
//
// The order of the questions counts. Dead participants are recovered after the end was
// noted, so that the records that they held can be found; if another process is doing that,
// the answer has to wait.
//
// Preconditions: a call for a record has just returned ErrEmpty.
func (c *Consumer) TryEnd(k Kernel) (how int, err error) {
	if err := k.EndStream(); err != nil {
		return 0, err
	}
	e := &c.ends
	if c.lookAtEnds(); !e.limited {
		return 0, nil
	}
	k.Recover()
	if busy, err := k.Recovering(); err != nil || busy {
		return 0, err
	}
	if !c.drained() {
		return 0, nil
	}
	mine := int64(e.next-e.from) >= 0
	// It is not told an end and nothing else if others met that before.
	open := int64(e.next-e.met) > 0 || e.got
	if !mine && (!open || k.Awaited(e.next)) {
		if !c.Behind() && atomics.Load64(c.r.ends) == e.next {
			return 0, nil // it may still become this one's
		}
		c.leaveEnd()
		return 0, ErrPassed
	}
	return c.takeEnd(mine)
}

// drained reports whether all that was sent before the limit was handed out to somebody.
// Records that others hold and have not acknowledged count as handed out.
//
// Preconditions: a call for a record has just returned ErrEmpty; then the dead were
// recovered, and after that nobody held layout.LockRecovery.
func (c *Consumer) drained() bool {
	r, limit := c.r, c.ends.limit
	if !c.shares {
		w, lap := c.nextWord()
		return len(c.single.returned) == 0 && (c.beyond(c.single.next) || awaitedAt(w, lap))
	}
	for _, heir := range c.shared.heirs {
		if !c.beyond(heir.pos) {
			return false
		}
	}
	seen := atomics.Load64(r.orphans)
	if c.Orphans() || seen != c.shared.seen {
		return false
	}
	if int64(c.next()-limit) < 0 {
		if w, lap := c.nextWord(); !awaitedAt(w, lap) {
			return false
		}
	}
	// Behind an orphan that another consumer took may be records that nobody was handed.
	// That consumer said so before it took the orphan, which this one saw gone; and it
	// raises orphans before it takes that back with records left.
	for i := range r.m.Geo.Seats {
		if i == c.seat {
			continue
		}
		s := r.Seat(i)
		if p := atomics.Load64(s.u64(layout.SeatInherits)); p != 0 && int64(p-1-limit) < 0 && s.Dirty() {
			return false
		}
	}
	return atomics.Load64(r.orphans) == seen
}

// awaitedAt reports whether a word, lap laps ahead of its position, says that no record is
// there yet.
func awaitedAt(w layout.Word, lap int64) bool {
	return lap < 0 || lap == 0 && w.State() == layout.Free
}

// takeEnd takes the end at the limit, unless another consumer was first.
func (c *Consumer) takeEnd(mine bool) (how int, err error) {
	e := &c.ends
	if mine {
		raise(c.r.told, e.next)
	} else if told := atomics.Load64(c.r.told); int64(told-e.next) >= 0 || !atomics.CAS64(c.r.told, told, e.next) {
		return 0, ErrPassed // it has not yet, but will when it looks
	}
	if how = int(e.how); e.cut || how != layout.EndFinished && how != layout.EndLeft {
		how = layout.EndCut
	}
	c.leaveEnd()
	e.told, e.cut, e.got = true, false, false
	c.await(e.next)
	return how, nil
}

// leaveEnd goes on behind the limit.
func (c *Consumer) leaveEnd() {
	c.passEnd()
	c.shared.again = true
}

// AtEnd reports whether the last thing that this consumer was told is an end, and no
// stream has begun since.
func (c *Consumer) AtEnd() bool {
	e := &c.ends
	return e.told && atomics.Load64(c.r.ends) == e.next-1 && !c.r.StreamOpen()
}

// NextStream forgets that this consumer was told an end.
func (c *Consumer) NextStream() { c.ends.told = false }

// Behind reports whether a record waits behind the limit.
func (c *Consumer) Behind() bool {
	w, lap := c.nextWord()
	return c.beyond(c.next()) && lap == 0 && w.State() == layout.Full
}

// Settle is for a consumer that does not ask for ends and has found nothing: if all was
// handed out, the ends that have come are nobody's any more.
func (c *Consumer) Settle() {
	last := atomics.Load64(c.r.ends)
	if int64(last-atomics.Load64(c.r.told)) > 0 && c.Idle() {
		raise(c.r.told, last)
	}
}

// inherits stores what the seat says of inherited records; see layout.SeatInherits.
func (c *sharedConsumer) inherits(place uint64) {
	if c.inheriting != place {
		c.inheriting = place
		atomics.Store64(c.r.Seat(c.seat).u64(layout.SeatInherits), place)
	}
}

// sayHeirs says in the seat which record of a dead consumer's this one hands out next.
func (c *sharedConsumer) sayHeirs() {
	place := uint64(0)
	if len(c.heirs) > 0 {
		place = c.heirs[0].pos + 1
	}
	c.inherits(place)
}

// Relieved reports whether the last record that was inherited, of this stream, was handed
// out since the last call. Others may wait for that to be told an end.
func (c *Consumer) Relieved() bool {
	was := c.shared.relieved
	c.shared.relieved = false
	return was
}
