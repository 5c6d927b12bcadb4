package blockcopy

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// All lengths around those where another way begins, at all alignments, and not a byte beside.
func TestCopy(t *testing.T) {
	t.Parallel()
	const most, margin = 2*Least + 16, 64
	src, dst := make([]byte, most+margin), make([]byte, most+2*margin)
	for i := range src {
		src[i] = byte(1 + rand.IntN(255))
	}
	for n := range most {
		from, to := n%17, margin+n%13
		clear(dst)
		require.Equal(t, n, Copy(dst[to:to+n], src[from:from+n]))
		require.True(t, bytes.Equal(src[from:from+n], dst[to:to+n]), n)
		require.Equal(t, make([]byte, to), dst[:to], n)
		require.Equal(t, make([]byte, len(dst)-to-n), dst[to+n:], n)
	}
	require.Equal(t, Least, Copy(dst[:Least], src), "the shorter counts")
	require.Equal(t, Least, Copy(dst, src[:Least]), "the shorter counts")
}

func TestAppend(t *testing.T) {
	src := bytes.Repeat([]byte("0123456789"), Least)
	for _, n := range []int{0, 1, Least - 1, Least, Least + 1, len(src)} {
		for _, room := range []int{0, n - 1, n, n + 1} {
			buf := append(make([]byte, 0, max(3, 3+room)), "abc"...)
			require.Equal(t, append([]byte("abc"), src[:n]...), Append(buf, src[:n]), "%d bytes, room for %d", n, room)
		}
	}
	buf := make([]byte, 0, len(src))
	require.Zero(t, testing.AllocsPerRun(10, func() { buf = Append(buf[:0], src) }))
}
