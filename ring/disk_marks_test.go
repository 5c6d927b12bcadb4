package ring_test

import (
	"fmt"

	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// markBooks is what is known of the marks of a machine's only producer. A record is marked with
// its id, and ids go up. A nil one knows of none.
type markBooks struct {
	most    int      // bytes of a marked record, or 0
	last    uint64   // of the records whose send has returned
	doubt   []uint64 // later ones whose send was begun
	synced  uint64   // the last mark that a sync has brought to the disk
	syncing uint64   // the one that a sync was bringing there when it was interrupted
}

// may tells whether these records may get marks.
func (b *markBooks) may(ps ...*paper) bool {
	ok := b != nil
	for _, p := range ps {
		ok = ok && (b.most == 0 || p.size <= b.most)
	}
	return ok
}

// begin notes that records are about to be sent, and returns their marks if they get any.
func (b *markBooks) begin(marked bool, ps ...*paper) (marks []layout.Mark) {
	if b == nil || !marked {
		return nil
	}
	for _, p := range ps {
		p.marked = true
		b.doubt = append(b.doubt, p.id)
		marks = append(marks, markOf(p.id))
	}
	return marks
}

// sent notes that they were sent.
func (b *markBooks) sent(ps ...*paper) {
	if b == nil {
		return
	}
	for _, p := range ps {
		if p.marked {
			b.last = p.id
		}
	}
	b.doubt = nil
}

// attached checks what a new producer is told: the mark of the last record that was sent, or of
// one that its predecessor was sending when it died.
func (b *markBooks) attached(k *machine, p *ring.Producer) {
	if b == nil {
		return
	}
	m, ok, err := p.Mark()
	known := m[0] == b.last
	for _, id := range b.doubt {
		known = known || m[0] == id
	}
	if err != nil || ok != (m[0] != 0) || ok && m != markOf(m[0]) || !known {
		k.failf("a new producer is told of mark %#x, %v, %w; the last one is %#x, or of %#x", m, ok, err, b.last, b.doubt)
		return
	}
	b.last, b.doubt = m[0], nil
}

// sync brings all to the disk. One by the producer brings the last mark there, too.
func (k *machine) sync() {
	var m ring.Marked
	ok := false
	if k.marks != nil && k.rng.IntN(4) > 0 {
		m, ok, _ = k.r.Mark()
	}
	k.disk.sync()
	k.archive.sync()
	if !ok {
		return
	}
	k.marks.syncing = m.Mark[0]
	k.r.SetSyncedMark(m)
	copy(k.disk.image[layout.HotOffset:layout.SeatOffset], k.m.Bytes[layout.HotOffset:])
	k.marks.synced, k.marks.syncing = m.Mark[0], 0
}

// rebuilt checks the mark of a rebuilt ring that has these records: that of the last one that
// survived, or was synced.
func (b *markBooks) rebuilt(r *ring.Ring, came []*paper) error {
	if b == nil {
		return nil
	}
	m, ok, err := r.Mark()
	want := b.synced
	for _, p := range came {
		if p.marked {
			want = max(want, p.id)
		}
	}
	got := m.Mark[0]
	if err != nil || ok != (got != 0) || ok && m.Mark != markOf(got) || got != want && got != max(want, b.syncing) {
		return fmt.Errorf("the rebuilt ring has mark %#x, %v, %w; the last one is %#x, or %#x", m, ok, err, want, b.syncing)
	}
	if s, is := r.SyncedMark(); is != ok || s.Mark != m.Mark {
		return fmt.Errorf("the rebuilt ring has mark %#x, and as synced %#x", m.Mark, s.Mark)
	}
	b.last, b.doubt, b.synced, b.syncing = got, nil, got, 0
	return nil
}
