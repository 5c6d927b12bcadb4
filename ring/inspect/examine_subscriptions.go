package inspect

import (
	"fmt"

	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// eachPositions is positions where each consumer gets every record. tail was read after head. A
// gate is at or before a tail that its producer had read, and producers go no more than a lap
// beyond one; a single producer that waits for nobody writes no more than it has announced, and
// announces a record or a part of a lap ahead.
func (e *examiner) eachPositions(tail uint64) bool {
	r := e.r
	ahead := int64(e.head - tail)
	word, most, want := "gate", int64(0), "at most tail"
	switch {
	case r.Geo.Skip && r.Geo.ManyProducers:
		return true // head is tail's
	case r.Geo.Skip:
		word, most, want = "intent", int64(e.lag), "at most a lap and a record beyond tail" // head is a lap before it
	}
	head := r.word(layout.HotHead)
	if ahead > most {
		e.hot(FaultPositions, layout.HotHead, fmt.Sprintf("%s %d", word, head), fmt.Sprintf("%s, %d", want, tail),
			"what is in the ring counts as written over: subscriptions that join get none of it, and the slots can't be judged")
		return false
	}
	if n := int64(e.tail - e.head); n > 0 && uint64(n) > r.Cap {
		e.hot(FaultPositions, layout.HotHead, fmt.Sprintf("%s %d", word, head), fmt.Sprintf("so much that tail, %d, is covered by it", e.tail),
			"records that are being written over may be taken for whole ones; the slots can't be judged")
		return false
	}
	return true
}

// subscriptions judges the table of subscriptions. Cursors move on while participants work, and
// entries come and go, so each entry is read again at the end, and an examination counts that is made
// several times.
func (e *examiner) subscriptions() {
	names := map[string]int{}
	for i := range e.r.Geo.Subscriptions {
		off := e.r.Geo.SubscriptionOffset() + uint64(i)*layout.SubscriptionSize
		if off+layout.SubscriptionSize > e.have {
			return
		}
		tail := e.r.tail() // what the cursor then was is at most a lap behind it
		c := e.ring.Subscription(i).Cursor()
		s := e.ring.Subscription(i).Fields()
		now := e.ring.Subscription(i).Cursor()
		if now.State() != c.State() {
			continue
		}
		bad := func(off2 uint64, found, want, means string) {
			e.add(Fault{Kind: FaultSubscription, Offset: off + off2, Slot: -1, Seat: -1, Found: fmt.Sprintf("subscription %d: %s", i, found), Want: want, Means: means, Unsure: true})
		}
		switch c.State() {
		case 3:
			bad(layout.SubCursor, "a cursor of state 3", "0 free, 1 joining or 2 active",
				"producers wait for it as for one that joins; it ends when a participant looks for dead ones, unless its holder lives")
		case layout.CursorActive:
			e.active(c.Near(tail), tail, &s, bad)
			if s.Durable == 1 && s.NameLen > 0 && s.NameLen <= layout.SubNameN {
				if other, twice := names[s.Name]; twice {
					bad(layout.SubName, fmt.Sprintf("the name %q, which subscription %d has too", s.Name, other), "each name once",
						"a consumer that asks for the name gets one of them; producers wait for the other for ever")
				}
				names[s.Name] = i
			}
		}
	}
}

// active judges an active entry. The tail that was read before its cursor bounds what it
// is behind, the present one what it is ahead.
func (e *examiner) active(pos, tail uint64, s *ring.SubscriptionFields, bad func(off uint64, found, want, means string)) {
	r := e.r
	now := r.tail()
	if n := int64(pos - now); n > 0 && uint64(n) > e.lag {
		bad(layout.SubCursor, fmt.Sprintf("cursor %d", pos), fmt.Sprintf("at most tail, %d", now),
			"its consumer finds the queue empty until tail gets there; producers don't wait for it")
	}
	if n := int64(tail - pos); !r.Geo.Skip && n > 0 && uint64(n) > r.Cap {
		bad(layout.SubCursor, fmt.Sprintf("cursor %d", pos), fmt.Sprintf("at least tail - slots, %d", tail-r.Cap),
			"producers find the queue full for ever: end the subscription")
	}
	if n := int64(s.Handout - now); n > 0 && uint64(n) > e.lag {
		bad(layout.SubHandout, fmt.Sprintf("handout %d", s.Handout), fmt.Sprintf("at most tail, %d", now),
			"records that its consumer has not seen are delivered flagged as redelivered, until tail gets there")
	}
	if s.Durable > 1 {
		bad(layout.SubDurable, fmt.Sprintf("durable %d", s.Durable), "0 or 1", "it counts as not durable: it ends with its holder")
	}
	if s.NameLen > layout.SubNameN || s.Durable == 1 && !ring.ValidName(s.Name) {
		bad(layout.SubNameLen, fmt.Sprintf("a name of %d bytes, %q", s.NameLen, s.Name), fmt.Sprintf("1 to %d bytes of text for a durable subscription", layout.SubNameN),
			"no consumer can ask for it; producers may wait for it for ever")
	}
	if int(s.Seat) >= r.Geo.Seats {
		bad(layout.SubSeat, fmt.Sprintf("seat %d", s.Seat), fmt.Sprintf("seat 0 to %d", r.Geo.Seats-1), "people are told of the wrong holder; no participant is stuck")
	}
}
