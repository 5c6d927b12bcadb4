package ring

import (
	"encoding/binary"
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// See layout.Incarnation for what incarnations are. Nothing in a record names its
// incarnation: its position, compared with the table, does. The table changes only while
// nobody has a role, so a participant reads it once, when it is first asked.

// Home returns the stamp of where the current incarnation began, or 0; see layout.HotHome.
func (r *Ring) Home() uint64 { return atomics.Load64(r.home) }

// SetHome stores the stamp, after BeginIncarnation.
//
// Preconditions: as BeginIncarnation.
func (r *Ring) SetHome(stamp uint64) { atomics.Store64(r.home, stamp) }

// BeginIncarnation makes what is sent from now on be of incarnation id. An incarnation of
// which nothing was sent is forgotten.
//
// Preconditions: the caller holds layout.LockImage; nobody has a role.
func (r *Ring) BeginIncarnation(id uint64) {
	t := r.Incarnations()
	next := t.Latest()
	if end := r.end(); next.Number == 0 || next.Start != end {
		next.Number, next.Start = next.Number+1, end
	}
	next.ID = id
	b := next.Encode()
	words := r.incarnation(int(next.Number % layout.IncarnationCount))
	for i := range words {
		atomics.Store64(&words[i], binary.LittleEndian.Uint64(b[8*i:]))
	}
}

// Incarnations returns the table. An entry that is being written just now is left out.
func (r *Ring) Incarnations() (t layout.Incarnations) {
	for i := range t {
		words := r.incarnation(i)
		var b [layout.IncarnationSize]byte
		for j := range words {
			binary.LittleEndian.PutUint64(b[8*j:], atomics.Load64(&words[j]))
		}
		t[i] = layout.DecodeIncarnation(b, i)
	}
	return t
}

func (r *Ring) incarnation(place int) *[layout.IncarnationSize / 8]uint64 {
	return (*[layout.IncarnationSize / 8]uint64)(unsafe.Pointer(r.m.Hot(layout.HotIncarnations + uintptr(place)*layout.IncarnationSize)))
}

// end returns the position from which on nothing was ever published. Shared tail may lag
// behind a single producer's last record; see Producer.resume.
//
// Preconditions: nobody has a role.
func (r *Ring) end() uint64 {
	head, tail := r.Positions()
	t := tail
	if int64(head-t) > 0 {
		t = head
	}
	for n := uint64(0); n <= r.m.Cap; n++ {
		w := r.m.Load(t)
		k := r.m.Span(t, w)
		if w.CompareLap(t, r.m.Shift) != 0 || w.State() == layout.Free || k == 0 {
			break
		}
		t += k
	}
	return t
}

// Place returns the incarnation of the record and its position, which tell it from all
// others that were ever in the queue. It says so also after the lease was settled.
func (l *Lease) Place() (incarnation, pos uint64) {
	if l.by == nil {
		return 0, 0
	}
	return l.by.incarnationOf(l.pos), l.pos
}

func (c *Consumer) incarnationOf(p uint64) uint64 {
	if c.incarnations == nil {
		t := c.r.Incarnations()
		c.incarnations, c.latest = &t, t.Latest()
	}
	if c.latest.Number != 0 && int64(p-c.latest.Start) >= 0 {
		return c.latest.ID
	}
	return c.incarnations.Of(p)
}
