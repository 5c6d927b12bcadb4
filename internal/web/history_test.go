package web

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/graph"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func ofDepth(depth int) []graph.Queue {
	return []graph.Queue{{ID: "queue:q", CreationID: "a", Depth: depth, Sent: &graph.Rates{Records: 1.4}}}
}

func told(t *testing.T, h histories) string {
	t.Helper()
	b, err := json.Marshal(h["queue:q"])
	require.NoError(t, err)
	return string(b)
}

func TestHistoryHasTheLatestValueOfABucketAndGaps(t *testing.T) {
	t.Parallel()
	h := histories{}
	h.add(ofDepth(1), noon)
	h.add(ofDepth(2), noon.Add(bucket/2))
	h.add(ofDepth(3), noon.Add(bucket))
	h.add(ofDepth(4), noon.Add(3*bucket))
	at := noon.Add(3*bucket).UnixNano() / int64(bucket)
	require.JSONEq(t, fmt.Sprintf(`{"last":%d,"depth":[2,3,null,4],"sent":[1,1,null,1],"received":[null,null,null,null]}`, at), told(t, h))

	h.add(ofDepth(5), noon) // the clock went back
	require.Contains(t, told(t, h), `"depth":[5]`)
	h.add(ofDepth(6), noon.Add(points*bucket))
	require.Contains(t, told(t, h), `"depth":[6]`, "all of it is too old")
	again := ofDepth(7)
	again[0].CreationID = "b"
	h.add(again, noon.Add(points*bucket))
	require.Contains(t, told(t, h), `"depth":[7]`, "another queue of that name")
}

func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	h := histories{}
	for i := range 3 * points {
		h.add(ofDepth(i), noon.Add(time.Duration(i)*bucket))
	}
	one := h["queue:q"]
	require.Len(t, one.depth, points)
	require.Len(t, one.received, points)
	require.EqualValues(t, 3*points-1, one.depth[points-1])
	require.LessOrEqual(t, cap(one.depth), 2*points)

	queues := make([]graph.Queue, mostHistories+500)
	for i := range queues {
		queues[i].ID = fmt.Sprint("queue:", i)
	}
	h.add(queues, noon)
	require.Len(t, h, mostHistories)
	h.add(queues[mostHistories:], noon.Add(bucket))
	require.Len(t, h, 500, "what is gone makes room")
	queues[mostHistories].Error = "damaged"
	h.add(queues[mostHistories:], noon.Add(bucket))
	require.Len(t, h, 499)
}
