package ring

import (
	"encoding/binary"
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// See layout.Incarnation for what incarnations are. Nothing in a record names its
// incarnation: its position, compared with the table, does. So nothing has to be done where
// records are sent or taken, and a question for the id of one reads the table.

// Home returns the stamp of where the current incarnation began, or 0; see layout.HotHome.
func (r *Ring) Home() uint64 { return atomics.Load64(r.home) }

// SetHome stores the stamp, after BeginIncarnation.
//
// Preconditions: as BeginIncarnation.
func (r *Ring) SetHome(stamp uint64) { atomics.Store64(r.home, stamp) }

// BeginIncarnation makes records that are sent from now on be of incarnation id. An
// incarnation of which no record was sent is forgotten.
//
// Preconditions: the caller holds layout.LockImage; no process has a role.
func (r *Ring) BeginIncarnation(id uint64) {
	t := r.incarnations()
	next := t.Latest()
	if end := r.lastTail(); next.Number == 0 || next.Start != end {
		next.Number, next.Start = next.Number+1, end
	}
	next.ID = id
	b := next.Encode()
	words := r.incarnationAt(next.Number)
	for i := range words {
		atomics.Store64(&words[i], binary.LittleEndian.Uint64(b[8*i:]))
	}
}

// incarnations returns the table. An entry that is being written just now is left out.
func (r *Ring) incarnations() (t layout.Incarnations) {
	for i := range t {
		t[i] = r.incarnation(uint64(i))
	}
	return t
}

// incarnation returns the entry at the place where entry n stands, or would.
func (r *Ring) incarnation(n uint64) layout.Incarnation {
	var b [layout.IncarnationSize]byte
	words := r.incarnationAt(n)
	for i := range words {
		binary.LittleEndian.PutUint64(b[8*i:], atomics.Load64(&words[i]))
	}
	return layout.DecodeIncarnation(b, int(n%layout.IncarnationCount))
}

func (r *Ring) incarnationAt(n uint64) *[layout.IncarnationSize / 8]uint64 {
	off := layout.HotIncarnations + uintptr(n%layout.IncarnationCount)*layout.IncarnationSize
	return (*[layout.IncarnationSize / 8]uint64)(unsafe.Pointer(r.m.Hot(off)))
}

// Lineage tells of which incarnation a record is. It remembers the table, and reads two
// entries to find out whether that has changed: 0.1 us. It is for one goroutine at a time.
type Lineage struct {
	r      *Ring
	table  layout.Incarnations
	latest layout.Incarnation
}

// NewLineage returns the lineage of the ring's records.
func (r *Ring) NewLineage() *Lineage {
	l := &Lineage{r: r}
	l.read()
	return l
}

func (l *Lineage) read() {
	l.table = l.r.incarnations()
	l.latest = l.table.Latest()
}

// Of returns the id of the incarnation of position p.
func (l *Lineage) Of(p uint64) uint64 {
	n := l.latest.Number
	if l.r.incarnation(n) != l.latest || l.r.incarnation(n+1).Number == n+1 {
		l.read()
	}
	return l.table.Of(p)
}

// Place returns the incarnation of the record and its position, which tell it from all
// others that were ever in the queue. It does so also after the lease was settled.
func (l *Lease) Place() (incarnation, pos uint64) {
	if l.by == nil {
		return 0, 0
	}
	if l.by.lineage == nil {
		l.by.lineage = l.by.r.NewLineage()
	}
	return l.by.lineage.Of(l.pos), l.pos
}
