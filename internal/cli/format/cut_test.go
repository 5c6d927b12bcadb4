package format_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/wire"
)

// records cuts an input with a format, with batches of at most full records.
func records(t *testing.T, name string, full int, in io.Reader) (got [][]byte) {
	t.Helper()
	f, ok := format.Find(name)
	require.True(t, ok)
	b := &format.Batch{MaxRecord: 1 << 16, SlotSize: 1024, Full: full}
	b.Flush = func() error {
		require.LessOrEqual(t, len(b.Recs), full)
		for _, rec := range b.Recs {
			got = append(got, bytes.Clone(rec))
		}
		b.Reset()
		return nil
	}
	// A batch is flushed before each read, as an Input does.
	require.NoError(t, f.Cut(readAfter{b.Flush, in}, b))
	require.NoError(t, b.Flush())
	return got
}

type readAfter struct {
	before func() error
	io.Reader
}

func (r readAfter) Read(p []byte) (int, error) {
	if err := r.before(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// texts is what cutting comes to: each text with the shortest header that it can have.
func texts(in []byte, sep byte) (want [][]byte) {
	parts := bytes.Split(in, []byte{sep})
	if last := len(parts) - 1; len(parts[last]) == 0 {
		parts = parts[:last]
	}
	for _, p := range parts {
		if bytes.Equal(bytes.ToValidUTF8(p, nil), p) {
			want = append(want, wire.AppendStr(nil, p))
		} else {
			want = append(want, wire.AppendBin(nil, p))
		}
	}
	return want
}

// Any input, however it arrives, is cut as if it were split at once.
func TestTextsAreCutAtEachSeparator(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		name, sep := "lines", byte('\n')
		if rng.IntN(2) == 0 {
			name, sep = "null", 0
		}
		longest, alphabet := 1+rng.IntN([]int{3, 12, 40, 300, 4000}[rng.IntN(5)]), []byte("aé\n\x00\x0b\x01\x8a\xff")
		if rng.IntN(2) == 0 {
			alphabet = []byte("abc\x01\x09\x0b")
		}
		var in []byte
		for len(in) < 6_000 {
			for range rng.IntN(longest) {
				in = append(in, alphabet[rng.IntN(len(alphabet))])
			}
			in = append(in, sep)
		}
		in = in[:len(in)-rng.IntN(8)]
		var r io.Reader = bytes.NewReader(in)
		switch rng.IntN(4) {
		case 0:
			r = iotest.OneByteReader(bytes.NewReader(in[:min(len(in), 2000)]))
			in = in[:min(len(in), 2000)]
		case 1:
			r = iotest.HalfReader(r)
		case 2:
			r = iotest.DataErrReader(r)
		}
		got := records(t, name, 1+rng.IntN(300), r)
		want := texts(in, sep)
		require.Len(t, got, len(want))
		for i := range want {
			if !bytes.Equal(want[i], got[i]) { // faster than require
				require.Equal(t, want[i], got[i], "%d of %d", i, len(want))
			}
		}
	}
}

// A record that waits in the batch stays as it is although its input is read further.
func TestBatchKeepsRecordsUntilItIsFlushed(t *testing.T) {
	t.Parallel()
	var in []byte
	for i := range 60_000 { // several reads
		in = append(in, byte('a'+i%26), byte('a'+i/26%26), '\n')
	}
	got := records(t, "lines", 1<<30, bytes.NewReader(in))
	require.True(t, slices.EqualFunc(texts(in, '\n'), got, bytes.Equal))
}

func FuzzCutTexts(f *testing.F) {
	f.Add([]byte("one\ntwo\n\nthree"), 3)
	f.Add([]byte("\n\x0b\x8a\n0123456789012345678901234567890\n01234567890123456789012345678901\n"), 7)
	f.Fuzz(func(t *testing.T, in []byte, step int) {
		got := records(t, "lines", 1+max(step, 0)%300, iotest.HalfReader(bytes.NewReader(in)))
		want := texts(in, '\n')
		require.Len(t, got, len(want))
		for i := range want {
			require.Equal(t, want[i], got[i])
		}
	})
}
