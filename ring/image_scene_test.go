//go:build shmqstep

package ring_test

import (
	"fmt"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Seats in a scene.
const (
	feederSeat = iota // sends what is there before, and lives on where it can
	eaterSeat         // takes what was there before that, and lives on where it can
	deadSeat          // died before the tape
	victimSeat        // dies on the tape
	claimSeat         // has a claim open, and lives
	leaseSeat         // has a lease open, and lives
	freshProducerSeat
	freshConsumerSeat
	imageSeats
)

// state is what is in the ring when an operation begins.
type state struct {
	name    string
	sizes   []int        // records that wait
	claim   bool         // another producer has a claim open, behind them
	lease   bool         // another consumer holds the first of them
	prepare func(*scene) // what else there is
}

// scenario is one operation from one state in one kind of queue.
type scenario struct {
	op     operation
	mp, mc bool
	state  state
	at     uint64 // where tail is, but for what prepare adds
	region *ringtest.Region
}

func (sc *scenario) String() string {
	sums := ""
	if sc.region.Geometry.Checksum {
		sums = ", checksums"
	}
	return fmt.Sprintf("%s, producers=%s consumers=%s, %s, at %#x%s", sc.op.name, oneMany(sc.mp), oneMany(sc.mc), sc.state.name, sc.at, sums)
}

// marks tells that records are sent with marks: a single producer does that, up to 2^64 - 3.
func (sc *scenario) marks() bool { return !sc.mp && sc.at < 1<<63+1<<62 }

// scene is a scenario built up to the moment at which its operation begins. It is
// built again, in the same way, for each image: living participants have what they know in
// private memory.
type scene struct {
	*scenario
	r      *ring.Ring
	books  *books
	feeder *actor
	eater  *actor
	dead   []int // seats to recover besides the victim's
	victim *actor

	claimer *actor
	claimed *entry
	holder  *actor
	held    []ring.Lease
}

func (sc *scenario) build() *scene {
	slots := uint64(0)
	for _, n := range sc.state.sizes {
		slots += uint64(n+63) / 64
	}
	g := sc.region.Geometry
	sc.region.Start(sc.at - slots - g.Slots)
	s := &scene{scenario: sc, r: sc.region.Ring(), books: newBooks(sc.mc)}
	s.victim = s.actor(victimSeat)
	old := s.r.Seat(victimSeat)
	old.Take(occupant(3 - sc.op.role()))
	old.Clean()

	// A single participant that does not attach on the tape did all that was done before.
	own := !sc.op.attaches
	s.feeder, s.eater = s.actor(feederSeat), s.actor(eaterSeat)
	if own && sc.op.producer && !sc.mp {
		s.feeder = s.victim
	}
	if own && !sc.op.producer && !sc.mc {
		s.eater = s.victim
	}
	s.feeder.seated(true)
	s.eater.attach(false)
	if own && s.victim != s.feeder && s.victim != s.eater {
		s.r.Seat(victimSeat).Take(occupant(sc.op.role()))
		if sc.op.producer {
			s.victim.p, _ = s.r.NewProducer(victimSeat)
		} else {
			s.victim.c = s.r.NewConsumer(victimSeat)
		}
	}

	for i := range g.Slots { // so that no slot is as new
		send := s.feeder.send
		if s.marks() && i%3 == 1 {
			send = s.feeder.sendMarked
		}
		send([]int{40, 64, 8, 60}[i%4])
		s.eat(1)
	}
	s.eat(1) // sees that it is empty
	for _, e := range s.books.entries {
		if e.marked {
			s.books.mark = e.id
		}
	}
	s.books.entries = nil
	for _, n := range sc.state.sizes {
		s.feeder.send(n)
	}
	if sc.state.prepare != nil {
		sc.state.prepare(s)
	}
	if sc.state.lease {
		s.holder = s.eater
		if sc.mc {
			s.holder = s.actor(leaseSeat)
			s.holder.attach(false)
		}
		s.held = s.holder.lease(1)
	}
	if sc.state.claim {
		s.claimer = s.actor(claimSeat)
		s.claimer.seated(true)
		s.claimed = s.claimer.reserve(40, 40)
		s.books.drop(s.claimed)
	}
	if sc.op.attaches {
		if sc.op.producer && !sc.mp {
			s.feeder = s.leave(s.feeder)
		}
		if !sc.op.producer && !sc.mc {
			s.eater = s.leave(s.eater)
		}
	}
	return s
}

// seated takes the seat of a participant that is there before the tape. The stream is finished
// when that begins.
func (a *actor) seated(producer bool) {
	a.attach(producer)
	a.s.r.FinishStream()
	a.s.books.stream, a.s.books.wasFinished = nil, true
}

func (s *scene) actor(seat int) *actor {
	return &actor{s: s, seat: seat, maker: uint64(seat + 1)}
}

// leave makes a single participant a dead one: its role is to be taken over.
func (s *scene) leave(a *actor) *actor {
	s.dead = append(s.dead, a.seat)
	if a == s.eater {
		s.books.void()
	}
	return nil
}

// eat takes and acknowledges n records.
func (s *scene) eat(n int) {
	for range n {
		s.eater.ackAll(s.eater.lease(1), 0)
	}
}

// other returns an actor on the seat of a participant that will be dead, or is gone.
func (s *scene) other(producer bool) *actor {
	a := s.actor(deadSeat)
	a.seated(producer)
	s.dead = append(s.dead, deadSeat)
	return a
}

// owned counts the words that name a seat.
func (s *scene) owned(seat int) (n int) {
	for i := range s.region.Geometry.Slots {
		if w := s.region.Word(i); w.State().Owned() && w.Seat() == seat {
			n++
		}
	}
	return n
}

// imageGeometry is that of all scenes.
func imageGeometry(mp, mc bool) layout.Geometry {
	return layout.Geometry{ManyProducers: mp, ManyConsumers: mc, Seats: imageSeats, Slots: 8, AreaSize: 64}
}
