//go:build linux

package top

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestColumnsOfText(t *testing.T) {
	t.Parallel()
	require.Equal(t, "abc  ", left("abc", 5))
	require.Equal(t, "abc", left("abc", 3))
	require.Equal(t, "a+", left("abc", 2))
	require.Equal(t, "  abc", right("abc", 5))
	require.Equal(t, "a+", right("abc", 2))
	require.Equal(t, "漢+ ", left("漢字漢", 4), "two columns each")
	require.Equal(t, 1, width("e\u0301"), "an accent of its own takes none")
	require.Equal(t, "ab", cut("abc", 2))
	require.Equal(t, "", cut("漢", 1))
	require.Equal(t, "a   b", ends("a", "b", 5))
	require.Equal(t, []string{"one two", "  three", "  four"}, wrap("one two three four", 8))
	require.Equal(t, "x?y??", clean("x\x1by\u202e\xff", false))
	require.Equal(t, "h?llo", clean("héllo", true))
}

func TestShortNumbers(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{
		0: "0", 0.001: "0.1", 3: "3", 3.14: "3.1", 9.97: "10", 4711: "4711", 9999: "9999", 10000: "10.0k",
		123456: "123k", 999499: "999k", 999600: "1.0M", 12.34e6: "12.3M", 1.8e19: "18.0E", 1e30: "1000000000000E",
	} {
		require.Equal(t, want, short(v), "%v", v)
		if v < 1e20 {
			require.LessOrEqual(t, len(short(v)), 6)
		}
	}
}

func TestGraph(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"  ▁▄█"}, graph([]int{0, 1, 50, 100}, 100, 5, 1, false))
	require.Equal(t, []string{"  .=#"}, graph([]int{0, 1, 50, 100}, 100, 5, 1, true))
	require.Equal(t, []string{"   █", " ▁██"}, graph([]int{0, 1, 50, 100}, 100, 4, 2, false))
	require.Equal(t, []string{"▇█"}, graph([]int{1, 99, 100}, 100, 2, 1, false), "the newest; full is 100% only")
	require.Equal(t, []string{"██"}, graph([]int{7, 300}, 0, 2, 1, false), "a limit that can't be")
}
