package inspect

import (
	"fmt"

	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/internal/region"
)

// An examination searches for what no participant writes. It only reads, and takes nothing
// for damage that a participant at work, or dead at any instruction, leaves behind: each
// judgement reads what bounds it on the right side of the word it judges.
//
//   - tail and head only grow. Slots that tail, read before the word, has passed were claimed:
//     an older word there is wrong. The future that a word tells is bounded by tail and
//     head read after it.
//   - The first word of a span is replaced last. The words inside count only if the
//     first word, read again after it, is the same.
//
// Words that name an owner may come back, so what rests on those is less than certain
// while participants are at work; several examinations find out.

// Fault is one thing that no participant writes.
type Fault struct {
	Kind   string
	Offset uint64 // of the bytes, from the start of the region
	Slot   int    // -1 where it is not about one
	Seat   int    // -1 where it is not about one
	Pos    uint64 // of the slot
	Found  string
	Want   string
	Means  string // to programs that use the queue
	// Unsure: it rests on what may come and go. Several examinations have to agree, and
	// while participants work even that is no proof.
	Unsure bool
}

// Kinds of faults.
const (
	FaultPositions = "positions" // head, tail and handout contradict each other
	FaultStream    = "stream"
	FaultTurn      = "turn"
	FaultMark      = "mark"
	FaultState     = "state" // of a word
	FaultSpan      = "span"
	FaultLap       = "lap"
	FaultHole      = "hole"
	FaultInner     = "inner" // a word inside a span contradicts its first
	FaultOwner     = "owner"
	FaultLength    = "length"
	FaultChecksum  = "checksum"
	FaultSeat      = "seat"

	FaultSubscription = "subscription"
)

// MaxFaults is how many faults an examination describes; it counts the others.
const MaxFaults = 1000

// Examination is the result of one pass.
type Examination struct {
	Faults []Fault
	More   int // that are not described
}

type examiner struct {
	Examination
	r          words
	ring       *ring.Ring
	have       uint64 // bytes of the region that are there
	head, tail uint64 // before the slots are read
	lag        uint64 // how far the shared tail may stay behind
	sums       region.Summer
	lost       bool // the last first word made no sense: what follows may be its inside
}

// Examine judges the hot words, the seats and every slot as far as they lie in the
// first have bytes of the region.
func Examine(r *ring.Ring, have uint64) Examination {
	e := &examiner{r: wordsOf(r), ring: r, have: have}
	if have < layout.SeatOffset {
		return e.Examination
	}
	told := true
	if r.Geometry().ManyConsumers && have < r.Geometry().DataOffset() {
		// Words are missing that tell how far head and tail lag.
		*e.r.left, told = 0, false
	}
	sound := e.positions() && told
	e.advice()
	e.seats()
	e.subscriptions()
	if sound { // otherwise every word would be judged by a wrong measure
		e.slots()
	}
	return e.Examination
}

func (e *examiner) add(f Fault) {
	if len(e.Faults) == MaxFaults {
		e.More++
		return
	}
	e.Faults = append(e.Faults, f)
}

func (e *examiner) hot(kind string, off uint64, found, want, means string) {
	e.add(Fault{Kind: kind, Offset: layout.HotOffset + off, Slot: -1, Seat: -1, Found: found, Want: want, Means: means})
}

const stuckPositions = "senders and receivers report damage, or wait for ever; the slots can't be judged"

// positions reports whether head and tail can be those of a ring.
func (e *examiner) positions() bool {
	r := e.r
	// A single producer stores tail after the record, or a batch of half the ring, any
	// producer after a filler: all may be consumed by then, or the producer dead.
	e.lag = r.Geo.MaxSlotsPerRecord()
	e.tail = r.tail()
	e.head = r.head()
	tail := r.tail()
	if r.Geo.Each {
		return e.eachPositions(tail)
	}
	if n := int64(e.head - tail); n > 0 && uint64(n) > e.lag {
		e.hot(FaultPositions, layout.HotHead, fmt.Sprintf("head %d", e.head), fmt.Sprintf("at most tail, %d", tail), stuckPositions)
		return false
	}
	if n := int64(e.tail - e.head); n > 0 && uint64(n) > r.Cap {
		e.hot(FaultPositions, layout.HotTail, fmt.Sprintf("tail %d", e.tail), fmt.Sprintf("at most head + slots, %d", e.head+r.Cap), stuckPositions)
		return false
	}
	if !r.Geo.ManyConsumers {
		handout := r.handout()
		tail := r.tail()
		if n := int64(handout - tail); n > 0 && uint64(n) > e.lag {
			e.hot(FaultPositions, layout.HotHandout, fmt.Sprintf("handout %d", handout), fmt.Sprintf("at most tail, %d", tail),
				"records that no consumer has seen are delivered flagged as redelivered, until tail gets there")
		}
	}
	return true
}

// advice judges the words that decide less.
func (e *examiner) advice() {
	r := e.r
	finished := r.word(layout.HotFinished)
	if epoch := r.word(layout.HotEpoch); int64(finished-epoch) > 0 {
		e.hot(FaultStream, layout.HotFinished, fmt.Sprintf("finished %d", finished), fmt.Sprintf("at most epoch, %d", epoch),
			"the stream counts as finished when so many producers have attached, whether or not one has said so")
	}
	if n := r.word(layout.HotLeft); int64(n-r.word(layout.HotEpoch)) > 0 {
		e.hot(FaultStream, layout.HotLeft, fmt.Sprintf("left %d", n), "at most epoch", "streams count as broken off whose producers left in order")
	}
	if n := r.word(layout.HotTold); int64(n-r.word(layout.HotEnds)) > 0 {
		e.hot(FaultStream, layout.HotTold, fmt.Sprintf("told %d", n), "at most ends", "the next ends of streams are told only to consumers that are attached")
	}
	if n := r.word(layout.HotMet); int64(n-r.word(layout.HotEnds)) > 1 {
		e.hot(FaultStream, layout.HotMet, fmt.Sprintf("met %d", n), "at most ends + 1", "the next ends of empty streams are told only to consumers that are attached")
	}
	if !r.Geo.ManyProducers {
		if entry, found, want := e.ring.MarkFault(e.lag); found != "" {
			e.hot(FaultMark, layout.HotMarks+uint64(entry)*layout.MarkEntry, found, want,
				"the next producer can't tell how far its source is in the queue, or takes a wrong mark for the last; records are not concerned")
		}
		return
	}
	turn := layout.Turn(r.word(layout.HotTurn))
	seat := turn.Seat()
	means := "senders heed no such turn, but wake each other for nothing; the next one that asks for a turn mends it"
	switch now := e.ring.Now(); {
	case turn == 0:
	case seat < 0 || seat >= r.Geo.Seats:
		e.hot(FaultTurn, layout.HotTurn, fmt.Sprintf("the turn of seat %d", seat), fmt.Sprintf("seat 0 to %d", r.Geo.Seats-1), means)
	case turn.Left(now) > ring.TurnMillis:
		e.hot(FaultTurn, layout.HotTurn, fmt.Sprintf("a turn that lapses in %d ms", turn.Left(now)), fmt.Sprintf("at most %d ms", ring.TurnMillis), means)
	}
}

func (e *examiner) seats() {
	r := e.r
	for i := range r.Geo.Seats {
		off := layout.SeatOffset + uint64(i)*layout.SeatSize
		if off+layout.SeatSize > e.have {
			return
		}
		s := e.ring.Seat(i)
		bad := func(off uint64, found, want, means string) {
			e.add(Fault{Kind: FaultSeat, Offset: off, Slot: -1, Seat: i, Found: found, Want: want, Means: means, Unsure: true})
		}
		state := s.State()
		if state > layout.SeatDirty {
			bad(off+layout.SeatState, fmt.Sprintf("state %d", state), "0 clean or 1 dirty",
				"it counts as clean: if its holder dies, what it holds is not taken back")
		}
		o := s.Occupant()
		// Right after the seat was first taken it is not described yet.
		if role := o.Role; state == layout.SeatDirty && role != layout.RoleProducer && role != layout.RoleConsumer && (role != 0 || o.Attached != 0) {
			bad(off+layout.SeatRole, fmt.Sprintf("role %d", role), "1 producer or 2 consumer", "people are told of the wrong role; no participant is stuck")
		}
		if !s.CommandEnds() {
			bad(off+layout.SeatCommand, fmt.Sprintf("a command without an end, %q", o.Command), "a NUL in its 24 bytes", "people are told of the wrong command; no participant is stuck")
		}
	}
}

// Same reports whether two examinations found the same fault. Positions move on, words that
// are wrong stand.
func (f Fault) Same(o Fault) bool {
	return f.Kind == o.Kind && f.Offset == o.Offset && (f.Slot < 0 || f.Pos == o.Pos && f.Found == o.Found)
}
