package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// A record over k slots needs k of them free at once, and producers of small
// records take each slot as it comes free: the large one can starve. A claim must
// never wait for its own slots, so instead it asks the others to stand back: the
// turn.
//
//	     tail          limit                   tail, later
//	───────┼─────────────┼───────────┬───────────┼──
//	       │ free, for   │ came free │ leased    │       k slots wanted from tail on
//	       │ all others  │ since     │
//
// The turn keeps for its holder what comes free after it was asked, from the limit on:
// the first slot that was not free then. Slots that were free before it, and too few for the
// holder, are for any producer; the holder loses no more by that than the same number of slots
// later. So small records have all room that there was, and what holds the holder up (a
// lease that is not settled, a record that no consumer takes) holds up no other producer.
//
// Slots that came free since are kept as long as more follow. When for a while nothing does, the
// holder gives way: it moves the limit to the first slot that is not free now. The while,
// its patience, doubles each time, so that slow consumers are waited for, but for no
// longer than maxPatience. A holder whose limit is where the free slots end keeps nothing
// from the others, however long it waits.
//
// Hence, of a record that needs k slots, and as many as a filler before it:
//   - If each slot in its way comes free within a patience of the one before it, it is
//     served after at most as many slots as it needs, from the limit on: no other producer
//     claims there.
//   - A slot that is free is kept from the others for at most maxPatience after the last
//     one that came free, and after at most k of those.
//
// It is advice with a lapse, so its holder may die or stop with it, and a claim that read
// the word before it was written may still take a slot; nothing but fairness depends on
// it. A word that a peer scribbled makes producers stand back until it lapses, TurnMillis
// later at most, and is written over by the next one that asks.

const (
	// TurnMillis is how long a request to stand back lasts unless it is renewed.
	TurnMillis = 250

	minPatience = 100 // milliseconds, about a sleep: the holder looks no more often
	maxPatience = 32 * minPatience
)

// waiting is what a producer that has the turn, or had it for the same record, remembers.
type waiting struct {
	asked    bool
	limit    uint64 // kept for this producer: the positions from here on
	end      uint64 // of the free slots, at the last AskTurn
	since    uint64 // the millisecond at which end had moved
	patience uint64
}

// AskTurn asks the other producers to stand back while this one waits for room, after a
// call that returned ErrFull, and reports whether it has the turn. A waiting producer
// renews it well within TurnMillis, after another such call. gave tells that it left
// slots to the others: then those that stood back should be woken. In a queue with a
// single producer it does nothing.
func (p *Producer) AskTurn() (has, gave bool) {
	r, w := p.r, &p.waiting
	if !r.m.Geo.ManyProducers {
		return false, false
	}
	now := r.clock()
	old := layout.Turn(atomics.Load64(r.turn))
	holder := r.turnHolder(old, now)
	if holder != p.seat && holder >= 0 {
		return false, false
	}
	switch stuck := w.end == p.end && now-w.since >= w.patience; {
	case !w.asked:
		*w = waiting{asked: true, limit: p.end, end: p.end, since: now, patience: minPatience}
	case holder != p.seat: // it lapsed, or was another's
		w.limit, w.end, w.since = p.end, p.end, now
	case w.end != p.end:
		w.end, w.since = p.end, now
	case stuck && w.limit != w.end:
		w.limit, w.since = w.end, now
		w.patience = min(2*w.patience, maxPatience)
		gave = true
	}
	has = atomics.CAS64(r.turn, uint64(old), uint64(layout.TurnOf(p.seat, now+TurnMillis, w.limit)))
	return has, gave && has
}

// DropTurn gives the turn back if this producer has it, and reports whether it
// had: then producers that stood back should be woken.
func (p *Producer) DropTurn() bool {
	p.waiting = waiting{}
	return p.r.dropTurn(p.seat)
}

func (r *Ring) dropTurn(seat int) bool {
	old := atomics.Load64(r.turn)
	return layout.Turn(old).Seat() == seat && atomics.CAS64(r.turn, old, 0)
}

// TurnAsked reports whether some producer asked the others to stand back. It may
// have lapsed.
func (r *Ring) TurnAsked() bool { return atomics.Load64(r.turn) != 0 }

// otherTurn returns the turn of another seat, or 0. The word is 0 nearly
// always, and its line is written rarely, so this is a hit in the cache.
func (r *Ring) otherTurn(seat int) layout.Turn {
	t := layout.Turn(atomics.Load64(r.turn))
	if t == 0 {
		return 0
	}
	if holder := r.turnHolder(t, r.clock()); holder < 0 || holder == seat {
		return 0
	}
	return t
}

// turnHolder returns the seat that has turn t at time now, or -1. A lapse further away
// than a holder ever asks for is scribble, or of another clock: it does not count.
func (r *Ring) turnHolder(t layout.Turn, now uint64) int {
	if left := t.Left(now); t == 0 || left <= 0 || left > TurnMillis || t.Seat() >= r.m.Geo.Seats {
		return -1
	}
	return t.Seat()
}

// leave bounds a claim of k slots at position p, least at least, by what t keeps.
func leave(t layout.Turn, p, k, least uint64) (uint64, error) {
	if t == 0 {
		return k, nil
	}
	if n := t.Before(p); n < int64(least) {
		return 0, ErrFull
	} else {
		return min(k, uint64(n)), nil
	}
}
