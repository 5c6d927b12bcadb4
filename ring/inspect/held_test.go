package inspect_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

func TestHeldSinceIsReadByEitherClock(t *testing.T) {
	const second = int64(time.Second)
	at := time.Now().UnixNano()
	for _, c := range []struct {
		name     string
		counters ring.Counters
		ticks    uint64
		after    int64 // since attaching; negative: not told
	}{
		{"a tick of 2 ns", ring.Counters{HeldSince: 1e9 + 5e9, ClockStart: 1e9, Clock: layout.ClockCPU}, 1e9 + 50e9, 10 * second},
		{"nothing held", ring.Counters{ClockStart: 1e9, Clock: layout.ClockCPU}, 51e9, -1},
		{"cores disagree before", ring.Counters{HeldSince: 1e9 - 1, ClockStart: 1e9, Clock: layout.ClockCPU}, 51e9, 0},
		{"cores disagree after", ring.Counters{HeldSince: 51e9 + 1, ClockStart: 1e9, Clock: layout.ClockCPU}, 51e9, 100 * second},
		{"the counter stands", ring.Counters{HeldSince: 7, ClockStart: 5, Clock: layout.ClockCPU}, 5, -1},
		{"the counter started anew", ring.Counters{HeldSince: 7, ClockStart: 5, Clock: layout.ClockCPU}, 4, -1},
		{"another process's time", ring.Counters{HeldSince: uint64(at + 3*second), Clock: layout.ClockUnix}, 0, 3 * second},
		{"a time before attaching", ring.Counters{HeldSince: 1, Clock: layout.ClockUnix}, 0, 0},
		{"a time to come", ring.Counters{HeldSince: math.MaxInt64, Clock: layout.ClockUnix}, 0, 100 * second},
		{"no clock", ring.Counters{HeldSince: 7}, 9, -1},
		{"an unknown clock", ring.Counters{HeldSince: 7, Clock: 3}, 9, -1},
	} {
		if c.counters.Clock == layout.ClockCPU && !atomics.HaveCycles {
			c.after = -1
		}
		since, ok := inspect.HeldSince(c.counters, at, at+100*second, c.ticks)
		require.Equal(t, c.after >= 0, ok, c.name)
		if ok {
			require.Equal(t, c.after, since.UnixNano()-at, c.name)
		}
	}
	_, ok := inspect.HeldSince(ring.Counters{HeldSince: 7, Clock: layout.ClockUnix}, at+1, at, 9)
	require.False(t, ok, "the system's clock was set back behind attaching")
}

// Whatever stands in the fields, what is told lies between attaching and now.
func TestScribbledClockTellsNoNonsense(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	noise := func() uint64 { return rng.Uint64() >> rng.IntN(64) }
	for range 200_000 {
		c := ring.Counters{HeldSince: noise(), ClockStart: noise(), Clock: rng.Uint32N(4)}
		attached, now := int64(noise()), int64(noise())
		since, ok := inspect.HeldSince(c, attached, now, noise())
		if ok && (since.UnixNano() < attached || since.UnixNano() > now) {
			t.Fatalf("%+v, attached %d, now %d: %v", c, attached, now, since)
		}
	}
}

func TestCyclesGoOn(t *testing.T) {
	from, began := atomics.Cycles(), time.Now()
	for time.Since(began) < time.Millisecond {
	}
	require.Greater(t, atomics.Cycles(), from)
}
