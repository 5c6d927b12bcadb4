//go:build linux

package top

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGraph(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"  ▁▄█"}, graph([]int{0, 1, 50, 100}, 100, 5, 1, false))
	require.Equal(t, []string{"  .=#"}, graph([]int{0, 1, 50, 100}, 100, 5, 1, true))
	require.Equal(t, []string{"   █", " ▁██"}, graph([]int{0, 1, 50, 100}, 100, 4, 2, false))
	require.Equal(t, []string{"▇█"}, graph([]int{1, 99, 100}, 100, 2, 1, false), "the newest; full is 100% only")
	require.Equal(t, []string{"██"}, graph([]int{7, 300}, 0, 2, 1, false), "a limit that can't be")
}
