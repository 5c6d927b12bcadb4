package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// script is a clock that moves only when the sender waits or sends.
type script struct{ at int64 }

func (s *script) now() int64     { return s.at }
func (s *script) until(at int64) { s.at = max(s.at, at) }

// A stall of the sender delays every record that was due meanwhile, and each counts as
// late by what a user would have waited for it. Timed from when they were sent, all but
// one would look fast.
func TestOpenLoopCountsWhatAStallDelays(t *testing.T) {
	const (
		n     = 1000
		gap   = 1000 // 1 us
		cost  = 10
		stall = 100 * gap
	)
	c := &script{}
	h := newHistogram()
	sent := 0
	err := paced(c, schedule{start: 5000, gap: gap}, n, make([]byte, 48), func(rec []byte) error {
		c.at += cost
		if sent++; sent == 500 {
			c.at += stall
		}
		record(h, c.now()-dueAt(rec))
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, int64(n), h.TotalCount())
	require.InDelta(t, stall+cost, h.Max(), stall/100)
	late := int64(0)
	for _, b := range h.Distribution() {
		if b.From > cost+1 {
			late += b.Count
		}
	}
	// The stalled one, and those until the sender has caught up: it gains gap-cost on
	// each.
	require.InDelta(t, 1+stall/(gap-cost), late, 1)
	require.InDelta(t, stall*9/10, h.ValueAtPercentile(99), stall/50, "1%% of the records waited longer than this")
}

func TestOpenLoopKeepsItsScheduleAfterAStall(t *testing.T) {
	c := &script{}
	var sent []int64
	err := paced(c, schedule{start: 100, gap: 10}, 5, make([]byte, 8), func([]byte) error {
		sent = append(sent, c.now())
		if len(sent) == 2 {
			c.at += 15
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []int64{100, 110, 125, 130, 140}, sent)
}

func TestClockIsThatOfTheKernel(t *testing.T) {
	base := time.Now()
	kernel := func() int64 { return int64(time.Since(base)) + 1_000_000_000 }
	m := newMonotonic(kernel)
	for range 1000 {
		before := kernel()
		now := m.now()
		after := kernel()
		const slack = 20_000 // of the guess: half of what the closest two looks were apart
		require.GreaterOrEqual(t, now, before-slack)
		require.LessOrEqual(t, now, after+slack)
	}
}
