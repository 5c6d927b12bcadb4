package inspect

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/internal/region"
)

// A viewer reads records without taking them. That is a seqlock with the slot's word as its sequence: read the word, copy the
// record, read the word again, and throw the copy away if it changed. Why the same
// word means the same bytes:
//
//   - A Full word of a lap goes and never comes back; a word that names a reader
//     comes back within its lap only, in which the payload stays as it is. So the word
//     stood all the time.
//   - Many consumers: bytes of the slots p to p+k-1 are written again by a producer of
//     the next lap. It claimed them after it, or the one that moved tail past p, had
//     read the word at p as free of that lap. That word was there before the bytes
//     were, so a viewer that has read one of those bytes and then reads the word
//     (Reload64) finds it changed. Inner records of a take are freed before its first word: their own
//     words tell.
//   - A single consumer frees by head and leaves the word. A single producer then
//     writes the payload over it first, and the word last. There the copy counts if
//     head has not passed p afterwards: a producer writes there only after it has read
//     a head beyond p.
//   - Where each consumer gets every record a producer publishes a gate beyond p in head before
//     it writes there, or else announces in head, or by moving tail, that it will. words.head
//     makes one measure of these, and the copy counts as with a single consumer.
//
// A record that is changing all the time costs a bounded number of copies. Everything that stands
// in the mapping is bounded like everywhere: spans by the ring, lengths by the span.

// State is what becomes of a record that a Viewer sees.
type State uint8

const (
	// Waiting: published, and not taken by a consumer. Where each consumer gets every record:
	// published, and whole, whoever has received it.
	Waiting State = iota
	// Leased: in the hands of a consumer, alive or dead, and not acknowledged. In a
	// queue with a single consumer: handed out, and not freed.
	Leased
	// Orphaned: to be delivered again; its holder gave it back or died.
	Orphaned
	// Writing: claimed by one of many producers, and not published. Nothing is
	// known of it but its slots, which may become several records, or none.
	Writing
)

// Record is a record as it was at a moment.
type Record struct {
	Pos         uint64 // position of its first slot
	Slots       uint64
	State       State
	Seat        int    // that holds it or writes it, -1 where no word tells
	Redelivered int    // deliveries beyond the first, as far as they were recorded
	Sent        uint64 // Unix time in nanoseconds; 0 without time stamps
	Data        []byte // a copy; its memory is used again by the next call of Next
}

// Viewer goes over the records of a ring in the order of their positions, and only
// reads. It is for one goroutine at a time.
type Viewer struct {
	r      words
	pos    uint64
	missed uint64
	spent  uint64 // of the call's effort
	take   taken  // that pos may lie in
	sums   region.Summer
}

// taken is a take of one or more records by a consumer; its first word tells of all.
type taken struct {
	end   uint64
	state State
	seat  int
}

// maxCopies bounds how often one record is copied in vain.
const maxCopies = 8

// effort bounds the slots that one call reads or copies in vain.
func (v *Viewer) effort() uint64 { return 2 * maxCopies * v.r.Cap }

// NewViewer returns a viewer of r that stands at the oldest record.
func NewViewer(r *ring.Ring) *Viewer {
	v := &Viewer{r: wordsOf(r)}
	v.Rewind()
	return v
}

// Rewind goes to the oldest record. A record that was in the ring at this moment lies before
// end: a viewer of participants at work stops there, or might never.
func (v *Viewer) Rewind() (end uint64) {
	r := v.r
	head, tail := r.positions()
	if r.Geo.Each {
		head = r.begin(head, tail)
	}
	v.Seek(head)
	v.missed = 0
	// Takes lie before head. Nothing older than a lap before tail is left, and a
	// span that began there was freed as a whole.
	if r.Geo.ManyConsumers {
		if v.pos = tail - r.Cap; tail < r.Cap {
			v.pos = 0
		}
	}
	// The shared tail lags by the record under way.
	return tail + r.Geo.MaxSlotsPerRecord()
}

// Seek goes to a position that Next returned, or stopped at.
func (v *Viewer) Seek(pos uint64) { v.pos, v.take = pos, taken{} }

// Pos is the position at which Next goes on.
func (v *Viewer) Pos() uint64 { return v.pos }

// Missed returns how many slots were passed unseen since Rewind, because they were
// acknowledged or freed before the viewer got there, or because the record's checksum is
// wrong. A record takes one or more of them, so it is the most records that can have been
// missed.
func (v *Viewer) Missed() uint64 { return v.missed }

// Next copies the record at the viewer's position, or the next one there is, into
// rec and moves behind it. Errors: ring.ErrEmpty where nothing has been published yet;
// ring.ErrDamaged.
func (v *Viewer) Next(rec *Record) error {
	switch {
	case v.r.Geo.ManyConsumers:
		return v.nextMany(rec)
	case v.r.Geo.Each:
		return v.nextEach(rec)
	}
	return v.nextOne(rec)
}

// attempt reads the record of k slots that w told of, and goes beyond it. Where it changed
// too often meanwhile it counts as missed.
func (v *Viewer) attempt(rec *Record, w layout.Word, k uint64, copies *int) (ok bool, err error) {
	if ok, err = v.read(rec, w); ok {
		v.pos += k
		if err == region.ErrTorn {
			v.missed += k
			return false, nil
		}
		return true, err
	}
	v.spent += k
	if *copies++; *copies == maxCopies {
		*copies = 0
		v.missed += k
		v.pos += k
	}
	return false, nil
}

func (v *Viewer) writing(rec *Record, p, k uint64, w layout.Word) {
	*rec = Record{Pos: p, Slots: k, State: Writing, Seat: w.Seat(), Data: rec.Data[:0]}
	v.pos += k
}

// read copies the record at rec.Pos, which word w speaks of, and reports whether it
// was there, whole, until the copy was made. The error counts only then.
func (v *Viewer) read(rec *Record, w layout.Word) (ok bool, err error) {
	r := v.r
	data, meta, err := r.Payload(rec.Pos, r.Span(rec.Pos, w))
	rec.Data = append(rec.Data, data...)
	rec.Redelivered = int(meta >> layout.MetaDeliveriesShift)
	rec.Sent = r.SentAt(rec.Pos)
	if r.Geo.Checksum && (err != nil || v.sums.Sum(r.Region, rec.Pos, meta, rec.Sent, rec.Data) != *r.SumAt(rec.Pos)) {
		err = region.ErrTorn
	}
	if layout.Word(atomics.Reload64(r.WordAt(rec.Pos))) != w {
		return false, nil
	}
	if !r.Geo.ManyConsumers && int64(r.head()-rec.Pos) > 0 {
		return false, nil
	}
	return true, err
}
