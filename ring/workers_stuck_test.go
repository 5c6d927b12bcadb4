//go:build linux

package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A call that makes no progress is named; a goroutine that is between calls is not.
func TestOnlyACallThatDoesNotEndIsStuck(t *testing.T) {
	inside, between, busy := &worker{name: "inside"}, &worker{name: "between"}, &worker{name: "busy"}
	all := []*worker{inside, between, busy}
	seen, still := make([]uint64, len(all)), make([]int, len(all))
	inside.calls.Store(5)
	between.calls.Store(6)
	var got string
	for n := range workerPatience + 1 {
		require.Empty(t, got)
		busy.calls.Store(uint64(2*n + 1))
		got = stuckWorkers(all, seen, still)
	}
	require.Equal(t, "call 2 of inside did not end", got)
}
