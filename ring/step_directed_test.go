//go:build shmqstep

package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Interleavings that once broke the ring, step by step. Exploration finds them
// only with luck: they take more interruptions than can be tried in all orders.

func TestFillerThatHeadPassesBeforeTailIsNoDamage(t *testing.T) {
	g := layout.Geometry{ManyProducers: true, Seats: 4, Slots: 4, AreaSize: 64}
	m := ringtest.NewRegion(g, 3)
	r := m.Ring()
	slow, err := r.NewProducer(0) // it knows head as it is now, at 3
	require.NoError(t, err)
	quick, err := r.NewProducer(1)
	require.NoError(t, err)
	c := r.NewConsumer(2)
	var l ring.Lease
	for _, n := range []int{8, 100, 8} { // positions 3, 4 and 5, 6
		require.NoError(t, quick.Send(ringtest.Record(1, n)))
		require.NoError(t, c.TryLease(&l))
		c.Ack(&l)
	}

	var slowErr, quickErr error
	looks := ringtest.Start("slow", func() { slowErr = slow.Send(ringtest.Record(2, 8)) })
	require.True(t, looks.StepUntil(atomics.OpLoad, m.HotAddr(layout.HotHead)), "it saw 7 unclaimed and asks head for room")
	fills := ringtest.Start("quick", func() { quickErr = quick.Send(ringtest.Record(3, 100)) })
	require.True(t, fills.StepUntil(atomics.OpRMW, m.WordAddr(7)))
	require.True(t, fills.StepUntil(atomics.OpRMW, m.HotAddr(layout.HotTail)), "the filler stands, tail does not know")
	require.ErrorIs(t, c.TryLease(&l), ring.ErrEmpty, "only the filler was passed over")
	looks.Finish()
	fills.Finish()
	require.NoError(t, slowErr)
	require.NoError(t, quickErr)
}

func TestSuccessorSurvivesThatTheLastRecordIsConsumedWhileItResumes(t *testing.T) {
	g := layout.Geometry{ManyConsumers: true, Seats: 4, Slots: 4, AreaSize: 64}
	m := ringtest.NewRegion(g, 0)
	r := m.Ring()
	dead, err := r.NewProducer(0)
	require.NoError(t, err)
	dies := ringtest.Start("dead", func() { _ = dead.Send(ringtest.Record(1, 8)) })
	require.True(t, dies.StepUntil(atomics.OpStore, m.HotAddr(layout.HotTail)))
	dies.Kill() // word stored, tail not

	var p *ring.Producer
	resumes := ringtest.Start("successor", func() { p, err = r.NewProducer(0) })
	require.True(t, resumes.StepUntil(atomics.OpLoad, m.WordAddr(0)), "it read head and tail, both 0")
	c := r.NewConsumer(1)
	var l ring.Lease
	require.NoError(t, c.TryLease(&l))
	c.Ack(&l)
	resumes.Finish()
	require.NoError(t, err)
	require.NoError(t, p.Send(ringtest.Record(2, 8)))
	require.NoError(t, c.TryLease(&l))
}

// A producer dies at any access while it asks for the turn, renews it, gives way or gives
// it back. The turn that it leaves keeps the others from nothing once it has lapsed, or its seat
// was swept.
func TestDeathOfAnInstantHolderOfTheTurn(t *testing.T) {
	for _, mc := range []bool{false, true} {
		for _, swept := range []bool{false, true} {
			for n, ended := 0, false; !ended; n++ {
				m := ringtest.NewRegion(geometry(true, mc, 8), 0)
				r := m.Ring()
				other, err := r.NewProducer(1)
				require.NoError(t, err)
				c := r.NewConsumer(2)
				free := func() {
					var l ring.Lease
					require.NoError(t, c.TryLease(&l))
					c.Ack(&l)
				}
				for range 8 {
					require.NoError(t, other.Send(nil))
				}
				asked := 0
				holder := ringtest.Start("holder", func() {
					p, _ := r.NewProducer(0)
					for asked < 3 { // asks, sees that more is free, gives way
						_ = p.Send(make([]byte, 4*64))
						p.AskTurn()
						m.Millis.Add(100)
						asked++
					}
					p.DropTurn()
				})
				for range n {
					if ended = holder.Done; ended {
						break
					}
					holder.Step()
					if head, tail := r.Positions(); asked == 1 && tail-head == 8 {
						free()
					}
				}
				holder.Kill()
				sent := 0
				for other.Send(nil) == nil {
					sent++
				}
				if swept {
					r.Sweep(0)
				} else {
					m.Millis.Add(ring.TurnMillis)
				}
				head, _ := r.Positions()
				for other.Send(nil) == nil {
					sent++
				}
				require.EqualValues(t, head, sent, "each slot that came free, dead after %d accesses", n)
				require.False(t, swept && r.TurnAsked())
			}
		}
	}
}
