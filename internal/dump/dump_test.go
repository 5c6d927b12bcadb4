package dump_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/dump"
	"github.com/shmq/shmq/layout"
)

var header = dump.Header{
	Geometry: layout.Geometry{ManyConsumers: true, Seats: 5, Slots: 64, AreaSize: 128},
	Mode:     0o640, Time: time.Unix(1_700_000_000, 5),
}

var payloads = [][]byte{[]byte("one"), {}, bytes.Repeat([]byte{7}, 64*128/2)}

func sample() []byte {
	b := dump.AppendHeader(nil, header)
	for i, p := range payloads {
		b = dump.AppendRecord(b, p, i)
	}
	return dump.AppendEnd(b, uint64(len(payloads)))
}

// all reads a file to its end.
func all(in io.Reader) (got [][]byte, err error) {
	r, err := dump.NewReader(in)
	if err != nil {
		return nil, err
	}
	for {
		p, err := r.Next()
		if err != nil {
			return got, err
		}
		got = append(got, bytes.Clone(p))
	}
}

func TestAHeaderComesBack(t *testing.T) {
	t.Parallel()
	for _, g := range []layout.Geometry{
		{Each: true, Subscriptions: 7, Keep: 33, Seats: 5, Slots: 64, AreaSize: 128},
		{Each: true, Subscriptions: layout.MaxSubscriptions, Skip: true, ManyProducers: true, Checksum: true, Seats: 5, Slots: 64, AreaSize: 128},
	} {
		h := dump.Header{Geometry: g, Mode: header.Mode, Time: header.Time}
		r, err := dump.NewReader(bytes.NewReader(dump.AppendHeader(nil, h)))
		require.NoError(t, err)
		require.Equal(t, h, r.Header)
	}
}

func TestADumpComesBack(t *testing.T) {
	t.Parallel()
	r, err := dump.NewReader(bytes.NewReader(sample()))
	require.NoError(t, err)
	require.Equal(t, header, r.Header)
	got, err := all(iotest.OneByteReader(bytes.NewReader(sample())))
	require.Equal(t, io.EOF, err)
	require.Equal(t, len(payloads), len(got))
	for i := range got {
		require.True(t, bytes.Equal(payloads[i], got[i]))
	}
}

// The numbers of docs/commands.md, written by hand.
func TestTheFormatIsWhatItWas(t *testing.T) {
	t.Parallel()
	le := binary.LittleEndian
	sum := func(b []byte) []byte {
		return le.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	}
	h := append([]byte("shmqd\r\n\x1a"), 1, 0, 0, 0, 2, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 128, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0xa0, 1, 0, 0)
	h = le.AppendUint64(h, 1_700_000_000_000_000_005)
	h = sum(append(h, make([]byte, 12)...))
	require.Equal(t, h, dump.AppendHeader(nil, header))
	require.Equal(t, sum([]byte("\x02\x00\x00\x00\x03\x00\x00\x00ab")), dump.AppendRecord(nil, []byte("ab"), 3))
	require.Equal(t, sum([]byte("\xff\xff\xff\xff\x00\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00")), dump.AppendEnd(nil, 9))
}

// Every bit that is turned is found, and no record after it or with it is returned.
func TestDamageIsFoundWhereItIs(t *testing.T) {
	t.Parallel()
	whole := sample()
	starts := []int{64, 64 + 12 + 3, 64 + 2*12 + 3}
	for i := range whole {
		if i > 200 && i < len(whole)-100 {
			continue // all alike
		}
		b := bytes.Clone(whole)
		b[i] ^= 1 << (i % 8)
		got, err := all(bytes.NewReader(b))
		var at *dump.Error
		require.ErrorAs(t, err, &at, "byte %d", i)
		before := 0
		for before < len(starts) && starts[before]+12+len(payloads[before]) <= i {
			before++
		}
		require.Len(t, got, before, "byte %d: %v", i, err)
		require.LessOrEqual(t, at.Offset, int64(i))
	}
}

func TestACutFileIsNotWhole(t *testing.T) {
	t.Parallel()
	whole := sample()
	for n := range whole {
		if n > 200 && n < len(whole)-100 {
			continue
		}
		_, err := all(bytes.NewReader(whole[:n]))
		var at *dump.Error
		require.ErrorAs(t, err, &at, "%d bytes", n)
		require.LessOrEqual(t, at.Offset, int64(n))
	}
	_, err := all(bytes.NewReader(append(whole, 0)))
	require.ErrorContains(t, err, "something follows")
}

func TestErrorsOfTheInputAreNotDamage(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, n := range []int{0, 5, 70, len(sample())} {
		_, err := all(io.MultiReader(bytes.NewReader(sample()[:n]), iotest.ErrReader(broken)))
		require.Equal(t, broken, err)
	}
}

func FuzzReadingEndsAndBoundsItsMemory(f *testing.F) {
	f.Add(sample())
	f.Add([]byte("shmqd\r\n\x1a"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := all(bytes.NewReader(b))
		require.Error(t, err)
		n := 0
		for _, p := range got {
			n += len(p)
		}
		require.LessOrEqual(t, n, len(b))
	})
}
