package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring/internal/region"
)

// A single consumer polls the word where the next record will appear and never
// writes to it: the line moves once, from the producer to it. head alone frees
// slots, so it follows the oldest record that is not acknowledged.
//
//	      head              next = handout
//	───────┼──────────────────┼───────────── positions
//	 freed │ handed out, open │ not seen yet
//
// handout is stored before a record is handed out, unless head passes it before that.
// If the consumer dies, its successor starts at head, and what lies before handout may
// have been seen.
type singleConsumer struct {
	r    *Ring
	by   *Consumer // that this is the kind of
	sums region.Summer

	// fresh: no lease is open, and nothing that was delivered before comes next. It ends
	// with a lease, and can begin again when head has moved.
	fresh      bool
	subscribed bool // see headAt

	next uint64
	head uint64 // as shared, which it alone stores
	seen uint64 // the predecessor's handout
	told uint64 // handout as stored last

	// open are the spans between head and next in order, settled or not; the
	// one at index first has number base.
	open  []span
	first int
	base  uint64

	returned []Lease // released, to be handed out again, oldest first
	leases   []Lease // for receiveLeases, again and again

	// Where head and handout are: those of the ring, or of a subscription, whose head is the position
	// shifted by headShift, and headState.
	headAt, handoutAt *uint64
	headShift         uint8
	headState         uint64
	sub               Subscription
	skip              skipping // see consumer_skip.go
}

type span struct {
	end      uint64
	lost     uint64 // positions of a jump
	releases uint32 // how often it was released
	settled  bool
}

// init makes c the kind of by.
func (c *singleConsumer) init(r *Ring, by *Consumer) {
	c.r, c.by = r, by
	c.headAt, c.handoutAt = r.head, r.handout
	c.resume()
}

// initSubscribed makes c the kind of by, which holds a subscription.
func (c *singleConsumer) initSubscribed(r *Ring, by *Consumer, s Subscription) {
	c.r, c.by, c.subscribed, c.sub = r, by, true, s
	c.headAt, c.handoutAt = s.cursorAt(), s.u64(layout.SubHandout)
	c.headShift, c.headState = layout.CursorShift, layout.CursorActive
	c.skip = skipping{on: r.m.Geo.Skip}
	if c.skip.on {
		if last, ok := s.untold(); ok {
			c.skip.last, c.skip.jump = last, jumpPending
		}
	}
	c.resume()
}

// storeHead acknowledges all before c.head.
func (c *singleConsumer) storeHead() {
	atomics.StoreRelease64(c.headAt, c.head<<(c.headShift&63)|c.headState)
}

// loadHead returns the head that this consumer, or its predecessor, has stored.
func (c *singleConsumer) loadHead() uint64 {
	h := atomics.Load64(c.headAt)
	if c.subscribed {
		return layout.Cursor(h).Near(atomics.Load64(c.r.tail))
	}
	return h
}

// resume starts where the predecessor stopped, or this consumer at its Close.
func (c *singleConsumer) resume() {
	h := c.loadHead()
	*c = singleConsumer{
		r:          c.r,
		by:         c.by,
		headAt:     c.headAt,
		handoutAt:  c.handoutAt,
		headShift:  c.headShift,
		headState:  c.headState,
		subscribed: c.subscribed,
		sub:        c.sub,
		skip:       c.skip,
		leases:     c.leases,
		next:       h,
		head:       h,
		told:       h,
		seen:       atomics.Load64(c.handoutAt),
		base:       c.base + uint64(len(c.open)-c.first),
	}
	c.skip.ahead = 0
	c.refresh()
}

func (c *singleConsumer) close() {
	switch {
	case c.skip.jump == jumpTelling:
		c.jumpTold()
	case c.skip.jump == jumpPending && int64(c.head-c.skip.last.To) < 0:
		c.skip.jump = jumpTold // it was made behind an open lease, and is made again
	}
	c.resume()
}

// holds also counts what was released: head does not pass it.
func (c *singleConsumer) holds() bool { return len(c.open) > c.first }

func (c *singleConsumer) backlog() bool { return len(c.returned) > 0 }

func (c *singleConsumer) orphans() bool { return false }

// refresh finds out whether the consumer is fresh. (What was released is open, too.)
func (c *singleConsumer) refresh() {
	c.fresh = c.head == c.next && int64(c.seen-c.next) <= 0 && !c.skip.on
}

// redeliver returns how often the record of l was delivered before, as far as holders recorded it,
// and records one more. A subscription writes no slots: it knows its own releases, and
// that a predecessor may have had the record.
func (c *singleConsumer) redeliver(l *Lease) int {
	if !c.subscribed {
		return c.r.m.Redeliver(l.pos)
	}
	n := int(l.releases)
	if int64(c.seen-l.pos) > 0 {
		n++
	}
	return n
}
