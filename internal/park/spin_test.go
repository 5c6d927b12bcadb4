package park_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/park"
)

// spinFor lets s spin once, with an answer in round n, counted from 1, or none if that is 0,
// and returns how many rounds the spin took.
func spinFor(s *park.Spinner, n int) (rounds int) {
	s.Spin(context.Background(), func(int) bool {
		rounds++
		return rounds == n
	})
	return rounds
}

func spinner(t *testing.T) *park.Spinner {
	t.Helper()
	if runtime.NumCPU() == 1 {
		t.Skip("on one processor nobody spins")
	}
	s := park.NewSpinner(park.SpinThenPark)
	return &s
}

// A partner that is quick, and late now and then, is never slept for that is not so late as
// a sleep takes.
func TestASpinLastsAlthoughThePartnerIsQuick(t *testing.T) {
	t.Parallel()
	s := spinner(t)
	for i := range 1000 {
		for range i % 5 {
			require.Equal(t, 1, spinFor(s, 1))
		}
		require.Equal(t, 300, spinFor(s, 300), "after %d", i)
	}
}

// Where no spin is of use they end soon, but for one now and then, which finds out when that
// has changed.
func TestASpinOfNoUseEndsSoon(t *testing.T) {
	t.Parallel()
	s := spinner(t)
	const waits = 3200
	long, short := 0, 0
	for range waits {
		switch rounds := spinFor(s, 0); {
		case rounds <= 4:
			short++
		default:
			long++
		}
	}
	require.Equal(t, waits, long+short)
	require.Less(t, long, waits/20)
	require.Positive(t, long)

	// One in a hundred that is of use does not bring the long ones back.
	again := 0
	for i := range waits {
		if i%100 == 0 {
			spinFor(s, 1)
		} else if spinFor(s, 0) > 4 {
			again++
		}
	}
	require.Less(t, again, waits/15)

	// All of them, from the first that was found on.
	missed := 0
	for range 100 {
		if spinFor(s, 200) < 200 {
			missed++
		}
	}
	require.Less(t, missed, 40)
}

// Spins that are of use more often than not are long, others short.
func TestSpinsFollowTheMajority(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ of, useful, least, most int }{{4, 3, 990, 1000}, {4, 1, 0, 100}} {
		s := spinner(t)
		for range 100 {
			spinFor(s, 0)
		}
		for range 100 { // it has had the time to learn
			for i := range c.of {
				n := 0
				if i < c.useful {
					n = 100
				}
				spinFor(s, n)
			}
		}
		full := 0
		for range 1000 / c.of {
			for i := range c.of {
				n := 0
				if i < c.useful {
					n = 100
				}
				if spinFor(s, n) >= 100 {
					full++
				}
			}
		}
		require.GreaterOrEqual(t, full, c.least)
		require.LessOrEqual(t, full, c.most)
	}
}

func TestParkNeverSpins(t *testing.T) {
	t.Parallel()
	s := park.NewSpinner(park.Park)
	require.Zero(t, spinFor(&s, 1))
	require.Zero(t, s.Quick())
}

// Tries before a spin come as long as spins are of use, and count as spins when they are.
func TestTriesBeforeASpinEndWithItsUse(t *testing.T) {
	t.Parallel()
	s := spinner(t)
	require.Positive(t, s.Quick())
	for range 100 {
		spinFor(s, 0)
	}
	require.Zero(t, s.Quick())
	s.Useful()
	require.Positive(t, s.Quick())
	spinFor(s, 0)
	require.Zero(t, s.Quick(), "one was of use, one was not")
	always := park.NewSpinner(park.Spin)
	for range 100 {
		require.Positive(t, always.Quick())
		spinFor(&always, 1)
	}
}
