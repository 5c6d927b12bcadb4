//go:build linux

package storm

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Producer 1 sent three records and was killed while it sent a fourth; consumers 2 and
// 3 took them in turn, and consumer 2 was killed at 100.
func TestAccountFindsWhatIsWrong(t *testing.T) {
	take := func(seq uint64, life int, at int64, f flag, fate uint32) taken {
		return taken{ID: newID(1, seq), From: at - 1, At: at, Life: life, Flag: f, Fate: fate, Final: true}
	}
	good := []taken{take(0, 2, 10, fresh, acked), take(1, 3, 20, fresh, acked), take(2, 2, 30, fresh, held), take(2, 3, 120, redelivered, acked)}
	replace := func(i int, t taken) []taken {
		ts := append([]taken{}, good...)
		ts[i] = t
		return ts
	}
	add := func(t taken) []taken { return append(append([]taken{}, good...), t) }
	for name, c := range map[string]struct {
		takes     []taken
		complaint string
	}{
		"all is well":                       {good, ""},
		"a record in flight was sent":       {add(take(3, 3, 130, fresh, acked)), ""},
		"one was not handed out":            {good[1:], "lost: record 0 "},
		"one did not come again":            {good[:3], "did not come again"},
		"one came again without a flag":     {replace(3, take(2, 3, 120, fresh, acked)), "not flagged"},
		"one came again though it was done": {add(take(0, 3, 40, redelivered, acked)), "had acknowledged it"},
		"one was taken from a living one":   {replace(3, take(2, 3, 99, redelivered, acked)), "held alive"},
		"one overtook another":              {replace(0, take(0, 3, 25, fresh, acked)), "order: record 0 "},
		"one that was never sent":           {add(take(4, 3, 130, fresh, acked)), "no producer sent"},
		"one that was given back":           {add(taken{ID: abortedBit | newID(1, 0), From: 129, At: 130, Life: 3, Flag: fresh, Fate: acked, Final: true}), "no producer sent"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccount(false)
			a.Sent[1] = sentBy{Sent: 3, Tried: 4}
			a.Ends = []int64{0, 90, 100, math.MaxInt64}
			a.Takes = c.takes
			got := a.check()
			if c.complaint == "" {
				require.Empty(t, got)
			} else {
				require.Contains(t, strings.Join(got, "\n"), c.complaint)
			}
		})
	}
}

func TestAccountCountsShortRecords(t *testing.T) {
	for name, c := range map[string]struct {
		count     shortCount
		complaint string
	}{
		"all is well":             {shortCount{sent: 5, tried: 6, fresh: 5, acked: 5, last: 5}, ""},
		"one was being received":  {shortCount{sent: 5, tried: 5, fresh: 4, acked: 4, last: 4, maybe: 1}, ""},
		"one is missing":          {shortCount{sent: 5, tried: 6, fresh: 5, acked: 4, last: 4}, "lost"},
		"one was done twice":      {shortCount{sent: 5, tried: 5, fresh: 5, acked: 6, last: 6}, "twice"},
		"one was handed out new ": {shortCount{sent: 5, tried: 5, fresh: 6, acked: 5, last: 5}, "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccount(false)
			a.short[3] = c.count
			got := a.check()
			if c.complaint == "" {
				require.Empty(t, got)
			} else {
				require.Contains(t, strings.Join(got, "\n"), c.complaint)
			}
		})
	}
}

func TestWaitsAreExcusedByStopsAndMissingPeers(t *testing.T) {
	q := quiet{
		lives: map[string][]span{consuming: {between(0, 100), between(200, 1000)}, producing: {between(0, 1000)}},
		waits: map[string][]span{producing: {between(50, 300)}, consuming: {between(500, 700)}},
	}
	require.EqualValues(t, 200, q.longest(sharing), "the consumer's")
	q.add(between(450, 600))
	q.add(between(550, 650))
	require.EqualValues(t, 150, q.longest(sharing), "the producer's, but for the time without a consumer")
}
