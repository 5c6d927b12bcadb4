package ring

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// A mark goes with a record, and whoever takes the single producer's role learns the mark of
// the last marked record that is in the queue. layout.HotMarks has the picture. The argument,
// with p the position of the record that is being sent and q that of the marked one before it:
//
//	entry of q, the other one being written   q counts; the other one is of an earlier record still
//	entry of q, the other one of p            word[p] is not published: q counts
//	word[p] stored                            both count, and p is the later one
//	tail stored                               the same
//	p consumed, freed, written again          the word is of a later lap, or tail far beyond p
//
// The entry that is overwritten is always the older one, and the newer one's record was
// published before. So at each instant one entry counts that says what is true, and a death
// changes nothing of that. Records without a mark change no entry: the last marked one
// counts on. A filler goes out before the entry of the record behind it; a reservation that is
// aborted has none. Each record of a batch has its own mark, so a batch that is cut off counts
// as far as it got.
//
// An entry for p that does not count would count as soon as another record is published at p.
// So the successor clears it before it publishes anything. No sweep has to: a single producer
// has no claims. A process may be killed while it clears: then it has published nothing.
//
// Only p = tail can be the position of an entry that does not count, since all before it was
// published. Anything else is damage, and Mark says so.

// ErrManyProducers: marks are for a queue with a single producer.
var ErrManyProducers = errors.New("queue has many producers, and marks are for a single one")

// Marked is a mark and the position of its record.
type Marked struct {
	Pos  uint64
	Mark layout.Mark
}

// markEntry is an entry in the line of marks.
type markEntry struct {
	position uint64 // 1 + the position of the record
	mark     layout.Mark
	crc      uint64 // of a synced entry
}

// markEntry returns entry i, 0 or 1.
func (r *Ring) markEntry(i int) *markEntry {
	return (*markEntry)(unsafe.Add(unsafe.Pointer(r.m.Hot(layout.HotMarks)), i&1*layout.MarkEntry))
}

// read returns what the entry says, and its position as it stands; ok reports that it is of a
// record, published or not.
func (e *markEntry) read() (m Marked, position uint64, ok bool) {
	position = atomics.Load64(&e.position)
	m = Marked{Pos: position - 1, Mark: layout.Mark{atomics.Load64(&e.mark[0]), atomics.Load64(&e.mark[1])}}
	return m, position, position != 0
}

// same reports whether the entry is of the same position as when it was read.
func (e *markEntry) same(position uint64) bool { return atomics.Reload64(&e.position) == position }

// published reports whether the record at p, which an entry of this ring speaks of, was published.
func (r *Ring) published(p uint64) bool {
	w := r.m.Load(p)
	lap := w.CompareLap(p, r.m.Shift)
	if lap > 0 || lap == 0 && w.State() != layout.Free {
		return true
	}
	return int64(atomics.Load64(r.tail)-p) > 0 // laps of words wrap sooner than positions
}

// Mark returns the mark of the last marked record that is in the queue, consumed since or not;
// ok is false if none ever was. It only reads, and a producer may be at work: then it is that of
// some moment of the call. Errors: ErrManyProducers; ErrDamaged, if the entries are what no
// producer leaves.
//
// Both entries are read at one moment. Then the later one is whole, since the producer writes the
// other one; and if its record is not published, the producer writes neither, and the earlier one
// is the last. All this is of one producer: one that dies may leave an entry of a record that it
// did not publish, and the next one send something else there, with another mark or without one. That
// one clears the entry before it begins, and counts epoch up then.
func (r *Ring) Mark() (m Marked, ok bool, err error) {
	if r.m.Geo.ManyProducers {
		return m, false, ErrManyProducers
	}
	for range maxTries {
		epoch := atomics.Load64(r.epoch)
		a, was, isA := r.markEntry(0).read()
		b, is, isB := r.markEntry(1).read()
		if !r.markEntry(1).same(is) || !r.markEntry(0).same(was) {
			continue
		}
		if isB && (!isA || int64(b.Pos-a.Pos) > 0) {
			a, b, isA, isB = b, a, isB, isA
		}
		if m, ok = a, isA && r.published(a.Pos); !ok {
			m, ok = b, isB && r.published(b.Pos)
		}
		if !ok && isB {
			continue // two that are not published: damage, or there is a third by now
		}
		if atomics.Reload64(r.epoch) != epoch {
			continue
		}
		if !ok {
			m = Marked{} // the first one is on its way, or there is none
		}
		return m, ok, nil
	}
	return Marked{}, false, ErrDamaged
}

// MarkFault tells of an entry that no producer leaves: found is empty if there is none. lag is
// how far the shared tail may be behind. A producer may be at work.
func (r *Ring) MarkFault(lag uint64) (entry int, found, want string) {
	var ms [2]Marked
	var ok [2]bool
	for i := range 2 {
		ms[i], _, ok[i] = r.markEntry(i).read()
	}
	tail := atomics.Load64(r.tail) // after the entries: all of them may be of records before it
	for i, m := range ms {
		if ok[i] && int64(m.Pos-tail) > int64(lag) {
			return i, fmt.Sprintf("a mark of position %d", m.Pos), fmt.Sprintf("at most tail, %d", tail)
		}
	}
	if !ok[0] || !ok[1] {
		return 0, "", ""
	}
	// The later entry was begun when the record of the other one was published.
	older := 0
	if int64(ms[1].Pos-ms[0].Pos) <= 0 {
		older = 1
	}
	switch {
	case ms[0].Pos == ms[1].Pos:
		return older, fmt.Sprintf("two marks of position %d", ms[0].Pos), "of two records"
	case !r.published(ms[older].Pos):
		return older, fmt.Sprintf("a mark of position %d, where no record was sent, and one of %d", ms[older].Pos, ms[older^1].Pos), "the older one of a record that was sent"
	}
	return 0, "", ""
}

// The last mark that is on the disk for certain: see layout.MarkSynced. A rebuild can't go by the
// entries, whose line may be of a later moment than the records.

func (r *Ring) syncedEntry(i int) *markEntry {
	return (*markEntry)(unsafe.Add(unsafe.Pointer(r.markEntry(i)), layout.MarkSynced))
}

// SyncedMark returns the last mark that was brought to the disk, as SetSyncedMark was told.
func (r *Ring) SyncedMark() (m Marked, ok bool) {
	m, _, ok = r.syncedMark()
	return m, ok
}

// syncedMark returns the place of the entry, too.
func (r *Ring) syncedMark() (last Marked, place int, ok bool) {
	for i := range 2 {
		e := r.syncedEntry(i)
		m, position, is := e.read()
		if is && atomics.Load64(&e.crc) == layout.MarkSum(position, m.Mark) && (!ok || int64(m.Pos-last.Pos) > 0) {
			last, place, ok = m, i, true
		}
	}
	return last, place, ok
}

// SetSyncedMark notes that all records up to that of m are on the disk, unless as much is noted
// already. The caller has the hot words on the disk before it relies on it.
//
// Preconditions: the caller is the only one that calls this, by the producer role's lock or
// because it is alone.
func (r *Ring) SetSyncedMark(m Marked) (noted bool) {
	last, place, ok := r.syncedMark()
	if ok && int64(m.Pos-last.Pos) <= 0 {
		return false
	}
	e := r.syncedEntry(place ^ 1)
	if !ok {
		e = r.syncedEntry(0)
	}
	atomics.Store64(&e.position, 0)
	atomics.Store64(&e.mark[0], m.Mark[0])
	atomics.Store64(&e.mark[1], m.Mark[1])
	atomics.Store64(&e.crc, layout.MarkSum(m.Pos+1, m.Mark))
	atomics.Store64(&e.position, m.Pos+1)
	return true
}
