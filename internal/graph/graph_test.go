package graph_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/flow"
	"github.com/shmq/shmq/internal/graph"
	"github.com/shmq/shmq/internal/watch"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func seat(n, pid int, start uint64, role shmq.Role, records uint64) shmq.Participant {
	return shmq.Participant{Seat: n, PID: pid, StartTime: start, UID: 7, Command: "c", Role: role, Alive: true, Records: records, Bytes: 10 * records, Attached: noon}
}

func looks() []watch.Look {
	stopped, dead := seat(3, 30, 3, shmq.Consumer, 1), seat(4, 40, 4, shmq.Consumer, 0)
	stopped.Stopped, dead.Alive = true, false
	before := &shmq.Info{Participants: []shmq.Participant{seat(0, 20, 2, shmq.Producer, 0), seat(1, 20, 2, shmq.Producer, 0), seat(2, 20, 2, shmq.Consumer, 5)}}
	after := &shmq.Info{
		Name: "b", CreationID: "id", Slots: 8, Depth: 3, Sent: 9, Received: 6, ConsumersAsleep: true, ProducersAsleep: true,
		Participants: []shmq.Participant{seat(0, 20, 2, shmq.Producer, 4), seat(1, 20, 2, shmq.Producer, 6), seat(2, 20, 2, shmq.Consumer, 5), stopped, dead},
	}
	first := &shmq.Info{Name: "a", Slots: 4, Participants: []shmq.Participant{seat(0, 1, 8, shmq.Producer, 0), seat(1, 1, 9, shmq.Producer, 0)}}
	return []watch.Look{
		{Name: "c", Err: errors.New("no queue")},
		{Name: "b", Info: after, Flow: flow.Between(before, after, 2*time.Second)},
		{Name: "a", Info: first},
	}
}

func TestGraphOfThreeQueues(t *testing.T) {
	t.Parallel()
	g := graph.Of("/dir", looks(), noon, nil)
	var queues []string
	for _, q := range g.Queues {
		queues = append(queues, q.Name+" "+q.State)
	}
	require.Equal(t, []string{"a ", "b 1 stopped, 1 dead", "c error"}, queues)
	require.Equal(t, "no queue", g.Queues[2].Error)
	require.Nil(t, g.Queues[0].Sent)
	require.Equal(t, &graph.Rates{Records: 5, Bytes: 50}, g.Queues[1].Sent)
	require.Equal(t, []int{3, 2, 2}, []int{g.Queues[1].Records, g.Queues[1].Producers, g.Queues[1].Consumers}, "the dead one does not count")
}

func TestOneProcessHasOneNodeAndOneEdgeARole(t *testing.T) {
	t.Parallel()
	g := graph.Of("/dir", looks(), noon, nil)
	ids := map[string]graph.State{}
	for _, p := range g.Processes {
		ids[p.ID] = p.State
	}
	require.Equal(t, map[string]graph.State{
		"process:1:8": graph.Alive, "process:1:9": graph.Alive, // two containers
		"process:20:2": graph.Alive, "process:30:3": graph.Stopped, "process:40:4": graph.Dead,
	}, ids)
	require.Len(t, g.Edges, 6)
	sends := g.Edges[2]
	require.Equal(t, graph.Edge{
		ID: "process:20:2>queue:b", Kind: graph.Sends, From: "process:20:2", To: "queue:b", Queue: "queue:b", Process: "process:20:2",
		Seats: []int{0, 1}, State: graph.Alive, Records: 10, Bytes: 100, Rates: &graph.Rates{Records: 5, Bytes: 50},
	}, sends)
	receives := g.Edges[3]
	require.Equal(t, []string{"queue:b", "process:20:2"}, []string{receives.From, receives.To})
	require.Equal(t, graph.Asleep, receives.State, "nothing moved, and the side is asleep")
	require.Equal(t, &graph.Rates{}, receives.Rates, "known to be nothing")
	require.Equal(t, []graph.State{graph.Stopped, graph.Dead}, []graph.State{g.Edges[4].State, g.Edges[5].State})
}

func TestGraphIsTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	text := func(l []watch.Look) string {
		b, err := json.Marshal(graph.Of("/dir", l, noon, nil))
		require.NoError(t, err)
		return string(b)
	}
	want, turned := text(looks()), looks()
	slices.Reverse(turned)
	for range 20 {
		require.Equal(t, want, text(turned))
	}
	require.NotContains(t, text(nil), "null")
	require.NotContains(t, want, "null")
}
