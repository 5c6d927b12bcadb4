package ring_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// hotWords are the shared words that the ring itself reads.
var hotWords = []uint64{
	layout.HotTail, layout.HotHead, layout.HotHandout, layout.HotOrphans, layout.HotTurn,
	layout.HotEpoch, layout.HotFinished, layout.HotSkipped,
}

// scribble writes v, or something near what stands there, into one shared word.
func scribble(m *ringtest.Region, which uint32, v uint64) {
	slots := uint32(m.Geometry.Slots)
	near := v>>62 == 0 // small changes do more harm than noise does
	switch which %= uint32(len(hotWords)) + 2*slots; {
	case which < uint32(len(hotWords)):
		off := hotWords[which]
		if near {
			v = m.Hot(off) + v&31 - 15
		}
		m.SetHot(off, v)
	case which < uint32(len(hotWords))+slots:
		p := uint64(which) - uint64(len(hotWords))
		if near { // another state, another k, another lap
			shift := m.Geometry.Shift()
			v = uint64(m.Word(p)) ^ v&0xf ^ v>>4&(1<<shift-1)<<4 ^ v>>8&3<<(4+shift)
		}
		m.SetWord(p, layout.Word(v))
	default:
		m.SetDescription(uint64(which), uint32(v), uint32(v>>32))
	}
}

// documented reports whether err is one that a call may return.
func documented(err error) error {
	for _, known := range []error{nil, ring.ErrFull, ring.ErrEmpty, ring.ErrTooLarge, ring.ErrDamaged} {
		if errors.Is(err, known) || err == known {
			return nil
		}
	}
	return fmt.Errorf("undocumented: %w", err)
}

// exercise makes every call once, and writes and reads all that it is given.
func exercise(m *ringtest.Region, p *ring.Producer, c *ring.Consumer, n int) error {
	inside := func(b []byte, max int) error {
		if !m.Holds(b) || len(b) > max {
			return fmt.Errorf("%d bytes at %p are not in the region, or more than %d", len(b), b, max)
		}
		return nil
	}
	whole := len(m.Bytes)
	err := documented(p.Send(make([]byte, n%(p.MaxRecord()+1))))
	b, e := p.Reserve(n % (p.MaxRecord() + 1))
	err = errors.Join(err, documented(e))
	if e == nil {
		err = errors.Join(err, inside(b, p.MaxRecord()))
		if n%5 == 0 {
			p.Abort()
		} else {
			err = errors.Join(err, p.Commit(len(b)))
		}
	}
	_, e = p.SendBatch([][]byte{make([]byte, 8), make([]byte, n%200), make([]byte, 8)})
	err = errors.Join(err, documented(e))
	if n%7 == 0 {
		p.AskTurn()
		p.DropTurn()
	}
	ls := make([]ring.Lease, 4)
	got, e := c.TryLeaseBatch(ls)
	err = errors.Join(err, documented(e))
	var l ring.Lease
	if e = c.TryLease(&l); e == nil {
		ls = append(ls[:got:got], l)
		got++
	}
	err = errors.Join(err, documented(e))
	for i := range ls[:got] {
		err = errors.Join(err, inside(ls[i].Data, whole))
		switch (n + i) % 4 {
		case 0: // kept until Close
		case 1:
			c.Release(&ls[i])
		default:
			c.Ack(&ls[i])
		}
	}
	c.Idle()
	c.Ready()
	if n%11 == 0 {
		c.Close()
	}
	return err
}

func TestScribblingHarmsNobodysMemoryAndEndsEveryCall(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		rng := rand.New(rand.NewPCG(11, 12))
		for range 300 {
			m := ringtest.NewRegion(geometry(mp, mc, 1<<(1+rng.UintN(4))), rng.Uint64()>>rng.IntN(64))
			hostile(t, m, rng)
		}
	})
}

func hostile(t *testing.T, m *ringtest.Region, rng *rand.Rand) {
	r := m.Ring()
	p, err := r.NewProducer(0)
	require.NoError(t, err)
	c := r.NewConsumer(1)
	for range 60 {
		scribble(m, rng.Uint32(), rng.Uint64())
		require.NoError(t, exercise(m, p, c, rng.IntN(1000)))
		switch rng.IntN(10) {
		case 0:
			require.LessOrEqual(t, len(r.Examine(m.Geometry.TotalSize()).Faults), ring.MaxFaults)
			r.Reclaim(rng.IntN(layout.MaxSeats))
			r.Depth()
			r.RoomWorthWaking()
			r.Stream()
			for _, h := range append(r.Survey().Seats, r.Survey().Handed) {
				require.LessOrEqual(t, h.Records, int(m.Geometry.Slots))
			}
		case 1:
			c = r.NewConsumer(1)
		case 2:
			q, err := r.NewProducer(0)
			require.NoError(t, documented(err))
			if err == nil {
				p = q
			}
		}
	}
}

// A scribbler that never stops cannot keep a call from ending, and cannot make a
// consumer grow.
func TestCallsEndWhileSomebodyScribbles(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		m := ringtest.NewRegion(geometry(mp, mc, 8), 0)
		r := m.Ring()
		p, err := r.NewProducer(0)
		require.NoError(t, err)
		c := r.NewConsumer(1)
		var stop atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(1, 1))
			for !stop.Load() {
				// Not length and meta: those are read and written plainly where
				// the words say who may.
				scribble(m, rng.Uint32N(uint32(len(hotWords)+8)), rng.Uint64())
			}
		})
		for n := range 3000 {
			if err = exercise(m, p, c, n); err != nil {
				break
			}
			if n%16 == 0 {
				r.Examine(m.Geometry.TotalSize())
			}
		}
		stop.Store(true)
		wg.Wait()
		require.NoError(t, err)
	})
}

// Words of the next lap, written again and again by somebody hostile, while the
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

func FuzzScribblingHarmsNobodysMemory(f *testing.F) {
	f.Add(byte(0), uint64(0), []byte("0123456789abcdef"))
	f.Add(byte(3), uint64(1<<50-3), []byte("\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, mode byte, start uint64, noise []byte) {
		m := ringtest.NewRegion(geometry(mode&1 != 0, mode&2 != 0, 1<<(1+mode>>2&3)), start)
		r := m.Ring()
		p, err := r.NewProducer(0)
		require.NoError(t, err)
		c := r.NewConsumer(1)
		for n := 0; len(noise) >= 10; noise, n = noise[10:], n+1 {
			var v uint64
			for _, x := range noise[2:10] {
				v = v<<8 | uint64(x)
			}
			scribble(m, uint32(noise[0]), v)
			r.Examine(m.Geometry.TotalSize())
			require.NoError(t, exercise(m, p, c, int(noise[1])+n))
		}
		r.Reclaim(1)
	})
}
