//go:build shmqstep

package ring_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/ring"
)

// lapped is a durable subscription that is lapped again and again, and whose holder may die. Its
// records take a slot each, so an id is a position.
type lapped struct {
	t     *testing.T
	m     *ringtest.Region
	r     *ring.Ring
	p     *ring.Producer
	sent  uint64
	want  uint64          // to be sent
	acked map[uint64]bool // acknowledged, or about to be
	told  map[uint64]bool // lost, as a holder was told
	calls int             // of ErrLagged
}

// send has records sent by the test itself, which nobody kills.
func (g *lapped) send(n uint64) {
	g.want = n
	ringtest.Yield()
}

func (g *lapped) sendWanted() {
	for ; g.want > 0; g.want-- {
		require.NoError(g.t, g.p.Send(ringtest.Record(g.sent, 8)))
		g.sent++
	}
}

// lease takes leases up to the next jump, or until there is none.
func (g *lapped) lease(c *ring.Consumer, n int) []ring.Lease {
	ls := make([]ring.Lease, n)
	n, err := c.TryLeaseBatch(ls)
	switch err {
	case ring.ErrLagged:
		g.calls++
		for p := c.Lagged().From; p != c.Lagged().To; p++ {
			g.told[p] = true
		}
	case nil, ring.ErrEmpty:
	default:
		panic(err)
	}
	return ls[:n]
}

func (g *lapped) ack(c *ring.Consumer, ls []ring.Lease) {
	for i := range ls {
		id, err := ringtest.ReadRecord(ls[i].Data)
		if err != nil {
			panic(err)
		}
		g.acked[id] = true
		c.Ack(&ls[i])
	}
}

// hold is a holder that is lapped: with nothing open, behind an open lease, twice behind one, and in
// the middle of a batch.
func (g *lapped) hold(c *ring.Consumer) {
	g.send(40)
	g.lease(c, 1) // a jump
	g.ack(c, g.lease(c, 2))
	open := g.lease(c, 1)
	g.send(40)
	g.lease(c, 1) // a jump behind the open one
	more := g.lease(c, 1)
	g.send(40)
	g.lease(c, 1) // and another
	g.ack(c, more)
	g.ack(c, open)
	open = g.lease(c, 1)
	c.Release(&open[0])
	g.send(20)
	g.ack(c, g.lease(c, 4)) // the released one, and a jump that the next call tells
	g.lease(c, 1)
	g.send(40)
	g.lease(c, 1) // told last before it leaves
	c.Close()
}

// check requires that what is before the cursor was either acknowledged or counted as lost, and that
// somebody was told of all that was lost.
func (g *lapped) check(name string) {
	s := g.r.Subscription(0)
	lost, pos := uint64(0), s.Position()
	for p := range pos {
		if !g.acked[p] {
			lost++
			require.True(g.t, g.told[p], "%s: position %d was lost, and nobody was told", name, p)
		}
	}
	require.Equal(g.t, lost, s.Lost(), "%s: at position %d", name, pos)
}

// TestLostAndReceivedAreAllThatWasSent kills the holder of a subscription before each of its
// accesses, and its successor before each of its own.
func TestLostAndReceivedAreAllThatWasSent(t *testing.T) {
	for _, many := range []bool{false, true} {
		jumps := 0
		run := func(first, second int) (ended [2]bool) {
			g := &lapped{t: t, m: ringtest.NewRegion(each(many, true, 16, 0), 0), acked: map[uint64]bool{}, told: map[uint64]bool{}}
			g.r = g.m.Ring()
			var err error
			g.p, err = g.r.NewProducer(0)
			require.NoError(t, err)
			s := g.r.Subscription(0)
			s.Join(ring.Joining{Seat: 1, Name: "audit"})
			for i, steps := range []int{first, second} {
				name := fmt.Sprintf("many %v, killed at %d and %d, holder %d", many, first, second, i)
				task := ringtest.Start(name, func() {
					ringtest.Yield()
					s.TakeOver(1)
					g.hold(g.r.NewSubscriber(1, 0))
				})
				for n := 0; !task.Done && n < steps; n++ {
					task.Step()
					g.sendWanted()
				}
				ended[i] = task.Done
				require.NoError(t, task.Failure, name)
				if !task.Done {
					task.Kill()
				}
				for p := range g.acked { // what was acknowledged behind an open lease comes again, or is lost
					if p >= s.Position() {
						delete(g.acked, p)
					}
				}
				if !ended[i] { // what it lost last may be told to its successor yet
					continue
				}
				g.check(name)
			}
			c := g.r.NewSubscriber(1, 0)
			for again := true; again; {
				before := g.calls
				ls := g.lease(c, 3)
				g.ack(c, ls)
				again = len(ls) > 0 || g.calls > before
			}
			g.check(fmt.Sprintf("many %v, killed at %d and %d, at the end", many, first, second))
			require.Equal(t, g.sent, s.Position())
			jumps += g.calls
			return ended
		}
		for first := 0; ; first++ {
			ended := run(first, 1<<30)
			require.True(t, ended[1])
			for second := range 70 { // as far as its first jumps
				run(first, second*(first%3+1))
			}
			if ended[0] {
				t.Logf("many %v: %d instants, %d jumps", many, first, jumps)
				require.Greater(t, first, 100)
				break
			}
		}
	}
}
