//go:build linux

package crew

import (
	"encoding/binary"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// An entry of a journal, which is 32 bytes: kind, flag, count of two bytes, four zeros, id, a, at; all
// little-endian. A worker writes each with one call of write: a SIGKILL takes nothing of it away, and the
// entry is in one page, so that it is there whole or not at all.
type entry struct {
	kind  kind
	flag  bool
	count int
	id    uint64
	a, at int64
}

type kind uint8

const (
	attached kind = iota + 1
	try           // count records from id on are being sent; the start of a ring: a is the number
	sent          // count of them were sent
	wait          // a call that waits begins
	took          // flag: delivered before; a: when the call began, in a ring the number
	acking
	acked
	releasing
	leaving
	left
	failed
)

const entrySize = 32

func (e entry) append(b []byte) []byte {
	flag := byte(0)
	if e.flag {
		flag = 1
	}
	b = binary.LittleEndian.AppendUint16(append(b, byte(e.kind), flag), uint16(e.count))
	b = binary.LittleEndian.AppendUint64(append(b, 0, 0, 0, 0), e.id)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.a))
	return binary.LittleEndian.AppendUint64(b, uint64(e.at))
}

// entries reads a journal.
func entries(t *testing.T, path string) (es []entry) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Zero(t, len(b)%entrySize, "%s has part of an entry", path)
	es = make([]entry, 0, len(b)/entrySize)
	for ; len(b) > 0; b = b[entrySize:] {
		es = append(es, entry{
			kind(b[0]), b[1] != 0, int(binary.LittleEndian.Uint16(b[2:])), binary.LittleEndian.Uint64(b[8:]),
			int64(binary.LittleEndian.Uint64(b[16:])), int64(binary.LittleEndian.Uint64(b[24:])),
		})
	}
	return es
}

// now is CLOCK_MONOTONIC, the same for all processes, in nanoseconds.
func now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err)
	}
	return ts.Nano()
}
