package ring

import (
	"slices"

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

func (c *singleConsumer) lease(l *Lease) error {
	err := c.leaseAny(l)
	c.storeHandout()
	return err
}

// leaseAny takes the oldest returned record, or else the next one. The caller stores
// handout before the program gets to see it.
func (c *singleConsumer) leaseAny(l *Lease) error {
	for len(c.returned) > 0 {
		if err := c.leaseReturned(l); err != region.ErrTorn {
			return err
		}
	}
	if c.skip.on {
		return c.leaseCopy(l, nil)
	}
	return c.leaseNext(l)
}

// leaseBatch stores handout once, before it returns any of the records.
func (c *singleConsumer) leaseBatch(ls []Lease) (n int, err error) {
	for n < len(ls) && err == nil {
		if err = c.leaseAny(&ls[n]); err == nil {
			n++
		}
	}
	c.storeHandout()
	if n > 0 && (err == ErrEmpty || err == ErrLagged) {
		if err == ErrLagged {
			c.skip.jump = jumpPending
		}
		err = nil
	}
	return n, err
}

// storeHandout tells a successor how far records were handed out. It never goes back:
// this consumer may die before it has handed out again all that its predecessor had.
func (c *singleConsumer) storeHandout() {
	if int64(c.next-c.seen) > 0 && c.next != c.told {
		c.told = c.next
		atomics.StoreRelease64(c.handoutAt, c.next)
	}
}

// extentOfNext returns how many slots the record, or the Skip, at p speaks for, where w is the word and a single consumer
// goes on. Errors: ErrEmpty, ErrDamaged.
func (r *Ring) extentOfNext(p uint64, w layout.Word) (k uint64, err error) {
	switch lap := w.CompareLap(p, r.m.Shift); {
	case lap > 0:
		return 0, ErrDamaged // producers can't be a lap ahead of head
	case lap < 0 || w.State() == layout.Free || w.State() == layout.Claimed:
		return 0, ErrEmpty
	case w.State() != layout.Full && w.State() != layout.Skip:
		return 0, ErrDamaged
	}
	if k = r.m.Span(p, w); k == 0 {
		return 0, ErrDamaged
	}
	return k, nil
}

// leaseNext takes the record at next into l.
func (c *singleConsumer) leaseNext(l *Lease) error {
	for range maxTries {
		p := c.next
		w, k := c.r.m.Load(p), uint64(1)
		if w != layout.FullWord(p, 1, c.r.m.Shift) { // else the next line is asked for before this one is here
			var err error
			if k, err = c.r.extentOfNext(p, w); err != nil {
				return err
			}
		}
		if p+k-c.head > c.r.m.Cap {
			return ErrDamaged // no producer writes beyond head and a lap
		}
		if w.State() == layout.Full && c.by.mayEnd() {
			if c.by.lookAtEnds(); c.by.beyond(p) {
				return ErrEmpty
			}
			c.by.ends.got = c.by.ends.got || c.by.ends.limited
		}
		if w.State() == layout.Skip {
			c.pass(p + k)
			continue
		}
		data, _, err := c.sums.Record(&c.r.m, p, k)
		if err == region.ErrTorn {
			c.pass(p + k)
			c.r.dropped()
			continue
		}
		if err != nil {
			return err
		}
		c.next = p + k
		c.fresh = false
		l.fill(data, 0, p, k, c.base+uint64(len(c.open)-c.first), c.by)
		if int64(c.seen-p) > 0 {
			l.Redelivered = c.redeliver(l)
		}
		c.open = append(c.open, span{end: p + k})
		return nil
	}
	return ErrEmpty
}

// pass goes on to end, without handing out what lies before it.
func (c *singleConsumer) pass(end uint64) { c.passLost(end, 0) }

// passLost is pass over so many positions that were lost.
func (c *singleConsumer) passLost(end, lost uint64) {
	c.next = end
	c.open = append(c.open, span{end: end, settled: true, lost: lost})
	c.moveHead()
}

// leaseReturned takes the oldest returned record into l. It drops one that is torn, with
// region.ErrTorn.
func (c *singleConsumer) leaseReturned(l *Lease) error {
	back := c.returned[0]
	if c.skip.on { // its copy was kept
		c.returned = slices.Delete(c.returned, 0, 1)
		back.Redelivered = c.redeliver(&back)
		*l = back
		return nil
	}
	data, _, err := c.sums.Record(&c.r.m, back.pos, uint64(back.k))
	if err != nil && err != region.ErrTorn {
		return err
	}
	c.returned = slices.Delete(c.returned, 0, 1)
	if err == region.ErrTorn {
		c.settle(&back, true)
		c.r.dropped()
		return err
	}
	back.Data = data
	back.Redelivered = c.redeliver(&back)
	*l = back
	return nil
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
