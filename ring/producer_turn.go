package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// A record over k slots needs k of them free at once, and producers of small
// records take each slot as it comes free: the large one can starve. A claim must
// never wait for its own slots, so instead it asks the others to stand back: the
// turn. It is advice with a lapse, so its holder may die or stop with it; nothing
// but fairness depends on it.

// TurnMillis is how long a request to stand back lasts unless it is renewed.
const TurnMillis = 250

// AskTurn asks the other producers to stand back while this one waits for room,
// and reports whether it has the turn. A waiting producer renews it well within
// TurnMillis. In a queue with a single producer it does nothing.
func (p *Producer) AskTurn() bool {
	if !p.r.m.Geo.ManyProducers {
		return false
	}
	now := p.r.clock()
	old := atomics.Load64(p.r.turn)
	if holder := turnHolder(old, now); holder != p.seat && holder >= 0 {
		return false
	}
	return atomics.CAS64(p.r.turn, old, uint64(layout.TurnOf(p.seat, now+TurnMillis)))
}

// DropTurn gives the turn back if this producer has it, and reports whether it
// had: then producers that stood back should be woken.
func (p *Producer) DropTurn() bool { return p.r.dropTurn(p.seat) }

func (r *Ring) dropTurn(seat int) bool {
	old := atomics.Load64(r.turn)
	return layout.Turn(old).Seat() == seat && atomics.CAS64(r.turn, old, 0)
}

// TurnAsked reports whether some producer asked the others to stand back. It may
// have lapsed.
func (r *Ring) TurnAsked() bool { return atomics.Load64(r.turn) != 0 }

// turnOfOther reports whether another seat has the turn. The word is 0 nearly
// always, and its line is written rarely, so this is a hit in the cache.
func (r *Ring) turnOfOther(seat int) bool {
	w := atomics.Load64(r.turn)
	if w == 0 {
		return false
	}
	holder := turnHolder(w, r.clock())
	return holder >= 0 && holder != seat
}

// turnHolder returns the seat that has the turn by word w at time now, or -1. A
// lapse further away than a holder ever asks for is scribble, or of another
// clock: it does not count.
func turnHolder(w, now uint64) int {
	if w == 0 || layout.Turn(w).Lapse()-now-1 >= TurnMillis {
		return -1
	}
	return layout.Turn(w).Seat()
}
