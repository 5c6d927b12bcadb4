//go:build shmqstep

package ring_test

import (
	"fmt"
	"math"
	"slices"
)

// When something happened, as the number of stores on the tape by then.
const (
	before = -1 // the tape began
	never  = math.MaxInt
)

// entry is what the participants know of one record. A call is noted when it begins
// and when it has returned: in between the record may be either way.
type entry struct {
	id             uint64
	size           int
	sending, sent  int
	taking, handed int
	acking, acked  int
	marked         bool
}

// change is a call that marks the stream as finished, or not.
type change struct {
	begin, end int
	finished   bool
}

// books are the records in the order in which they were sent, and the stream.
type books struct {
	manyConsumers bool
	entries       []*entry
	numbers       map[uint64]uint64 // last number by maker, which is an id's upper half
	wrong         error             // the recorded operation itself went wrong

	// The stream: whether it was marked as finished when the tape began, and the calls
	// that changed it since.
	wasFinished bool
	stream      []change

	// mark is the last marked record of those that have been dropped from the books.
	mark uint64

	// second: the tape is a successor's, which may have found a half written seat.
	second bool
}

func newBooks(manyConsumers bool) *books {
	return &books{manyConsumers: manyConsumers, numbers: map[uint64]uint64{}}
}

func (b *books) failf(format string, args ...any) {
	if b.wrong == nil {
		b.wrong = fmt.Errorf(format, args...)
	}
}

func (b *books) add(maker uint64, size, now int) *entry {
	b.numbers[maker]++
	e := &entry{id: maker<<32 | b.numbers[maker], size: size, sending: now, sent: never, taking: never, handed: never, acking: never, acked: never}
	b.entries = append(b.entries, e)
	return e
}

// drop forgets a record that its sender was told was not sent.
func (b *books) drop(e *entry) {
	b.entries = slices.DeleteFunc(b.entries, func(x *entry) bool { return x == e })
}

func (b *books) find(id uint64) *entry {
	for _, e := range b.entries {
		if e.id == id {
			return e
		}
	}
	return nil
}

// void notes the death of a single consumer: what it acknowledged behind a record that
// it did not comes again.
func (b *books) void() {
	gap := false
	for _, e := range b.entries {
		if gap {
			e.acking, e.acked = never, never
		}
		gap = gap || e.acked == never
	}
}

// certainty of a promise.
type certainty int

const (
	no certainty = iota
	perhaps
	yes
)

// due is what must become of a record after a death.
type due struct {
	id      uint64
	size    int
	comes   certainty
	flagged certainty
	sending bool // whether it comes depends on a send that was under way
}

// due returns the records owed to living participants when the participant dies at a cut: one
// that is not listed must not come.
func (b *books) due(at cut) []due {
	var ds []due
	gap := false // an older record is not acknowledged for certain
	for _, e := range b.entries {
		if e.sending >= at.hi {
			continue
		}
		d := due{id: e.id, size: e.size, comes: yes}
		if e.sent > at.lo {
			d.comes, d.sending = perhaps, true
		}
		switch {
		case e.handed <= at.lo:
			d.flagged = yes
		case e.taking < at.hi:
			d.flagged = perhaps
		}
		switch {
		case e.acked > at.lo && e.acking < at.hi, e.acked <= at.lo && !b.manyConsumers && gap:
			d.comes = perhaps
		case e.acked <= at.lo:
			d.comes = no
		}
		gap = gap || e.acked > at.lo
		if d.comes != no {
			ds = append(ds, d)
		}
	}
	return ds
}

// finished tells whether the stream has to be marked as finished at a cut.
func (b *books) finished(at cut) certainty {
	sure := map[bool]certainty{false: no, true: yes}
	is := sure[b.wasFinished]
	for _, c := range b.stream {
		switch {
		case c.end <= at.lo:
			is = sure[c.finished]
		case c.begin < at.hi:
			return perhaps
		}
	}
	return is
}

// delivery is a record that came.
type delivery struct {
	id      uint64
	flagged bool
}

// compare checks what came against what is due.
func compare(ds []due, came []delivery) error {
	last := map[uint64]uint64{}
	got := map[uint64]bool{}
	for _, v := range came {
		i := slices.IndexFunc(ds, func(d due) bool { return d.id == v.id })
		switch {
		case i < 0:
			return fmt.Errorf("record %#x came: it was not sent, or was acknowledged", v.id)
		case got[v.id]:
			return fmt.Errorf("record %#x came twice", v.id)
		case v.flagged && ds[i].flagged == no:
			return fmt.Errorf("record %#x is flagged, and no consumer was handed it", v.id)
		case !v.flagged && ds[i].flagged == yes:
			return fmt.Errorf("record %#x comes again without a flag", v.id)
		case v.id <= last[v.id>>32]:
			return fmt.Errorf("record %#x came after %#x", v.id, last[v.id>>32])
		}
		last[v.id>>32] = v.id
		got[v.id] = true
	}
	for _, d := range ds {
		if d.comes == yes && !got[d.id] {
			return fmt.Errorf("record %#x is lost", d.id)
		}
	}
	return nil
}

// lastMark returns the last marked record, if these came that were in the queue.
func (b *books) lastMark(came []delivery) (id uint64) {
	id = b.mark
	for _, e := range b.entries {
		if e.marked && slices.ContainsFunc(came, func(v delivery) bool { return v.id == e.id }) {
			id = e.id
		}
	}
	return id
}

// after returns the books of participants that go on after a death: a record that came in the end
// must come whatever else happens, flagged if it was.
func (b *books) after(came []delivery, finished bool) *books {
	n := newBooks(b.manyConsumers)
	n.wasFinished, n.second, n.mark = finished, true, b.mark
	for _, e := range b.entries {
		n.numbers[e.id>>32] = max(n.numbers[e.id>>32], e.id&(1<<32-1))
		i := slices.IndexFunc(came, func(v delivery) bool { return v.id == e.id })
		if i < 0 {
			continue
		}
		next := &entry{id: e.id, size: e.size, sending: before, sent: before, taking: never, handed: never, acking: never, acked: never, marked: e.marked}
		if came[i].flagged {
			next.taking, next.handed = before, before
		}
		n.entries = append(n.entries, next)
	}
	return n
}
