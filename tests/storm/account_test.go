//go:build linux

package storm

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
)

// account compares records that were sent with those that were handed out, by the journals of all
// that took part.
type account struct {
	single bool // the consumer: what it acknowledged can come again until all before is
	sent   map[int]sentBy
	ends   []int64 // by life: from when on any life may have what it held
	takes  []taken
	maybe  map[uint64]bool // in the hands of Receive when it was killed

	short   [shortSizes]shortCount
	aborted uint64
	complaints
}

type sentBy struct{ sent, tried uint64 }

// shortCount counts the records of one size that carry no number.
type shortCount struct {
	sent, tried        uint64
	fresh, acked, last uint64 // handed out for the first time; acknowledged; and never to come again
	maybe              uint64 // acknowledged or not when their consumer was killed
}

// taken is a take of a journal.
type taken struct {
	id       uint64
	from, at int64
	life     int
	flag     flag
	fate     uint32
	final    bool
}

func newAccount(single bool) *account {
	return &account{single: single, sent: map[int]sentBy{}, maybe: map[uint64]bool{}, ends: []int64{0}}
}

// newLife numbers the lives from 1 on.
func (a *account) newLife(l *life) int {
	a.ends = append(a.ends, math.MaxInt64)
	if l.role == producing {
		a.sent[len(a.ends)-1] = sentBy{}
	}
	return len(a.ends) - 1
}

func (a *account) add(l *life) {
	j := l.journal
	a.ends[l.number] = l.ended
	if l.role == producing {
		a.sent[l.number] = sentBy{j.sent.Load(), j.tried.Load()}
		a.aborted += j.aborted.Load()
		for i := range a.short {
			a.short[i].sent += j.shortSent[i].Load()
			a.short[i].tried += j.shortTried[i].Load()
		}
		return
	}
	final := j.final.Load()
	for i := range j.take[:j.takes.Load()] {
		t := &j.take[i]
		a.take(taken{t.id, t.from, t.at, l.number, t.flag, t.fate.Load(), !a.single || uint64(i) < final})
	}
	// Killed between the take and its count:
	if n := j.takes.Load(); n < maxTakes && j.take[n].fate.Load() != 0 {
		t := &j.take[n]
		a.take(taken{t.id, t.from, t.at, l.number, t.flag, t.fate.Load(), !a.single})
	}
	if j.receiving.Load() {
		a.receiving(j.buffer[:shortSizes])
	}
}

func (a *account) take(t taken) {
	if t.id&shortBit == 0 {
		a.takes = append(a.takes, t)
		return
	}
	c := &a.short[t.id&^shortBit]
	if t.flag == fresh {
		c.fresh++
	}
	switch t.fate {
	case acked:
		c.acked++
		if t.final {
			c.last++
		}
	case acking:
		c.maybe++
	}
}

// receiving notes the record that begins with b, which Receive may have acknowledged.
func (a *account) receiving(b []byte) {
	id := binary.LittleEndian.Uint64(b)
	if p, ok := a.sent[lifeOf(id)]; ok && (p.tried == 0 || seqOf(id) < p.tried) {
		a.maybe[id] = true
		return
	}
	n := int(b[0]) - shortByte
	if n <= 0 || n >= shortSizes || b[n-1] != b[0] {
		n = 0 // of a record of no bytes, nothing is seen
	}
	a.short[n].maybe++
}

// check returns what is wrong.
func (a *account) check() []string {
	slices.SortFunc(a.takes, func(x, y taken) int { return cmp.Or(cmp.Compare(x.id, y.id), cmp.Compare(x.at, y.at)) })
	begin := map[int][]taken{} // by producer, its records in order
	for i := 0; i < len(a.takes); {
		n := i
		for n < len(a.takes) && a.takes[n].id == a.takes[i].id {
			n++
		}
		a.hands(a.takes[i:n])
		life := lifeOf(a.takes[i].id)
		begin[life] = append(begin[life], a.takes[i:n]...)
		i = n
	}
	for life, p := range a.sent {
		a.complete(life, p, begin[life])
		a.order(begin[life])
	}
	for n, c := range a.short {
		if c.acked+c.maybe < c.sent {
			a.complain("lost: of %d records of %d bytes that were sent, %d were acknowledged and %d perhaps", c.sent, n, c.acked, c.maybe)
		}
		if c.last > c.tried || c.fresh > c.tried {
			a.complain("twice: %d records of %d bytes were sent at most, %d were acknowledged, %d handed out as new", c.tried, n, c.last, c.fresh)
		}
	}
	return a.list
}

// hands follows one record from hand to hand, in the order in which it was taken.
func (a *account) hands(ts []taken) {
	id := ts[0].id
	if p, ok := a.sent[lifeOf(id)]; !ok || seqOf(id) >= p.tried {
		a.complain("no producer sent the record %#x that consumer %d was handed", id, ts[0].life)
		return
	}
	for i, t := range ts[1:] {
		before := ts[i]
		switch {
		case t.flag == fresh:
			a.complain("twice: %s was handed to consumers %d and %d, not flagged", describe(id), before.life, t.life)
		case before.fate == acked && before.final:
			a.complain("twice: %s was handed to consumer %d after %d had acknowledged it", describe(id), t.life, before.life)
		case before.fate != released && t.at < a.ends[before.life]:
			a.complain("robbed: consumer %d was handed %s, which consumer %d held alive", t.life, describe(id), before.life)
		}
	}
}

// complete wants every record that was sent to have come to an end, and of those that
// were being sent when their producer was killed the first few or none.
func (a *account) complete(life int, p sentBy, ts []taken) {
	reached := make([]bool, p.tried)
	settled := make([]bool, p.tried)
	until := p.sent
	for _, t := range ts {
		if seq := seqOf(t.id); seq < p.tried {
			reached[seq] = true
			settled[seq] = settled[seq] || t.fate == acked || t.fate == acking
			until = max(until, seq+1)
		}
	}
	for seq := range until {
		switch id := newID(life, seq); {
		case settled[seq], a.maybe[id]:
		case reached[seq]:
			a.complain("lost: %s was handed out and not acknowledged, and did not come again", describe(id))
		default:
			a.complain("lost: %s, of %d that were sent and %d that were tried", describe(id), p.sent, p.tried)
		}
	}
}

// order wants a producer's records to be handed out, for the first time, in the order
// in which it sent them: none may have been taken before the take of an earlier one
// had begun.
func (a *account) order(ts []taken) {
	earliest, of := int64(math.MaxInt64), uint64(0)
	for _, t := range slices.Backward(ts) {
		if t.flag != fresh {
			continue
		}
		if earliest < t.from {
			a.complain("order: %s was handed out after record %d", describe(t.id), seqOf(of))
		}
		if t.at < earliest {
			earliest, of = t.at, t.id
		}
	}
}
