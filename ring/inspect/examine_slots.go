package inspect

import (
	"fmt"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// stretch is the span that a walk is in: k slots from pos on, by the word first.
type stretch struct {
	pos, end uint64
	first    layout.Word
}

// slots judges the lap before tail: each slot once, in the order of its positions.
//
// With many consumers a slot has been freed, and says so, before it is claimed; so all
// its words are of the position's lap or of the next. A span that began before this lap
// was freed as a whole, so the walk begins between two spans.
//
// With a single consumer head frees, and the words before it may say anything old, as
// may those inside a span. From head to tail the spans follow each other; where each consumer
// gets every record, from the first one behind head.
func (e *examiner) slots() {
	r := e.r
	var in stretch
	from, cut := e.head, false
	if r.Geo.Each {
		from = r.begin(e.head, e.tail)
	}
	for p := e.tail - r.Cap; p != e.tail; p++ {
		if e.lineOffset(p)+layout.SlotSize > e.have {
			continue
		}
		w := r.Load(p)
		if !e.possible(p, w) {
			continue
		}
		if !r.Geo.ManyConsumers && int64(p-from) < 0 {
			continue // freed
		}
		if in.first != 0 && int64(in.end-p) > 0 {
			e.inside(p, w, in)
			continue
		}
		switch lap := w.CompareLap(p, r.Shift); {
		case lap > 0:
			// Freed since, and perhaps claimed again, which possible has judged.
			e.lost = false
			if !r.Geo.ManyConsumers {
				e.reused(p, w)
			}
			cut = r.Geo.Each
		case cut && (lap < 0 || w.State() == layout.Free):
			// The inside of a span whose first slots were written over: a gate or intent may lie there.
		case lap < 0:
			e.hole(p, w, fmt.Sprintf("%s of an earlier lap", w.State()))
		case w.State() == layout.Free:
			e.hole(p, w, "free")
		default:
			in, cut = e.span(p, w), false
		}
	}
}

func (e *examiner) lineOffset(p uint64) uint64 {
	return e.r.Geo.SlotOffset() + (p&e.r.Mask)*layout.SlotSize
}

// at is a fault of the word of position p, which is still there.
func (e *examiner) at(kind string, p uint64, w layout.Word, want, means string) {
	if e.r.Load(p) != w {
		return
	}
	e.add(Fault{Kind: kind, Offset: e.lineOffset(p), Slot: int(p & e.r.Mask), Seat: -1, Pos: p, Found: e.say(p, w), Want: want, Means: means})
}

// positionText names a position. A word of a lap before the first one has none.
func positionText(p uint64) string {
	if int64(p) < 0 {
		return "no position"
	}
	return fmt.Sprintf("position %d", p)
}

// say describes a word for people.
func (e *examiner) say(p uint64, w layout.Word) string {
	text := w.State().String()
	if w.State().Owned() {
		text += fmt.Sprintf(" by seat %d", w.Seat())
	}
	if w.State() != layout.Free {
		text += fmt.Sprintf(", k=%d", w.Slots(e.r.Shift))
	}
	ref := e.tail
	if w.State() != layout.Claimed {
		ref = e.head
	}
	return fmt.Sprintf("%s, %s (%#016x)", text, positionText(w.Position(p&e.r.Mask, ref, e.r.Shift)), uint64(w))
}

// possible reports whether a participant can have written w where it stands, in any lap
// up to now.
func (e *examiner) possible(p uint64, w layout.Word) bool {
	r, s := e.r, w.State()
	if s > layout.Skip {
		e.at(FaultState, p, w, "a state from 0 to 7", "a participant that gets here reports damage, or waits for ever")
		return false
	}
	head, tail := r.positions() // after w
	if s == layout.Free {
		// Many consumers free a slot after head has passed it. A single one writes no
		// words: this one is there since the queue was made.
		limit := head + r.Cap
		if !r.Geo.ManyConsumers {
			limit = tail + r.Cap + e.lag
		}
		if q := w.Position(p&r.Mask, tail, r.Shift); int64(q-limit) >= 0 {
			e.at(FaultLap, p, w, fmt.Sprintf("free of a position before %d", limit), blocked)
			return false
		}
		return true
	}
	// Claimed before tail has passed it. The claim at tail itself may not have moved it yet;
	// a single producer stores tail behind a batch.
	limit := tail
	if !r.Geo.ManyProducers {
		limit += e.lag - 1
	}
	if q := w.Position(p&r.Mask, tail, r.Shift); int64(q-limit) > 0 {
		e.at(FaultLap, p, w, fmt.Sprintf("a position up to %d, since tail is %d", limit, tail), blocked)
		return false
	}
	return true
}

const blocked = "a participant that gets to this slot reports damage, or waits for ever"

// hole judges a word where a span has to begin, and none does.
func (e *examiner) hole(p uint64, w layout.Word, found string) {
	if e.lost {
		return // the inside of a span whose first word made no sense
	}
	head := e.r.head()
	if !e.r.Geo.ManyConsumers && int64(head-p) > 0 {
		return // freed meanwhile
	}
	means := "receivers find the queue empty here for ever; the records behind it are lost"
	if int64(head-p) > 0 {
		means = "the slot never becomes free: senders find the queue full for ever when they get here"
	}
	before := len(e.Faults) + e.More
	e.at(FaultHole, p, w, fmt.Sprintf("a record or a claim at %s, since tail is %d; found %s", positionText(p), e.tail, found), means)
	e.lost = len(e.Faults)+e.More > before
}

// reused judges a word of a later lap where a single consumer's head has not been.
func (e *examiner) reused(p uint64, w layout.Word) {
	head := e.r.head()
	if n := int64(head - p); n < 0 || n == 0 && !(e.r.Geo.Skip && e.r.Geo.ManyProducers) { // there the claim at tail may be ahead of it
		e.at(FaultLap, p, w, fmt.Sprintf("a record of %s, since head is %d", positionText(p), head), "the receiver reports damage; the records from here on are lost")
	}
}

// span judges the first word of a span of the position's own lap.
func (e *examiner) span(p uint64, w layout.Word) (in stretch) {
	r, g := e.r, &e.r.Geo
	faults := len(e.Faults) + e.More
	defer func() { e.lost = len(e.Faults)+e.More > faults && in == stretch{} }()
	s, k := w.State(), r.Span(p, w)
	head, tail := r.positions() // after w
	most := r.Cap
	if s != layout.Skip && s != layout.Claimed {
		most = g.MaxSlotsPerRecord()
	}
	switch {
	case k == 0 || k > most:
		e.at(FaultSpan, p, w, fmt.Sprintf("k from 1 to %d", min(most, r.Cap-p&r.Mask)), "a participant that gets here reports damage; the records from here on are lost")
		return in
	case int64(p+k-tail) > int64(e.lag):
		e.at(FaultSpan, p, w, fmt.Sprintf("k up to %d, since tail is %d", tail+e.lag-p, tail), "the records behind it are missed, and later ones may be cut")
		return in
	case s == layout.Claimed && !g.ManyProducers:
		e.at(FaultState, p, w, "no claims: the queue has a single producer", "receivers wait for it for ever")
	case s != layout.Claimed && s != layout.Full && s != layout.Skip && !g.ManyConsumers:
		e.at(FaultState, p, w, "no takes: the queue has a single consumer", "the receiver reports damage")
	case g.ManyConsumers && int64(p-head) > 0 && s != layout.Claimed && s != layout.Full && s != layout.Skip:
		e.at(FaultState, p, w, fmt.Sprintf("no take beyond head, %d", head), "its records are handed out twice, or never")
	case g.ManyConsumers && int64(p-e.head) < 0 && (s == layout.Claimed || s == layout.Full):
		e.at(FaultState, p, w, fmt.Sprintf("taken or free, since head is %d", e.head), "no consumer is handed its records, and senders find the queue full for ever when they get here")
	case s.Owned():
		e.owner(p, w)
	}
	if s != layout.Claimed && s != layout.Skip && s != layout.ReadingAcked && s != layout.OrphanAcked {
		e.record(p, k, p, w)
	}
	return stretch{p, p + k, w}
}

// inside judges a word inside a span.
func (e *examiner) inside(p uint64, w layout.Word, in stretch) {
	r := e.r
	first, s := in.first.State(), w.State()
	lap := w.CompareLap(p, r.Shift)
	ok := false
	switch {
	case lap < 0:
		ok = !r.Geo.ManyConsumers
	case s == layout.Free && lap == 0:
		ok = true
	case s == layout.Free: // being freed, or recycled
		ok = first == layout.ReadingAcked || first == layout.OrphanAcked || first == layout.Skip
	case lap == 0 && (s == layout.Full || s == layout.Skip) && first != layout.Full:
		k := r.Span(p, w)
		ok = k != 0 && int64(in.end-(p+k)) >= 0
	}
	// The span may have been published, freed or taken meanwhile.
	if ok || r.Load(in.pos) != in.first {
		if ok && lap == 0 && s == layout.Full && first != layout.Claimed && first != layout.Skip {
			e.record(p, r.Span(p, w), in.pos, in.first)
		}
		return
	}
	if !r.Geo.ManyConsumers && int64(r.head()-in.pos) > 0 {
		return // freed meanwhile: a producer may have begun a span here, and its first word stands
	}
	means := "the records of this span are delivered wrongly, or not at all"
	if first == layout.Full || first == layout.Skip {
		means = "none for this span; a stranger has written here"
	}
	e.at(FaultInner, p, w, fmt.Sprintf("what can stand inside the %s at %s", e.say(in.pos, in.first), positionText(in.pos)), means)
}

// record judges what a published record says of its bytes. The word at pos tells whether
// it was there all the time.
func (e *examiner) record(p, k, pos uint64, w layout.Word) {
	r := e.r
	if off := e.areaOffset(p); r.Geo.Checksum && off+k*r.Area > e.have {
		return // there may be nothing to read
	}
	_, _, err := e.sums.Record(r.Region, p, k)
	if err == nil {
		return
	}
	lm := atomics.Load64(r.LengthMeta(p))
	if layout.Word(atomics.Reload64(r.WordAt(pos))) != w || !r.Geo.ManyConsumers && int64(r.head()-p) > 0 {
		return
	}
	limit := uint64(r.Line)
	if uint32(lm>>32)&layout.MetaArea != 0 {
		limit = min(k*r.Area, layout.MaxRecordSize)
	}
	f := Fault{
		Kind: FaultLength, Offset: e.lineOffset(p) + layout.SlotLength, Slot: int(p & r.Mask), Seat: -1, Pos: p,
		Found: fmt.Sprintf("length %d", uint32(lm)), Want: fmt.Sprintf("up to %d bytes", limit),
		Means: "the receiver of the record reports damage; with a single receiver those behind it are lost too",
	}
	if r.Geo.Checksum {
		f.Means = "the receiver drops the record; the others are delivered"
		if uint64(uint32(lm)) <= limit {
			f.Kind, f.Offset = FaultChecksum, e.lineOffset(p)+layout.SlotSum
			f.Found, f.Want = fmt.Sprintf("checksum %#08x", atomics.Load32(r.SumAt(p))), "that of the record's bytes"
		}
	}
	e.add(f)
}

func (e *examiner) areaOffset(p uint64) uint64 { return e.r.Geo.DataOffset() + (p&e.r.Mask)*e.r.Area }

// owner judges the seat that a word names.
func (e *examiner) owner(p uint64, w layout.Word) {
	r, seat := e.r, w.Seat()
	bad := func(found, want string, unsure bool) {
		if r.Load(p) == w {
			e.add(Fault{
				Kind: FaultOwner, Offset: e.lineOffset(p), Slot: int(p & r.Mask), Seat: seat, Pos: p,
				Found: e.say(p, w) + ", and " + found, Want: want, Unsure: unsure,
				Means: "no participant ever gives these slots back: their records are lost, and senders find the queue full for ever when they get here",
			})
		}
	}
	if seat >= r.Geo.Seats {
		bad("there is no such seat", fmt.Sprintf("seat 0 to %d", r.Geo.Seats-1), false)
		return
	}
	if layout.SeatOffset+uint64(seat+1)*layout.SeatSize > e.have {
		return
	}
	want := uint32(layout.RoleConsumer)
	if w.State() == layout.Claimed {
		want = layout.RoleProducer
	}
	switch o := e.ring.Seat(seat).Occupant(); {
	case !e.ring.Seat(seat).Dirty():
		bad("that seat is free", "a seat in use", true)
	case o.Role != want:
		bad(fmt.Sprintf("that seat has role %d", o.Role), fmt.Sprintf("role %d", want), true)
	}
}
