//go:build shmqstep

package ring_test

import (
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
)

// operation is what the victim does when it dies.
type operation struct {
	name     string
	producer bool
	attaches bool // takes its seat, and its role, as part of it
	mp, mc   bool // only where these are many
	marks    bool // only where records have marks
	states   []state
	run      func(*actor)
}

func (o operation) role() uint32 {
	if o.producer {
		return layout.RoleProducer
	}
	return layout.RoleConsumer
}

// fits tells whether a state can be had in a queue for an operation.
func (st state) fits(op operation, mp, mc bool) bool {
	switch {
	case op.mp && !mp, op.mc && !mc, st.claim && !mp:
		return false
	}
	// A lease is another consumer's: the victim's own are part of its operation.
	return !st.lease || mc || op.producer
}

var usual = []state{
	{name: "empty"},
	{name: "half full", sizes: []int{40, 100, 60}},
	{name: "two slots left", sizes: []int{60, 8, 64, 40, 8, 60}},
	{name: "one slot left", sizes: []int{60, 8, 64, 40, 8, 60, 40}},
	{name: "others' claim", sizes: []int{40, 100}, claim: true},
	{name: "others' lease", sizes: []int{40, 8, 100}, lease: true},
	{name: "others' claim and lease", sizes: []int{64, 40, 8}, claim: true, lease: true},
}

var operations = []operation{
	{name: "send inline", producer: true, states: usual, run: func(a *actor) { a.send(40) }},
	{name: "send one slot", producer: true, states: usual, run: func(a *actor) { a.send(60) }},
	{name: "send two slots", producer: true, states: usual, run: func(a *actor) { a.send(100) }},
	{name: "send four slots", producer: true, states: usual, run: func(a *actor) { a.send(250) }},
	{name: "send twice", producer: true, states: usual, run: func(a *actor) { a.send(8); a.send(100) }},
	{name: "send batch", producer: true, states: usual, run: func(a *actor) { a.send(40, 100, 60) }},
	{name: "reserve, commit", producer: true, states: usual, run: func(a *actor) { a.commit(a.reserve(100, 100)) }},
	{name: "reserve, commit less", producer: true, states: usual, run: func(a *actor) { a.commit(a.reserve(120, 40)); a.send(40) }},
	{name: "reserve, abort, send", producer: true, states: usual, run: func(a *actor) { a.abort(a.reserve(100, 100)); a.send(60) }},
	{name: "ask turn, send, drop turn", producer: true, states: usual, run: func(a *actor) {
		a.p.AskTurn()
		a.send(100)
		a.p.DropTurn()
	}},
	{name: "send marked", producer: true, marks: true, states: usual, run: func(a *actor) { a.sendMarked(40) }},
	{name: "send marked, two slots", producer: true, marks: true, states: usual, run: func(a *actor) { a.sendMarked(100) }},
	{name: "send marked twice", producer: true, marks: true, states: usual, run: func(a *actor) { a.sendMarked(8); a.sendMarked(100) }},
	{name: "send marked, send", producer: true, marks: true, states: usual, run: func(a *actor) { a.sendMarked(25); a.send(8) }},
	{name: "send, send marked, four slots", producer: true, marks: true, states: usual, run: func(a *actor) { a.send(8); a.sendMarked(250) }},
	{name: "send marked batch", producer: true, marks: true, states: usual, run: func(a *actor) { a.sendMarked(40, 100, 60) }},
	{name: "reserve, commit marked", producer: true, marks: true, states: usual, run: func(a *actor) { a.commitMarked(a.reserve(44, 40)) }},
	{name: "reserve, abort, send marked", producer: true, marks: true, states: usual, run: func(a *actor) { a.abort(a.reserve(100, 100)); a.sendMarked(60) }},
	{name: "attach, send, send marked", producer: true, marks: true, attaches: true, states: append(lagging, usual...), run: func(a *actor) {
		a.attach(true)
		a.send(40)
		a.sendMarked(8)
	}},
	{name: "recycle skips", producer: true, mp: true, states: skips, run: func(a *actor) { a.send(40); a.send(100) }},
	{name: "attach, send, detach", producer: true, attaches: true, states: append(lagging, usual...), run: func(a *actor) {
		a.attach(true)
		a.send(100)
		a.detach()
	}},
	{name: "attach, finish, attach, send", producer: true, attaches: true, states: usual[:3], run: func(a *actor) {
		a.attach(true)
		a.detach()
		a.attach(true)
		a.send(40)
	}},
	{name: "reclaim", producer: true, states: remains, run: func(a *actor) { a.recover(deadSeat); a.send(40) }},

	{name: "receive", states: usual, run: func(a *actor) { a.receive(); a.receive() }},
	{name: "lease, ack", states: usual, run: func(a *actor) { a.ackAll(a.lease(1), 0) }},
	{name: "lease twice, ack in turn", states: usual, run: func(a *actor) {
		l, m := a.lease(1), a.lease(1)
		a.ackAll(l, 0)
		a.ackAll(m, 0)
	}},
	{name: "lease twice, ack backwards", states: usual, run: func(a *actor) {
		l, m := a.lease(1), a.lease(1)
		a.ackAll(m, 0)
		a.ackAll(l, 0)
	}},
	{name: "lease, release, lease, ack", states: usual, run: func(a *actor) {
		a.release(a.lease(1), 0)
		a.ackAll(a.lease(1), 0)
	}},
	{name: "lease batch, ack 0 1 2", states: usual, run: func(a *actor) { a.ackAll(a.lease(3), 0, 1, 2) }},
	{name: "lease batch, ack at once", states: usual, run: func(a *actor) { a.ackBatch(a.lease(3)) }},
	{name: "receive batch", states: usual, run: func(a *actor) { a.receiveBatch(3) }},
	{name: "lease batch, ack 2 1 0", states: usual, run: func(a *actor) { a.ackAll(a.lease(3), 2, 1, 0) }},
	{name: "lease batch, ack 1 0 2", states: usual, run: func(a *actor) { a.ackAll(a.lease(3), 1, 0, 2) }},
	{name: "lease batch, ack 0, release, ack 2", states: usual, run: func(a *actor) {
		ls := a.lease(3)
		a.ackAll(ls, 0)
		a.release(ls, 1)
		a.ackAll(ls, 2)
	}},
	{name: "lease batch, ack 1, close", states: usual, run: func(a *actor) {
		a.ackAll(a.lease(3), 1)
		a.c.Close()
	}},
	{name: "lease twice, close", states: usual, run: func(a *actor) {
		l := a.lease(1)
		a.lease(1)
		a.ackAll(l, 0)
		a.c.Close()
	}},
	{name: "adopt, ack", mc: true, states: orphans, run: func(a *actor) {
		for range 3 {
			a.ackAll(a.lease(1), 0)
		}
	}},
	{name: "adopt, keep, release", mc: true, states: orphans, run: func(a *actor) {
		a.lease(1)
		a.release(a.lease(1), 0)
		a.lease(2)
		a.c.Close()
	}},
	{name: "attach, receive, detach", attaches: true, states: append(handed, usual...), run: func(a *actor) {
		a.attach(false)
		a.receive()
		a.lease(1)
		a.detach()
	}},
	{name: "attach, release, detach", attaches: true, states: usual, run: func(a *actor) {
		a.attach(false)
		a.release(a.lease(1), 0)
		a.detach()
	}},
	{name: "attach, lease, ack", attaches: true, states: append(handed, usual...), run: func(a *actor) {
		a.attach(false)
		a.ackAll(a.lease(2), 1, 0)
	}},
	{name: "reclaim, take", states: remains, run: func(a *actor) { a.recover(deadSeat); a.ackAll(a.lease(1), 0) }},
}

// skips are left by claims that were aborted a lap ago.
var skips = []state{
	{name: "skip behind head", prepare: func(s *scene) {
		d := s.other(true)
		d.abort(d.reserve(100, 100))
		for range 6 {
			s.feeder.send(40)
			s.eat(1)
		}
	}},
	{name: "skip at head", prepare: func(s *scene) {
		d := s.other(true)
		d.abort(d.reserve(100, 100))
		for range 6 {
			s.feeder.send(40)
		}
	}},
	{name: "two skips, one at head", prepare: func(s *scene) {
		d := s.other(true)
		d.abort(d.reserve(100, 100))
		d.abort(d.reserve(8, 8))
		for range 5 {
			s.feeder.send(60)
		}
	}},
	{name: "skip of four slots", prepare: func(s *scene) {
		d := s.other(true)
		d.abort(d.reserve(250, 250))
		for range 4 {
			s.feeder.send(8)
			s.eat(1)
		}
	}},
}

// orphans are takes that were given back.
var orphans = []state{
	{name: "orphan", sizes: []int{40, 40}, prepare: func(s *scene) {
		d := s.other(false)
		d.release(d.lease(1), 0)
	}},
	{name: "large orphans", sizes: []int{100, 100, 60}, prepare: func(s *scene) {
		d := s.other(false)
		l, m := d.lease(1), d.lease(1)
		d.release(l, 0)
		d.release(m, 0)
	}},
	{name: "orphaned batch", sizes: []int{40, 100, 60}, prepare: func(s *scene) { abandonBatch(s) }},
	{name: "orphaned batch, first acknowledged", sizes: []int{100, 40, 60}, prepare: func(s *scene) { abandonBatch(s, 0) }},
	{name: "orphaned batch, middle acknowledged", sizes: []int{40, 100, 60}, prepare: func(s *scene) { abandonBatch(s, 1) }},
	{name: "orphaned batch, last left", sizes: []int{40, 100, 60, 8}, prepare: func(s *scene) { abandonBatch(s, 1, 0) }},
}

func abandonBatch(s *scene, acked ...int) {
	d := s.other(false)
	ls := d.lease(3)
	d.ackAll(ls, acked...)
	for i := range ls {
		d.release(ls, i) // nothing for those that were acknowledged
	}
}

// remains are what a dead participant leaves to be swept.
var remains = append([]state{
	{name: "dead claim", sizes: []int{40}, prepare: func(s *scene) { deadClaim(s) }},
	{name: "dead claim that tail does not know", sizes: []int{40}, prepare: func(s *scene) {
		if deadClaim(s); s.mp {
			_, tail := s.r.Positions()
			s.region.SetHot(layout.HotTail, tail-2)
		}
	}},
	{name: "dead turn", sizes: []int{40}, prepare: func(s *scene) {
		if s.mp {
			s.other(true).p.AskTurn()
		}
	}},
	{name: "dead lease", sizes: []int{100, 40}, prepare: func(s *scene) {
		if s.mc {
			s.other(false).lease(1)
		}
	}},
	{name: "dead lease that head does not know", sizes: []int{100, 40}, prepare: func(s *scene) {
		if head, _ := s.r.Positions(); s.mc && s.region.Word(head).State() != layout.Skip {
			s.other(false).lease(1)
			s.region.SetHot(layout.HotHead, head)
		}
	}},
	{name: "dead batch", sizes: []int{40, 100, 60}, prepare: func(s *scene) {
		if s.mc {
			d := s.other(false)
			d.ackAll(d.lease(3), 1, 0)
		}
	}},
	{name: "dead leases and batch", sizes: []int{40, 8, 100, 40, 60}, prepare: func(s *scene) {
		if s.mc {
			d := s.other(false)
			l := d.lease(1)
			d.lease(1)
			d.ackAll(d.lease(2), 0)
			d.ackAll(l, 0)
		}
	}},
}, usual[5])

// deadClaim leaves a half written claim.
func deadClaim(s *scene) {
	if !s.mp {
		return
	}
	d := s.other(true)
	b, err := d.p.Reserve(100)
	if err != nil {
		s.books.failf("reserve: %w", err)
		return
	}
	ringtest.FillRecord(b, d.maker<<32|99, 0, 50)
}

// lagging is a predecessor that died between its last word and tail.
var lagging = []state{{name: "tail lags", sizes: []int{40}, prepare: func(s *scene) {
	_, tail := s.r.Positions()
	filled := s.r.Geometry().Slots-tail%s.r.Geometry().Slots < 2
	s.feeder.send(100)
	if !s.mp && !filled {
		s.region.SetHot(layout.HotTail, tail)
	}
}}}

// handed is a predecessor that died with leases open, the second acknowledged.
var handed = []state{{name: "handed out", sizes: []int{40, 100, 8, 60}, prepare: func(s *scene) {
	a := s.eater
	if s.mc {
		a = s.other(false)
	}
	a.lease(1)
	a.ackAll(a.lease(1), 0)
}}}
