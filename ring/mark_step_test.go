//go:build shmqstep

package ring_test

import (
	"fmt"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// viewMark asks for the last mark while others do whole calls between any two accesses of the question:
// it is that of some moment, and of a record that is in the queue.
func (o *observed) viewMark() {
	if o.marks == nil || o.accused != nil {
		return
	}
	least := o.marks.last
	m, ok, err := o.r.Mark()
	id := m.Mark[0]
	switch {
	case err != nil || ok != (id != 0) || ok && m.Mark != markOf(id):
		o.accused = fmt.Errorf("a viewer sees mark %#x, %v, %w", m, ok, err)
	case id < least || id > max(o.marks.last, slices.Max(append(o.marks.doubt, 0))):
		o.accused = fmt.Errorf("a viewer sees the mark of record %#x; the last one was %#x before, and is %#x, or of %#x", id, least, o.marks.last, o.marks.doubt)
	case slices.Contains(o.marks.doubt, id) && !inTheQueue(o.m, m.Pos):
		o.accused = fmt.Errorf("a viewer sees the mark of record %#x at %d, which was not published", id, m.Pos)
	}
}

// inTheQueue reports whether a record at p was published, by the word there and by head.
func inTheQueue(m *ringtest.Region, p uint64) bool {
	shift := m.Geometry.Shift()
	w := m.Word(p)
	lap := w.CompareLap(p, shift)
	return lap > 0 || lap == 0 && w.State() != layout.Free || int64(m.Hot(layout.HotHead)-p) > 0
}

// A producer that sends with marks and without is stopped before each access to a shared word. There the
// last mark is that of the last marked record whose word is published, to a viewer, and on a copy of the
// ring to a successor, which sends records without a mark from there on.
func TestAtEachInstantTheMarkIsThatOfTheLastRecord(t *testing.T) {
	defer atomics.SetHook(nil)
	for n := range 4 {
		g := geometry(false, n&1 != 0, 8)
		g.Checksum, g.Timestamps = n&2 != 0, n&2 != 0
		b := newBench(t, g, 3)
		s := &instants{bench: b, copy: ringtest.NewRegion(g, 0)}
		s.run(func() {
			id := uint64(0)
			for range 4 {
				for _, size := range []int{8, 8, 24, 25, 60, 100, 200} {
					id++
					s.sending, s.sent = id, append(s.sent, sentMark{id, b.tail()})
					require.NoError(t, b.p.SendMarked(ringtest.Record(id, size), markOf(id)))
					s.take()
					require.NoError(t, b.p.Send(ringtest.Record(1000+id, size)))
					s.take()
					id++
					buf, err := b.p.Reserve(max(size, 40))
					require.NoError(t, err)
					ringtest.FillRecord(buf[:size], id, 0, size)
					s.sending, s.sent = id, append(s.sent, sentMark{id, b.tail()})
					require.NoError(t, b.p.CommitMarked(size, markOf(id)))
					s.take()
				}
			}
		})
		require.Greater(t, s.looks, 500)
	}
}

func (b *bench) tail() uint64 { _, tail := b.r.Positions(); return tail }

type sentMark struct{ id, from uint64 }

type instants struct {
	*bench
	copy    *ringtest.Region
	sent    []sentMark
	sending uint64
	looks   int
}

func (s *instants) run(work func()) {
	var hook func(unsafe.Pointer, atomics.Op)
	hook = func(unsafe.Pointer, atomics.Op) {
		atomics.SetHook(nil)
		s.look()
		atomics.SetHook(hook)
	}
	atomics.SetHook(hook)
	defer atomics.SetHook(nil)
	work()
}

// take consumes the record that was sent.
func (s *instants) take() {
	var l ring.Lease
	require.NoError(s, s.c.TryLease(&l))
	s.c.Ack(&l)
}

// look compares the mark with what the contents of the ring say.
func (s *instants) look() {
	s.looks++
	want := uint64(0)
	for _, m := range s.sent {
		if m.id != s.sending || s.isThere(m) {
			want = m.id
		}
	}
	says := func(who string, m layout.Mark, ok bool, err error) {
		require.NoError(s, err)
		require.Equal(s, want != 0, ok, "%s, record %d", who, s.sending)
		if ok {
			require.Equal(s, markOf(want), m, "%s, record %d", who, s.sending)
		}
	}
	m, ok, err := s.r.Mark()
	says("viewer", m.Mark, ok, err)

	copy(s.copy.Bytes, s.m.Bytes)
	r := s.copy.Ring()
	for range 3 {
		p, err := r.NewProducer(2)
		require.NoError(s, err)
		got, ok, err := p.Mark()
		says("successor", got, ok, err)
		if err := p.Send(ringtest.Record(5000, 60)); err != ring.ErrFull {
			require.NoError(s, err)
		}
	}
	p, err := r.NewProducer(2)
	require.NoError(s, err)
	got, ok, err := p.Mark()
	says("a later one", got, ok, err)
}

// isThere reports whether the record is in the ring, or was: one that is full of this lap has its id in
// its payload, from the position at which it was to be sent on, perhaps behind a filler.
func (s *instants) isThere(m sentMark) bool {
	shift := s.m.Geometry.Shift()
	at := m.from
	if w := s.m.Word(at); w.CompareLap(at, shift) == 0 && w.State() == layout.Skip {
		at += w.Slots(shift)
	}
	return inTheQueue(s.m, at)
}
