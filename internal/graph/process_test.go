//go:build linux

package graph_test

import (
	"fmt"
	"syscall"
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

// A process in a frozen cgroup is frozen, and no longer when that is thawed; one that is
// frozen and stopped is frozen first. Queue and edge say the same, and how to thaw it.
func TestFrozenProcesses(t *testing.T) {
	t.Parallel()
	for version, v2 := range map[string]bool{"version 1": false, "version 2": true} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64, Seats: 8})
			p, taker := testagent.Producer(t, q), testagent.Consumer(t, q)
			p.Sends("a")
			taker.Lease(1)
			c := watch.New([]string{q})
			defer c.Close()
			look := func() (process graph.Process, e graph.Edge, of graph.Queue) {
				looks, err := c.Look(func(string) bool { return true })
				require.NoError(t, err)
				g := graph.Of("/dir", looks, time.Now(), nil)
				require.Len(t, g.Processes, 2)
				for i := range g.Processes {
					if g.Processes[i].PID == taker.PID() {
						process = g.Processes[i]
					}
				}
				for i := range g.Edges {
					if g.Edges[i].Process == process.ID {
						e = g.Edges[i]
					}
				}
				return process, e, g.Queues[0]
			}
			f := testproc.NewFreezer(t, v2)
			f.Add(taker.PID())
			is := func(want graph.State, queue string) {
				t.Helper()
				process, e, of := look()
				require.Equal(t, []graph.State{want, want}, []graph.State{process.State, e.State})
				require.Equal(t, queue, of.State)
				require.Equal(t, queue != "", of.Alert)
				require.Equal(t, "1 record, 1 slot", e.Holds)
				require.Equal(t, 1, of.Consumers, "it lives")
				if want == graph.Frozen {
					require.Contains(t, fmt.Sprint(of.Warnings), f.InnerFile())
				}
			}
			is(graph.Alive, "")
			f.Freeze(f.InnerFile())
			is(graph.Frozen, "1 frozen")
			require.NoError(t, syscall.Kill(taker.PID(), syscall.SIGSTOP))
			is(graph.Frozen, "1 frozen")
			require.NoError(t, f.Thaw(f.InnerFile()))
			testproc.Until(t, func() bool { p, _, _ := look(); return p.State == graph.Stopped })
			is(graph.Stopped, "1 stopped")
			taker.Continue()
			testproc.Until(t, func() bool { p, _, _ := look(); return p.State == graph.Alive })
			is(graph.Alive, "")
		})
	}
}
