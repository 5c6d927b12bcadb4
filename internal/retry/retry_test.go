package retry_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/retry"
)

var errPassing = errors.New("passing")

func TestPassingTriesUntilItHasPassed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for passesAfter, want := range map[int]error{0: nil, 7: nil, retry.Tries: nil, retry.Tries + 1: errPassing} {
			n, began := 0, time.Now()
			err := retry.Passing(func() (bool, error) {
				if n == passesAfter {
					return false, nil
				}
				n++
				return true, errPassing
			})
			require.ErrorIs(t, err, want)
			require.Equal(t, passesAfter, n)
			require.Equal(t, time.Duration(min(n, retry.Tries))*time.Millisecond, time.Since(began))
		}
	})
}

func TestPassingReturnsWhatDoesNotPass(t *testing.T) {
	t.Parallel()
	n := 0
	require.ErrorIs(t, retry.Passing(func() (bool, error) { n++; return false, errPassing }), errPassing)
	require.Equal(t, 1, n)
}

func TestWithinTriesForAsLongAsPatienceLasts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const patience = time.Second
		began, tries := time.Now(), 0
		done, err := retry.Within(patience, func() (bool, error) { tries++; return false, nil })
		require.NoError(t, err)
		require.False(t, done)
		require.GreaterOrEqual(t, time.Since(began), patience)
		require.Less(t, time.Since(began), patience+20*time.Millisecond)
		require.Less(t, tries, 70, "it is in no hurry")

		began = time.Now()
		done, err = retry.Within(patience, func() (bool, error) { return time.Since(began) > 100*time.Millisecond, nil })
		require.NoError(t, err)
		require.True(t, done)
		require.Less(t, time.Since(began), 120*time.Millisecond)

		done, err = retry.Within(patience, func() (bool, error) { return false, errPassing })
		require.ErrorIs(t, err, errPassing)
		require.False(t, done)
	})
}
