//go:build linux

package ctest_test

import (
	"encoding/binary"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/producer"
)

// A producer dies after it has written the mark of a record and before it publishes the record.
// The C client sends something else in its place, and the mark is that of the record before.
func lastMark(t *testing.T, client program) {
	q := create(t, shmq.One, shmq.Many)
	p, err := producer.OpenRaw(q, nil)
	require.NoError(t, err)
	require.NoError(t, p.TrySendMarked([]byte("marked"), producer.Mark{7, 8}))
	require.NoError(t, p.Close())

	f, err := os.OpenFile(q, os.O_RDWR, 0)
	require.NoError(t, err)
	var entry [24]byte
	binary.LittleEndian.PutUint64(entry[:], 1+1) // the next position is 1
	binary.LittleEndian.PutUint64(entry[layout.MarkValue:], 666)
	_, err = f.WriteAt(entry[:], layout.HotOffset+layout.HotMarks+layout.MarkEntry)
	require.NoError(t, err)
	require.NoError(t, f.Close())

	out, err := client(t, "send", q, "1").CombinedOutput()
	require.NoError(t, err, "%s", out)
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.EqualValues(t, 2, info.Tail)
	require.Equal(t, &layout.Marked{Position: 0, Mark: producer.Mark{7, 8}}, info.Mark)
	p, err = producer.OpenRaw(q, nil)
	require.NoError(t, err)
	m, ok, err := p.Mark()
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, producer.Mark{7, 8}, m)
	require.NoError(t, p.Close())
}
