package ring_test

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/scribble"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// victim is a producer, a consumer and a viewer of one ring, among hostile peers.
type victim struct {
	m    *ringtest.Region
	r    *ring.Ring
	p    *ring.Producer
	c    *ring.Consumer
	v    *inspect.Viewer
	seat int // of p; c has the next
	buf  []byte
	bufs [][]byte
	recs [][]byte
	seen inspect.Record
	keep []ring.Lease

	damaged bool // some call said so
}

// newVictim takes part in m. A producer may refuse to begin in a damaged ring.
func newVictim(m *ringtest.Region, seat int) (*victim, error) {
	v := &victim{m: m, r: m.Ring(), seat: seat, bufs: make([][]byte, 4)}
	v.recs = [][]byte{make([]byte, 8), make([]byte, 200), make([]byte, 8)}
	v.v = inspect.NewViewer(v.r)
	if m.Geometry.Each {
		v.c = subscriber(v.r, seat)
	} else {
		v.c = v.r.NewConsumer(seat + 1)
	}
	var err error
	if v.p, err = v.r.NewProducer(seat); err != nil {
		v.p = nil
	}
	return v, v.documented(err)
}

// documented passes errors that a call may return.
func (v *victim) documented(err error) error {
	v.damaged = v.damaged || errors.Is(err, ring.ErrDamaged)
	for _, known := range []error{nil, ring.ErrFull, ring.ErrEmpty, ring.ErrTooLarge, ring.ErrDamaged, ring.ErrLagged} {
		if errors.Is(err, known) || err == known {
			return nil
		}
	}
	return fmt.Errorf("undocumented: %w", err)
}

// inside tells whether b may be handed out: it lies in the region, or is a private copy.
func (v *victim) inside(b []byte, private bool) error {
	if max := int(v.m.Geometry.Slots * v.m.Geometry.AreaSize); len(b) > max && len(b) > layout.InlineSize {
		return fmt.Errorf("%d bytes are more than fit into %d", len(b), max)
	}
	if !private && !v.m.Holds(b) {
		return fmt.Errorf("%d bytes at %p are not in the region", len(b), b)
	}
	return nil
}

// send makes one of the calls of a producer; it writes all that it is given.
func (v *victim) send(n int) error {
	if v.p == nil {
		return nil
	}
	size := n % (v.p.MaxRecord() + 1)
	switch n % 8 {
	case 0, 1:
		return v.documented(v.p.Send(make([]byte, size)))
	case 2:
		return v.documented(v.p.Send(v.recs[0]))
	case 3, 4:
		b, err := v.p.Reserve(size)
		if err != nil {
			return v.documented(err)
		}
		if len(b) != size {
			return fmt.Errorf("reserved %d bytes of %d", len(b), size)
		}
		err = v.inside(b, false)
		clear(b)
		if n&8 == 0 {
			v.p.Abort()
			return err
		}
		return errors.Join(err, v.p.Commit(len(b)))
	case 5, 6:
		sent, err := v.p.SendBatch(v.recs)
		if sent < 0 || sent > len(v.recs) {
			return fmt.Errorf("sent %d of %d", sent, len(v.recs))
		}
		return v.documented(err)
	}
	if g := v.m.Geometry; !g.ManyProducers && !g.ManyConsumers && !g.Checksum && !g.Timestamps && n&16 == 0 {
		v.p.HasRoom(n)
		b, err := v.p.Room(1 + n%700)
		if err != nil {
			return v.documented(err)
		}
		err = v.inside(b, false)
		clear(b)
		return errors.Join(err, v.p.Publish(len(b)))
	}
	v.p.AskTurn()
	v.r.RoomWorthWaking()
	v.p.DropTurn()
	v.p.Filled()
	return nil
}

// receive makes one of the calls of a consumer; it reads all that it is given.
func (v *victim) receive(n int) (err error) {
	var l ring.Lease
	switch n % 8 {
	case 0, 1:
		v.buf, _, err = v.c.TryReceive(v.buf)
		return errors.Join(v.documented(err), v.inside(v.buf, true))
	case 2:
		got, _, err := v.c.TryReceiveBatch(v.bufs)
		if got < 0 || got > len(v.bufs) {
			return fmt.Errorf("received %d of %d", got, len(v.bufs))
		}
		for _, b := range v.bufs[:got] {
			err = errors.Join(err, v.inside(b, true))
		}
		return v.documented(err)
	case 3, 4:
		if err = v.c.TryLease(&l); err == nil {
			v.keep = append(v.keep, l)
		}
		err = errors.Join(v.documented(err), v.inside(l.Data, l.Data == nil || v.m.Geometry.Skip))
	case 5:
		ls := make([]ring.Lease, 4)
		got, e := v.c.TryLeaseBatch(ls)
		if got < 0 || got > len(ls) {
			return fmt.Errorf("leased %d of %d", got, len(ls))
		}
		for i := range ls[:got] {
			err = errors.Join(err, v.inside(ls[i].Data, v.m.Geometry.Skip))
		}
		err = errors.Join(err, v.documented(e))
		if n&8 == 0 {
			v.c.AckBatch(ls[:got])
		} else {
			v.keep = append(v.keep, ls[:got]...)
		}
	case 6:
		for i := range v.keep {
			if (n>>4+i)%3 == 0 {
				v.c.Release(&v.keep[i])
			} else {
				v.c.Ack(&v.keep[i])
			}
		}
		v.keep = v.keep[:0]
	default:
		v.c.Idle()
		v.c.Ready()
		v.c.Holds()
		if n>>3%16 == 0 {
			v.c.Close()
			v.keep = v.keep[:0]
		}
	}
	if len(v.keep) > 64 { // a program that leases without end is its own fault
		v.c.Close()
		v.keep = v.keep[:0]
	}
	return err
}

// look makes one of the calls of an observer, or recovers the seat of a dead participant.
func (v *victim) look(n int) error {
	slots := int(v.m.Geometry.Slots)
	switch n % 8 {
	case 0:
		if e := inspect.Examine(v.r, uint64(len(v.m.Bytes))); len(e.Faults) > inspect.MaxFaults {
			return fmt.Errorf("%d faults", len(e.Faults))
		}
		s := inspect.NewSurvey(v.r)
		for _, h := range append(s.Seats, s.Handed) {
			if h.Records > slots || h.Takes > slots || h.Claims > slots {
				return fmt.Errorf("%d slots hold %+v", slots, h)
			}
		}
	case 1:
		v.r.Sweep(v.m.Geometry.Seats - 1)
		inspect.Glance(v.r)
		v.r.Depth()
		v.r.Stream()
		return v.subscriptions()
	case 2:
		v.v.Rewind()
	default:
		return v.next()
	}
	return nil
}

// next looks at the next record.
func (v *victim) next() error {
	if err := v.v.Next(&v.seen); err != nil {
		return v.documented(err)
	}
	if v.seen.Slots == 0 || v.seen.Slots > v.m.Geometry.Slots || v.seen.State > inspect.Writing {
		return fmt.Errorf("a record in state %d of %d slots", v.seen.State, v.seen.Slots)
	}
	return v.inside(v.seen.Data, true)
}

// exercise makes a call of each kind.
func (v *victim) exercise(n int) error {
	return errors.Join(v.send(n), v.receive(n/8), v.look(n/64))
}

// hostileGeometry is one of many shapes.
func hostileGeometry(mp, mc bool, n int) layout.Geometry {
	g := geometry(mp, mc, 1<<(1+n%5))
	g.AreaSize = []uint64{64, 64, 128, 4096}[n/5%4]
	return g
}

func TestScribblingHarmsNobodysMemoryAndEndsEveryCall(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		dice := scribble.Dice(11)
		for n := range testproc.Rounds(400) {
			m := ringtest.NewRegion(hostileGeometry(mp, mc, n), dice.Below(0)>>dice.Below(64))
			hostile(t, m, dice, 80)
		}
	})
}

// hostile lets a victim make calls, each after some scribbling.
func hostile(t *testing.T, m *ringtest.Region, dice scribble.Choice, calls int) {
	pen := scribble.New(m.Bytes, m.Geometry, dice)
	pen.Millis = m.Millis.Load
	v, err := newVictim(m, 0)
	require.NoError(t, err)
	for n := range calls {
		pen.Write()
		require.NoError(t, v.exercise(int(dice.Below(1<<12))))
		switch dice.Below(16) {
		case 0:
			if v, err = newVictim(m, 0); err != nil {
				require.NoError(t, err)
			}
		case 1: // or all calls to come would find the same damage
			m.Start(m.Hot(layout.HotTail) + uint64(n))
			v, err = newVictim(m, 0)
			require.NoError(t, err)
		}
	}
}

// The amount that a call allocates does not follow from the ring's bytes. This test must not run
// in parallel with anything.
func TestScribblingCostsBoundedMemory(t *testing.T) {
	for i := range len(modes) + 4 {
		dice := scribble.Dice(13)
		for n := range 20 {
			g := hostileEach(n<<2 | i&3)
			if i < len(modes) {
				g = hostileGeometry(modes[i].producers, modes[i].consumers, n)
			}
			m := ringtest.NewRegion(g, 5)
			const calls = 100
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			hostile(t, m, dice, calls)
			runtime.ReadMemStats(&after)
			// Two records sent and two received for each call, and the victims.
			limit := uint64(calls) * (4*uint64(m.Geometry.MaxRecord()) + 16<<10)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, limit, "%+v", m.Geometry)
		}
	}
}

// A scribbler that never stops cannot keep a call from ending, and cannot make a
// consumer grow.
func TestCallsEndWhileSomebodyScribbles(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		m := ringtest.NewRegion(geometry(mp, mc, 8), 0)
		v, err := newVictim(m, 0)
		require.NoError(t, err)
		var stop atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() {
			// Not length, meta and payload: those are read and written plainly
			// by the participant that the words name.
			for pen := scribble.New(m.Bytes, m.Geometry, scribble.Dice(1)); !stop.Load(); {
				pen.Shared()
			}
		})
		for n := range 3000 {
			// No viewer: what it copies may be written meanwhile.
			if err = errors.Join(v.send(n), v.receive(n/8)); err != nil {
				break
			}
		}
		stop.Store(true)
		wg.Wait()
		require.NoError(t, err)
	})
}

// Words of the next lap, written again and again by a hostile process, while the
// oldest record is held: the consumer's list of open records must not grow.
func TestSingleConsumerHoldsNoMoreThanALap(t *testing.T) {
	t.Parallel()
	b := newBench(t, geometry(false, false, 4), 0)
	b.send(8, 1)
	b.lease(b.c, 1, 0)
	for p := uint64(1); p < 4; p++ {
		b.m.SetWord(p, layout.SkipWord(p, 1, 2))
	}
	b.m.SetWord(4, layout.SkipWord(4, 1, 2))
	require.ErrorIs(t, b.c.TryLease(&ring.Lease{}), ring.ErrDamaged)
}

// The input is a tape of choices: the shape of the ring, then what is scribbled and
// which calls follow.
func FuzzScribblingHarmsNobodysMemory(f *testing.F) {
	f.Add(byte(0), uint64(0), []byte("0123456789abcdef"))
	f.Add(byte(3), uint64(1<<50-3), []byte("\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add(byte(80), uint64(1<<62-3), []byte("\x00\x07\x01\x00\x02\x03\x00\x08\x01\x00\x01\x05"))
	f.Add(byte(83), uint64(7), []byte("\x00\x0b\x02\x01\x00\x04\x00\x02\x01\x03"))
	f.Fuzz(func(t *testing.T, mode byte, start uint64, noise []byte) {
		g := hostileGeometry(mode&1 != 0, mode&2 != 0, int(mode>>2))
		if mode >= 80 {
			g = hostileEach(int(mode - 80))
		}
		m := ringtest.NewRegion(g, start)
		tape := &scribble.Tape{Bytes: noise}
		for calls := 0; !tape.Ended() && calls < 500; calls += 8 {
			hostile(t, m, tape, 8)
		}
		m.Ring().Sweep(1)
	})
}

// An orphan whose record makes no sense is found again and again, in the same lap or in
// the next one: what the consumer keeps of it must not add up.
func TestABadOrphanIsNotKeptTwice(t *testing.T) {
	b := newBench(t, geometry(true, true, 8), 0)
	calls := func(n int) uint64 {
		for i := range uint64(n) {
			p := i * 8
			b.m.SetHot(layout.HotHead, p+1)
			b.m.SetWord(p, layout.OrphanWord(p, 1, false, 3))
			b.m.SetDescription(p, layout.InlineSize+1, 0)
			b.m.SetHot(layout.HotOrphans, i)
			require.ErrorIs(t, b.c.TryLease(&ring.Lease{}), ring.ErrDamaged)
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := calls(100)
	require.Less(t, calls(20_000), before+1<<20)
	runtime.KeepAlive(b)
}
