package inspect

import (
	"cmp"
	"slices"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Subscription is what a subscription has before it. It is made from outside: while participants
// work, each number is of a slightly different moment.
type Subscription struct {
	Entry    int
	Joining  bool   // the entry says nothing but its position yet
	Position uint64 // of the oldest record that it has not acknowledged
	Lag      uint64 // slots from there to the next claim
	Records  int    // not acknowledged, the handed ones too
	Bytes    uint64 // payload of those
	Handed   Holding
	// Oldest is when the oldest record that was handed to nobody was sent, OldestHanded
	// when the oldest that was not acknowledged: Unix time in nanoseconds, 0 if there is
	// none, or the queue has no time stamps.
	Oldest, OldestHanded uint64
}

// mark is a position, and what was counted before it.
type mark struct {
	pos     uint64
	records int
	bytes   uint64
	sent    uint64 // of the first record at or behind it
}

// Subscriptions returns all subscriptions, those farthest behind first. With slots it walks once
// over what the slowest has not acknowledged; without it, only positions are known.
func Subscriptions(of *ring.Ring, slots bool) (all []Subscription) {
	r := wordsOf(of)
	tail := r.word(layout.HotTail)
	var marks []mark
	for i := range r.Geo.Subscriptions {
		s := of.Subscription(i)
		c := s.Cursor()
		if c == 0 {
			continue
		}
		at := Subscription{Entry: i, Joining: c.State() == layout.CursorJoining, Position: c.Near(tail)}
		at.Lag = uint64(max(0, int64(tail-at.Position)))
		if end := s.Handout(); !at.Joining && int64(end-at.Position) > 0 && end-at.Position <= r.Cap {
			at.Handed.add(at.Position, end-at.Position)
		}
		all = append(all, at)
		marks = append(marks, mark{pos: at.Position}, mark{pos: at.Position + at.Handed.Slots})
	}
	slices.SortStableFunc(all, func(a, b Subscription) int { return -cmp.Compare(int64(tail-a.Position), int64(tail-b.Position)) })
	if !slots || len(all) == 0 {
		return all
	}
	slices.SortFunc(marks, func(a, b mark) int { return -cmp.Compare(int64(tail-a.pos), int64(tail-b.pos)) })
	end := r.countFrom(marks, tail)
	find := func(pos uint64) mark {
		i, _ := slices.BinarySearchFunc(marks, pos, func(m mark, pos uint64) int { return cmp.Compare(int64(m.pos-pos), 0) })
		return marks[min(i, len(marks)-1)]
	}
	for i := range all {
		s := &all[i]
		from, handed := find(s.Position), find(s.Position+s.Handed.Slots)
		s.Records, s.Bytes = end.records-from.records, end.bytes-from.bytes
		s.Handed.Records = handed.records - from.records
		s.OldestHanded, s.Oldest = from.sent, handed.sent
	}
	return all
}

// countFrom counts the records from the first mark on, and notes at each mark what was counted before it.
// It returns the sums. A producer of its own may have gone on behind tail.
func (r words) countFrom(marks []mark, tail uint64) (sum mark) {
	p := marks[0].pos
	if int64(tail-p) > int64(r.Cap) { // lapped, or joining
		p = tail - r.Cap
	}
	begin, next, unsent := p, 0, 0
	inside := true          // p is where a record begins
	for p-begin < 2*r.Cap { // the laps before tail and behind it
		for ; next < len(marks) && int64(p-marks[next].pos) >= 0; next++ {
			marks[next].records, marks[next].bytes = sum.records, sum.bytes
		}
		w := r.Load(p)
		k, lap := r.Span(p, w), w.CompareLap(p, r.Shift)
		if lap != 0 || w.State() == layout.Free || k == 0 {
			if int64(tail-p) <= 0 || inside && lap < 0 && p != begin {
				break // nothing has been written there yet
			}
			inside = false // it was overwritten, or is the middle of a record
			p++
			continue
		}
		inside = true
		if w.State() == layout.Full {
			n, sent := r.sizeAt(p, k), r.SentAt(p)
			if layout.Word(atomics.Reload64(r.WordAt(p))) == w {
				sum.records++
				sum.bytes += n
				for ; unsent < next; unsent++ {
					marks[unsent].sent = sent
				}
			}
		}
		p += k
	}
	for ; next < len(marks); next++ {
		marks[next].records, marks[next].bytes = sum.records, sum.bytes
	}
	return sum
}

// sizeAt returns the payload bytes of the record at p of k slots, 0 if that can't be right.
func (r words) sizeAt(p, k uint64) uint64 {
	b, _, err := r.Payload(p, k)
	if err != nil {
		return 0
	}
	return uint64(len(b))
}
