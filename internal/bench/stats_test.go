package bench

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMedian(t *testing.T) {
	xs := []float64{9, 1, 5}
	require.Equal(t, 5.0, median(xs))
	require.Equal(t, []float64{9, 1, 5}, xs, "the repetitions keep their order")
	require.Equal(t, 3.0, median([]float64{1, 100, 4, 2}))
	require.True(t, math.IsNaN(median(nil)))
}

func TestSummaryHasRatioToSlowestLimit(t *testing.T) {
	c := Case{Name: "c", Kind: RoundTrip, Payload: 8}
	a, b := newHistogram(), newHistogram()
	for i := range 1000 {
		record(a, int64(i+1))
		record(b, int64(i+1001))
	}
	r := summarize(c, []rep{{ns: 100, hist: a}, {ns: 900, hist: b}, {ns: 300}},
		[][]rep{{{ns: 50}, {ns: 60}, {ns: 70}}, {{ns: 1}, {ns: 150}, {ns: 151}}})
	require.Equal(t, 300.0, r.NsPerOp)
	require.InDelta(t, 1e9/300, r.OpsPerS, 1e-3)
	require.Equal(t, &Limit{LimitNs: 150, Ratio: 2}, r.Limit)
	require.Equal(t, []float64{100, 900, 300}, r.Runs)
	require.Equal(t, []float64{1, 150, 151}, r.LimitRuns)
	require.Equal(t, int64(2000), r.Histogram.TotalCount(), "the latencies of all repetitions")
	require.InDelta(t, 1000, r.P50, 2)
	require.InDelta(t, 1980, r.P99, 4)
	require.Nil(t, r.SendAllocs, "only a throughput of ours counts them")
}

func TestSummaryWithoutLimitOrLatencies(t *testing.T) {
	r := summarize(Case{Name: "c", Kind: Throughput, Link: linkRing}, []rep{{ns: 5, sendAllocs: 2, receiveAllocs: 3}}, nil)
	require.Nil(t, r.Limit)
	require.Nil(t, r.Percentiles)
	require.Nil(t, r.Histogram)
	require.Equal(t, 2.0, *r.SendAllocs)
	require.Equal(t, 3.0, *r.ReceiveAllocs)
}

func TestGoalsAreJudged(t *testing.T) {
	for _, c := range []struct {
		goal     Goal
		ns, or   float64
		against  []float64
		allocs   float64
		distance Distance
		value    float64
		met      bool
	}{
		{goal: Goal{Kind: Time, Bound: 1.15}, ns: 115, against: []float64{100}, value: 1.15, met: true},
		{goal: Goal{Kind: Time, Bound: 1.15}, ns: 120, against: []float64{100}, value: 1.2},
		{goal: Goal{Kind: Speed, Bound: 40}, ns: 10, against: []float64{400}, value: 40, met: true},
		{goal: Goal{Kind: Speed, Bound: 40}, ns: 11, against: []float64{400}, value: 400.0 / 11},
		{goal: Goal{Kind: Allocations}, ns: 10, allocs: 1e-6, value: 1e-6, met: true},
		{goal: Goal{Kind: Allocations}, ns: 10, allocs: 1, value: 1},
		{goal: Goal{Kind: Nanoseconds, Bound: 1e6}, ns: 1e6, value: 1e6, met: true},
		{goal: Goal{Kind: Nanoseconds, Bound: 1e6}, ns: 1e6 + 1, value: 1e6 + 1},
		{goal: Goal{Kind: Bytes, Bound: 1e6}, ns: 1e6, value: 1e6, met: true},
		{goal: Goal{Kind: Bytes, Bound: 1e6}, ns: 1e6 + 1, value: 1e6 + 1},
		{goal: Goal{Kind: Time, Bound: 1.1}, ns: 110, against: []float64{80, 100}, value: 1.1, met: true},
		{goal: Goal{Kind: Time, Bound: 1.1, Best: true}, ns: 110, against: []float64{100, 80}, value: 1.375},
		{goal: Goal{Kind: Time, Bound: 1.1, Best: true}, ns: 110, against: []float64{80, 100}, value: 1.375},
		{goal: Goal{Kind: Time, Bound: 1.1, Far: 1.4}, ns: 130, against: []float64{100}, distance: Near, value: 1.3},
		{goal: Goal{Kind: Time, Bound: 1.1, Far: 1.4}, ns: 130, against: []float64{100}, distance: Far, value: 1.3, met: true},
		{goal: Goal{Kind: Nanoseconds, Bound: 4}, ns: 5, distance: Far, value: 5},
		{goal: Goal{Kind: Time, Bound: 1.1}, ns: 120, or: 110, against: []float64{100}, value: 1.1, met: true},
		{goal: Goal{Kind: Time, Bound: 1.1}, ns: 110, or: 120, against: []float64{100}, value: 1.1, met: true},
	} {
		r := c.goal.judge(figures{ns: c.ns, or: c.or, against: c.against, receiveAllocs: c.allocs, distance: c.distance})
		require.InDelta(t, c.value, r.Value, 1e-9, "%+v", c.goal)
		require.Equal(t, c.met, r.Met, "%+v", c.goal)
	}
}
