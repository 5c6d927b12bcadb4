package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// A look at records from outside: without a seat, without a store, without a lock.
// It is a seqlock with the slot's word as its sequence: read the word, copy the
// record, read the word again, and throw the copy away if it changed. Why the same
// word means the same bytes:
//
//   - A Full word of a lap goes and never comes back; a word that names a reader
//     comes back within its lap only, in which the payload stays as it is. So the word
//     stood all the time.
//   - Many consumers: bytes of the slots p to p+k-1 are written again by a producer of
//     the next lap. It claimed them after it, or the one who moved tail past p, had
//     read the word at p as free of that lap. That word was there before the bytes
//     were, so who has read one of those bytes and then reads the word (Reload64) finds
//     it changed. Inner records of a take are freed before its first word: their own
//     words tell.
//   - A single consumer frees by head and leaves the word. A single producer then
//     writes the payload over it first, and the word last. There the copy counts if
//     head has not passed p afterwards: a producer writes there only after it has read
//     a head beyond p.
//
// A record that is changing all the time costs a bounded number of copies. What stands
// in the mapping is bounded like everywhere: spans by the ring, lengths by the span.

// PeekState is what becomes of a record that a Viewer sees.
type PeekState uint8

const (
	// Waiting: published, and taken by nobody.
	Waiting PeekState = iota
	// Leased: in the hands of a consumer, alive or dead, and not acknowledged. In a
	// queue with a single consumer: handed out, and not freed.
	Leased
	// Orphaned: to be delivered again; its holder gave it back or died.
	Orphaned
	// Writing: claimed by one of many producers, and not published. Nothing is
	// known of it but its slots, which may become several records, or none.
	Writing
)

// Peeked is a record as it was at a moment.
type Peeked struct {
	Pos         uint64 // position of its first slot
	Slots       uint64
	State       PeekState
	Seat        int    // that holds it or writes it, -1 where no word tells
	Redelivered int    // deliveries beyond the first, as far as they were recorded
	Sent        uint64 // Unix time in nanoseconds; 0 without time stamps
	Data        []byte // a copy; its memory is used again by the next call of Next
}

// Viewer goes over the records of a ring in the order of their positions, and only
// reads. It is for one goroutine at a time.
type Viewer struct {
	r      *Ring
	pos    uint64
	missed uint64
	spent  uint64 // of the call's effort
	take   taken  // that pos may lie in
	sums   summer
}

// taken is a take of one or more records by a consumer; its first word tells of all.
type taken struct {
	end   uint64
	state PeekState
	seat  int
}

// maxCopies bounds how often one record is copied in vain.
const maxCopies = 8

// effort bounds the slots that one call looks at or copies in vain.
func (v *Viewer) effort() uint64 { return 2 * maxCopies * v.r.cap }

// NewViewer returns a viewer that stands at the oldest record.
func (r *Ring) NewViewer() *Viewer {
	v := &Viewer{r: r}
	v.Rewind()
	return v
}

// Rewind goes to the oldest record. What was in the ring at this moment lies before
// end: who follows participants at work stops there, or might never.
func (v *Viewer) Rewind() (end uint64) {
	r := v.r
	head, tail := r.Positions()
	v.Seek(head)
	v.missed = 0
	// Takes lie before head. Nothing older than a lap before tail is left, and a
	// span that began there was freed as a whole.
	if r.geo.ManyConsumers {
		if v.pos = tail - r.cap; tail < r.cap {
			v.pos = 0
		}
	}
	// The shared tail lags by the record under way.
	return tail + r.geo.MaxSlotsPerRecord()
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
// rec and moves behind it. Errors: ErrEmpty where nothing has been published yet;
// ErrDamaged.
func (v *Viewer) Next(rec *Peeked) error {
	if v.r.geo.ManyConsumers {
		return v.nextMany(rec)
	}
	return v.nextOne(rec)
}

func (v *Viewer) nextMany(rec *Peeked) error {
	r := v.r
	copies := 0
	for v.spent = 0; v.spent < v.effort(); v.spent++ {
		p := v.pos
		w := r.load(p)
		if lap := w.CompareLap(p, r.shift); lap < 0 {
			return ErrEmpty
		} else if lap > 0 {
			v.passFreed()
			continue
		}
		state := w.State()
		if state == layout.Free {
			if tail := atomics.Load64(r.tail); int64(tail-p) <= 0 {
				return ErrEmpty
			}
			if r.load(p) == w {
				v.pos++ // inside a record
			}
			continue
		}
		k := r.span(p, w)
		if k == 0 || state > layout.Skip {
			return ErrDamaged
		}
		inTake := int64(v.take.end-p) > 0
		switch state {
		case layout.Skip:
			if inTake {
				v.missed += k // acknowledged
			}
			v.pos += k
			continue
		case layout.Claimed:
			v.writing(rec, p, k, w)
			return nil
		case layout.Full:
			*rec = Peeked{Pos: p, Slots: k, State: Waiting, Seat: -1, Data: rec.Data[:0]}
			if inTake {
				rec.State, rec.Seat = v.take.state, v.take.seat
			}
		default:
			own := v.first(p, k)
			v.take = taken{p + k, Orphaned, -1}
			if state.Owned() {
				v.take.state, v.take.seat = Leased, w.Seat()
			}
			k = own
			if state == layout.ReadingAcked || state == layout.OrphanAcked {
				v.missed += k
				v.pos += k
				continue
			}
			*rec = Peeked{Pos: p, Slots: k, State: v.take.state, Seat: v.take.seat, Data: rec.Data[:0]}
		}
		if ok, err := v.attempt(rec, w, k, &copies); ok {
			return err
		}
	}
	return ErrEmpty
}

// first returns the slots of the first record of a take of k slots at p: up to the
// next word that is not the inside of a record.
func (v *Viewer) first(p, k uint64) uint64 {
	n := uint64(1)
	for n < k && v.r.load(p+n) == layout.FreeWord(p+n, v.r.shift) {
		n++
	}
	return n
}

// passFreed goes on from a position that was consumed.
func (v *Viewer) passFreed() {
	to := v.pos + 1
	if oldest := atomics.Load64(v.r.tail) - v.r.cap; int64(oldest-to) > 0 {
		to = oldest
	}
	v.missed += to - v.pos
	v.pos = to
}

func (v *Viewer) nextOne(rec *Peeked) error {
	r := v.r
	copies := 0
	for v.spent = 0; v.spent < v.effort(); v.spent++ {
		h := atomics.Load64(r.head)
		if n := int64(h - v.pos); n > 0 {
			v.missed += uint64(n)
			v.pos = h
		}
		p := v.pos
		w := r.load(p)
		if lap := w.CompareLap(p, r.shift); lap < 0 || lap == 0 && w.State() == layout.Free {
			return ErrEmpty
		} else if lap > 0 {
			if atomics.Load64(r.head) == h {
				return ErrDamaged
			}
			continue
		}
		k := r.span(p, w)
		if k == 0 || p+k-h > r.cap {
			if atomics.Load64(r.head) == h {
				return ErrDamaged
			}
			continue
		}
		switch w.State() {
		case layout.Skip:
			v.pos += k
			continue
		case layout.Claimed:
			v.writing(rec, p, k, w)
			return nil
		case layout.Full:
		default:
			return ErrDamaged
		}
		*rec = Peeked{Pos: p, Slots: k, State: Waiting, Seat: -1, Data: rec.Data[:0]}
		if int64(atomics.Load64(r.handout)-p) > 0 {
			rec.State = Leased
		}
		if ok, err := v.attempt(rec, w, k, &copies); ok {
			return err
		}
	}
	return ErrEmpty
}

// attempt reads the record of k slots that w told of, and goes beyond it. Where it changed
// too often meanwhile it counts as missed.
func (v *Viewer) attempt(rec *Peeked, w layout.Word, k uint64, copies *int) (ok bool, err error) {
	if ok, err = v.read(rec, w); ok {
		v.pos += k
		if err == errTorn {
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

func (v *Viewer) writing(rec *Peeked, p, k uint64, w layout.Word) {
	*rec = Peeked{Pos: p, Slots: k, State: Writing, Seat: w.Seat(), Data: rec.Data[:0]}
	v.pos += k
}

// read copies the record at rec.Pos, which word w speaks of, and reports whether it
// was there, whole, until the copy was made. The error counts only then.
func (v *Viewer) read(rec *Peeked, w layout.Word) (ok bool, err error) {
	r := v.r
	data, meta, err := r.payload(rec.Pos, r.span(rec.Pos, w))
	rec.Data = append(rec.Data, data...)
	rec.Redelivered = int(meta >> layout.MetaDeliveriesShift)
	rec.Sent = r.sentAt(rec.Pos)
	if r.geo.Checksum && (err != nil || v.sums.sum(r, rec.Pos, meta, rec.Sent, rec.Data) != *r.sumAt(rec.Pos)) {
		err = errTorn
	}
	if layout.Word(atomics.Reload64(r.wordAt(rec.Pos))) != w {
		return false, nil
	}
	if !r.geo.ManyConsumers && int64(atomics.Load64(r.head)-rec.Pos) > 0 {
		return false, nil
	}
	return true, err
}
