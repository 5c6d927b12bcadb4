package ring_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// inOrder examines a ring whose participants stand still, at any point of what they do.
// Rings on the heap have no seat entries, so what is said of those does not count.
func inOrder(r *ring.Ring) error {
	for _, f := range inspect.Examine(r, r.Geometry().TotalSize()).Faults {
		if f.Kind != inspect.FaultOwner {
			return fmt.Errorf("%s at slot %d: %s; want %s", f.Kind, f.Slot, f.Found, f.Want)
		}
	}
	return nil
}

// kindsOf are the kinds of what an examination finds, without repetition.
func kindsOf(e inspect.Examination) (kinds []string) {
	seen := map[string]bool{}
	for _, f := range e.Faults {
		if !seen[f.Kind] {
			seen[f.Kind] = true
			kinds = append(kinds, f.Kind)
		}
	}
	return kinds
}

func TestExaminationCrossesEveryWrap(t *testing.T) {
	eachBoundary(t, func(t *testing.T, g layout.Geometry, start uint64) {
		b := newBench(t, g, start)
		require.NoError(t, inOrder(b.r))
		for id := uint64(1); id < 40; id += 3 {
			b.send(8, id)
			b.send(100, id+1)
			require.NoError(t, inOrder(b.r))
			b.lease(b.c, id, 0)
			l := b.lease(b.c, id+1, 0)
			b.send(70, id+2)
			require.NoError(t, inOrder(b.r))
			b.c.Ack(l)
			b.c.Close()
			b.r.Sweep(1)
			require.NoError(t, inOrder(b.r))
			for range 3 {
				l := &ring.Lease{}
				if b.c.TryLease(l) == nil {
					b.c.Ack(l)
				}
			}
			require.NoError(t, inOrder(b.r))
		}
	})
}

// A word of the wrong lap is found on both sides of each wrap.
func TestExaminationKnowsLapsAtEveryWrap(t *testing.T) {
	eachBoundary(t, func(t *testing.T, g layout.Geometry, start uint64) {
		for _, laps := range []int64{-2, -1, 1, 2} {
			b := newBench(t, g, start)
			b.send(8, 1, 2)
			w := layout.FullWord(start+1+uint64(laps)*g.Slots, 1, g.Shift())
			b.m.SetWord(start+1, w)
			require.NotEmpty(t, inspect.Examine(b.r, g.TotalSize()).Faults, "%d laps off", laps)
		}
	})
}

// An examination of a ring full of scribble says a bounded amount.
func TestExaminationOfScribbleIsBounded(t *testing.T) {
	t.Parallel()
	m := ringtest.NewRegion(geometry(true, true, 4096), 0)
	for p := range uint64(4096) {
		m.SetWord(p, 0xf)
	}
	e := inspect.Examine(m.Ring(), m.Geometry.TotalSize())
	require.Len(t, e.Faults, inspect.MaxFaults)
	require.Equal(t, 4096-inspect.MaxFaults, e.More)
	require.Equal(t, []string{inspect.FaultState}, kindsOf(e))
}

// In a full ring a word of the next lap stands at tail, and at head, where it is not due.
func TestExaminationOfAFullRing(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 8), 0)
		b.send(8, 1, 2, 3, 4, 5, 6, 7, 8)
		require.NoError(t, inOrder(b.r))
		b.m.SetWord(0, layout.FullWord(8, 1, 3))
		if e := inspect.Examine(b.r, b.m.Geometry.TotalSize()); !mc {
			require.Equal(t, []string{inspect.FaultLap}, kindsOf(e), "%+v", e)
		}
	})
}
