package testaccount

import (
	"cmp"
	"math"
	"slices"
)

// Account compares records that were sent with those that were handed out, each to one consumer, by
// the journals of all that took part.
type Account struct {
	Sent  map[int]SentBy
	Ends  []int64 // by life: from when on any life may have what it held
	Takes []Taken
	Maybe map[uint64]bool // in the hands of Receive when it was killed
	Complaints
}

// New returns an account of nobody.
func New() *Account {
	return &Account{Sent: map[int]SentBy{}, Maybe: map[uint64]bool{}, Ends: []int64{0}}
}

// NewLife numbers the lives from 1 on.
func (a *Account) NewLife(producer bool) int {
	a.Ends = append(a.Ends, math.MaxInt64)
	if producer {
		a.Sent[len(a.Ends)-1] = SentBy{}
	}
	return len(a.Ends) - 1
}

// Check looks for records that were lost, came twice, were taken from the living, or out of order.
func (a *Account) Check() {
	slices.SortFunc(a.Takes, func(x, y Taken) int { return cmp.Or(cmp.Compare(x.ID, y.ID), cmp.Compare(x.At, y.At)) })
	begin := map[int][]Taken{} // by producer, its records in order
	for i := 0; i < len(a.Takes); {
		n := i
		for n < len(a.Takes) && a.Takes[n].ID == a.Takes[i].ID {
			n++
		}
		a.hands(a.Takes[i:n])
		life := LifeOf(a.Takes[i].ID)
		begin[life] = append(begin[life], a.Takes[i:n]...)
		i = n
	}
	for life, p := range a.Sent {
		a.complete(life, p, begin[life])
		a.order(begin[life])
	}
}

// hands follows one record from hand to hand, in the order in which it was taken.
func (a *Account) hands(ts []Taken) {
	id := ts[0].ID
	if p, ok := a.Sent[LifeOf(id)]; !ok || SeqOf(id) >= p.Tried {
		a.Complain("no producer sent the record %#x that consumer %d was handed", id, ts[0].Life)
		return
	}
	for i, t := range ts[1:] {
		before := ts[i]
		switch {
		case t.Flag == Fresh:
			a.Complain("twice: %s was handed to consumers %d and %d, not flagged", Describe(id), before.Life, t.Life)
		case before.Fate == Acked && before.Final:
			a.Complain("twice: %s was handed to consumer %d after %d had acknowledged it", Describe(id), t.Life, before.Life)
		case before.Fate != Released && t.At < a.Ends[before.Life]:
			a.Complain("robbed: consumer %d was handed %s, which consumer %d held alive", t.Life, Describe(id), before.Life)
		}
	}
}

// complete wants every record that was sent to have come to an end, and of those that
// were being sent when their producer was killed the first few or none.
func (a *Account) complete(life int, p SentBy, ts []Taken) {
	reached := make([]bool, p.Tried)
	settled := make([]bool, p.Tried)
	until := p.Sent
	for _, t := range ts {
		if seq := SeqOf(t.ID); seq < p.Tried {
			reached[seq] = true
			settled[seq] = settled[seq] || t.Fate == Acked || t.Fate == Acking
			until = max(until, seq+1)
		}
	}
	for seq := range until {
		switch id := NewID(life, seq); {
		case settled[seq], a.Maybe[id]:
		case reached[seq]:
			a.Complain("lost: %s was handed out and not acknowledged, and did not come again", Describe(id))
		default:
			a.Complain("lost: %s, of %d that were sent and %d that were tried", Describe(id), p.Sent, p.Tried)
		}
	}
}

// order wants a producer's records to be handed out, for the first time, in the order
// in which it sent them: none may have been taken before the take of an earlier one
// had begun.
func (a *Account) order(ts []Taken) {
	earliest, of := int64(math.MaxInt64), uint64(0)
	for _, t := range slices.Backward(ts) {
		if t.Flag != Fresh {
			continue
		}
		if earliest < t.From {
			a.Complain("order: %s was handed out after record %d", Describe(t.ID), SeqOf(of))
		}
		if t.At < earliest {
			earliest, of = t.At, t.ID
		}
	}
}
