package ring

import (
	"sync/atomic"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// An end is for every consumer that was attached when it came; their seats say so. When
// there was none, it is for the first that comes; to take such an end is a CAS on told. A
// consumer that comes later waits for the next stream. If all those that an end was for have
// died or left, and none was told, one that got records of the stream instead is told;
// but not one that would be told an end and nothing else.
//
// An end that no producer marked is over for later consumers when the next stream has
// begun, as at a pipe: they get both streams as one.
//
// A consumer that may be told an end takes no record behind that end's position before it
// was told, or has passed over it: it has a limit. It finds the limit in time because it
// looks at the log after it has seen the word of a record and before it takes that; the
// end before a record was noted, and WarnOfStream called, before the record was sent.
type endings struct {
	asks bool
	from uint64 // the first end that came, or will come, since this consumer attached
	next uint64 // the first end that it has not been told and has not passed over
	met  uint64 // up to this number ends had met others when it attached
	cut  bool   // it has passed over a cut stream of which records may have come to it

	// limited: next is an end that it may be told. What it says of itself:
	limited bool
	limit   uint64 // its position
	how     uint64
	got     bool // a record before the limit, since it attached or was told an end

	told bool // next - 1 was told to it
}

// Listen begins to listen for ends. asks says whether this consumer wants to be told any.
// One that does not stands for its share all the same, as long as it is attached.
//
// Preconditions: the end of a stream whose producers have all gone is noted.
func (c *Consumer) Listen(asks bool) {
	if c.single.subscribed {
		c.listenSubscribed(asks)
		return
	}
	r, last := c.r, atomics.Load64(c.r.ends)
	met, told := atomics.Load64(r.met), atomics.Load64(r.told)
	for range maxTries {
		if int64(last-met) <= 0 || atomics.CAS64(r.met, met, last) {
			break
		}
		met = atomics.Load64(r.met)
	}
	c.ends = endings{asks: asks, from: last + 1, next: last + 1, met: met}
	if n := last - told; n-1 < layout.EndLogSize-1 {
		c.ends.next = told + 1
	} else if int64(n) > 0 {
		c.ends.next = last - (layout.EndLogSize - 1)
	}
	mine := last + 1
	if int64(last-met) > 0 { // it is the first that those in between meet
		mine = max(met+1, c.ends.next)
	}
	c.await(mine)
}

// listenSubscribed is Listen where each consumer gets every record, and every end from where it
// began, once. A durable subscription remembers which comes next; what came before its cursor
// is over.
func (c *Consumer) listenSubscribed(asks bool) {
	s := c.single.sub
	last := atomics.Load64(c.r.ends)
	next := atomic.LoadUint64(s.u64(layout.SubEnds))
	if first := c.r.firstEnd(c.single.next, last, true); int64(next-first) < 0 || int64(next-last) > 1 {
		next = first
	}
	c.ends = endings{asks: asks, from: next, next: next, met: last}
	c.await(next)
}

// near returns the position of an end's mark: the one nearest to ref, since a mark has
// room for sixty bits of it.
func (r *Ring) near(ref, mark uint64) uint64 {
	return ref + uint64(int64((mark>>endHowBits-ref)<<endHowBits)>>endHowBits)
}

// await says in the seat that ends from n on are this consumer's.
func (c *Consumer) await(n uint64) {
	atomics.Store32(c.r.Seat(c.seat).u32(layout.SeatAwaits), uint32(n<<1|1))
}

// Awaits reports whether the consumer of a seat has a claim to end n. It is for others,
// and says nothing of whether that one is alive.
func (s Seat) Awaits(n uint64) bool {
	a := atomics.Load32(s.u32(layout.SeatAwaits))
	return a&1 == 1 && atomics.Load32(s.u32(layout.SeatRole)) == layout.RoleConsumer && int32(uint32(n<<1|1)-a) >= 0
}

// mayEnd reports whether there may be an end that this consumer has to stop at. It is a
// bool for the many, and a load of a line that is its own for a single one.
func (c *Consumer) mayEnd() bool {
	e := &c.ends
	if !e.asks {
		return false
	}
	if c.shares {
		return e.limited || atomics.Load64(c.r.orphans) != c.shared.seen
	}
	return int64(atomics.Load64(c.r.ends)-e.next) >= 0
}

// lookAtEnds finds the end at which this consumer has to stop, if there is one, and
// passes over those that are not for it.
func (c *Consumer) lookAtEnds() {
	e := &c.ends
	if !e.asks {
		return
	}
	was, at := e.limited, e.limit
	e.limited = false
	for range 2 * layout.EndLogSize { // more only if somebody hostile counts ends
		last := atomics.Load64(c.r.ends)
		if int64(last-e.next) < 0 {
			break
		}
		if last-e.next >= layout.EndLogSize { // forgotten
			e.next, e.told = last-(layout.EndLogSize-1), false
			continue
		}
		mark := atomics.Load64(c.r.end(e.next, layout.EndMark))
		if atomics.Load64(c.r.ends)-e.next >= layout.EndLogSize {
			continue // it was written over
		}
		now := c.next()
		e.limit, e.how = c.r.near(now, mark), mark&(1<<endHowBits-1)
		if c.forMe(last, now) {
			e.limited = true
			break
		}
		c.passEnd()
	}
	if was && !(e.limited && e.limit == at) {
		// There may be orphans that were behind the limit.
		c.shared.again = true
	}
}

// forMe reports whether end next, which lookAtEnds has read, may be told to this consumer:
// it was attached when the end came; or nobody was told, no record behind it was taken,
// and it is one that still counts. The rest is asked when all before it is taken.
func (c *Consumer) forMe(last, at uint64) bool {
	e := &c.ends
	if int64(e.next-e.from) >= 0 {
		return true
	}
	return int64(atomics.Load64(c.r.told)-e.next) < 0 && int64(at-e.limit) <= 0 &&
		(e.how == layout.EndFinished || e.next == last && !c.r.StreamOpen())
}

// passEnd passes over end next, which is not for this consumer.
func (c *Consumer) passEnd() {
	e := &c.ends
	if e.how != layout.EndFinished && e.how != layout.EndLeft && int64(e.limit-c.next()) > 0 {
		e.cut = true
	}
	e.next++
	e.limited, e.told = false, false
	if c.single.subscribed {
		atomic.StoreUint64(c.single.sub.u64(layout.SubEnds), e.next)
	}
}

// within returns how many of the records at these places lie before the limit.
func (c *Consumer) within(places []pick) int {
	c.lookAtEnds()
	if !c.ends.limited {
		return len(places)
	}
	n := 0
	for n < len(places) && int64(places[n].pos+places[n].k-c.ends.limit) <= 0 {
		n++
	}
	return n
}

// beyond reports whether a position is not to be taken before an end was told.
func (c *Consumer) beyond(p uint64) bool { return c.ends.limited && int64(p-c.ends.limit) >= 0 }
