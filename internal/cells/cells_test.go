package cells_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/cells"
)

func TestColumnsOfText(t *testing.T) {
	t.Parallel()
	require.Equal(t, "abc  ", cells.Left("abc", 5))
	require.Equal(t, "abc", cells.Left("abc", 3))
	require.Equal(t, "a+", cells.Left("abc", 2))
	require.Equal(t, "  abc", cells.Right("abc", 5))
	require.Equal(t, "a+", cells.Right("abc", 2))
	require.Equal(t, "漢+ ", cells.Left("漢字漢", 4), "two columns each")
	require.Equal(t, 1, cells.Width("e\u0301"), "an accent of its own takes none")
	require.Equal(t, "ab", cells.Cut("abc", 2))
	require.Equal(t, "", cells.Cut("漢", 1))
	require.Equal(t, "a   b", cells.Ends("a", "b", 5))
	require.Equal(t, []string{"one two", "  three", "  four"}, cells.Wrap("one two three four", 8))
	require.Equal(t, "x?y??", cells.Clean("x\x1by\u202e\xff", false))
	require.Equal(t, "h?llo", cells.Clean("héllo", true))
}

func TestShortNumbers(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{
		0: "0", 0.001: "0.1", 3: "3", 3.14: "3.1", 9.97: "10", 4711: "4711", 9999: "9999", 10000: "10.0k",
		123456: "123k", 999499: "999k", 999600: "1.0M", 12.34e6: "12.3M", 1.8e19: "18.0E", 1e30: "1000000000000E",
	} {
		require.Equal(t, want, cells.Short(v), "%v", v)
		if v < 1e20 {
			require.LessOrEqual(t, len(cells.Short(v)), 6)
		}
	}
}
