//go:build linux

package graph_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/graph"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/internal/watch"
)

// The states of real processes: asleep, stopped, alive again, dead, and gone.
func TestStatesOfRealProcesses(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64, Seats: 8})
	p, taker := testagent.Producer(t, q), testagent.Consumer(t, q)
	c := watch.New([]string{q})
	defer c.Close()
	now := func() *graph.Graph {
		looks, err := c.Look(func(string) bool { return false })
		require.NoError(t, err)
		require.NoError(t, looks[0].Err)
		return graph.Of("/dir", looks, time.Now(), nil)
	}
	state := func(pid int) graph.State {
		for _, p := range now().Processes {
			if p.PID == pid {
				return p.State
			}
		}
		return "gone"
	}
	is := func(pid int, want graph.State) {
		t.Helper()
		testproc.Until(t, func() bool { return state(pid) == want })
	}
	is(p.PID(), graph.Alive)
	is(taker.PID(), graph.Alive)
	g := now()
	require.Len(t, g.Edges, 2)
	require.NotEqual(t, fmt.Sprintf("process:%d:0", p.PID()), g.Edges[0].Process, "it has a start time")

	taker.Say("lease 1")
	is(taker.PID(), graph.Asleep)
	require.Equal(t, graph.Alive, state(p.PID()))
	p.Sends("a")
	taker.Expect("ok")

	taker.Stop()
	is(taker.PID(), graph.Stopped)
	g = now()
	require.Equal(t, "1 stopped", g.Queues[0].State)
	require.True(t, g.Queues[0].Alert)
	taker.Continue()
	testproc.Until(t, func() bool { return state(taker.PID()) != graph.Stopped })

	taker.Kill()
	is(taker.PID(), graph.Dead)
	g = now()
	require.Equal(t, []int{1, 0}, []int{g.Queues[0].Producers, g.Queues[0].Consumers})
	require.Contains(t, fmt.Sprint(g.Queues[0].Warnings), fmt.Sprintf("consumer %d", taker.PID()))
	next := testagent.Consumer(t, q) // which recovers the dead one's seat
	is(taker.PID(), "gone")
	is(next.PID(), graph.Alive)
	require.Len(t, now().Edges, 2)
}
