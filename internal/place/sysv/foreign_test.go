//go:build linux

package sysv_test

import (
	"fmt"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testagent"
)

func TestForeignSegmentIsBorrowed(t *testing.T) {
	t.Parallel()
	key := testagent.FreeKey(t)
	id := testagent.ForeignSegment(t, key, 1<<20+100, 0o600)
	q := testagent.KeyName(key)
	o := &shmq.Options{Slots: 16, SlotSize: 64, Seats: 8}
	for range 3 {
		require.NoError(t, shmq.Create(q, o))
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		require.EqualValues(t, 1<<20+100, info.Size)
		p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
		for i := range 40 {
			p.Sends("x*300")
			require.Len(t, c.Lease(1)[0].Data, 300)
			c.Do("ack %d", i)
		}
		err = shmq.ForceRemove(q)
		require.ErrorIs(t, err, shmq.ErrInUse, "those attached would be mixed with the next ones")
		require.ErrorContains(t, err, "end those attached")
		p.Do("close")
		c.Kill()
		inSegment(t, id, func(b []byte) { b[1<<20+7] = 42 }) // behind the queue
		require.NoError(t, shmq.Remove(q))
		inSegment(t, id, func(b []byte) {
			require.EqualValues(t, 42, b[1<<20+7])
			b[1<<20+7] = 0
		})
		requireZero(t, id)
	}
	require.NoError(t, sys.RemoveSegment(id))
}

func TestForeignSegmentThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	o := &shmq.Options{Slots: 16, SlotSize: 64, Seats: 8}
	const total = 8192 + 4096 + 4096 + 4096 // header and hot words, seats, lines, areas
	try := func(size int64, spoil func(b []byte), is error, says string) {
		t.Helper()
		key := testagent.FreeKey(t)
		id := testagent.ForeignSegment(t, key, size, 0o600)
		inSegment(t, id, func(b []byte) { spoil(b) })
		for _, err := range []error{shmq.Create(testagent.KeyName(key), o), func() error {
			_, err := attach.To(testagent.KeyName(key), shmq.Producer, &attach.Options{Create: *o})
			return err
		}()} {
			require.ErrorIs(t, err, is)
			require.ErrorContains(t, err, says)
			require.ErrorContains(t, err, fmt.Sprintf("segment %d (key %#x, %d bytes, made by uid %d, pid %d)", id, key, size, os.Getuid(), os.Getpid()))
			require.NotContains(t, err.Error(), "\n")
		}
		_, err := shmq.Stat(testagent.KeyName(key))
		require.ErrorIs(t, err, fs.ErrNotExist, "nothing is left")
		require.Zero(t, attachments(t, id))
		inSegment(t, id, func(b []byte) {
			want := make([]byte, len(b))
			spoil(want)
			require.Equal(t, want, b, "not a byte was changed")
		})
		require.NoError(t, sys.RemoveSegment(id))
	}
	try(total-1, func([]byte) {}, shmq.ErrNoSpace, fmt.Sprintf("takes %d bytes", total))
	try(1, func([]byte) {}, shmq.ErrNoSpace, "smaller")
	for _, at := range []int{0, 127, 128, 4095, 4096, 8191, 10_000, total - 1} {
		try(total, func(b []byte) { b[at] = 7 }, shmq.ErrNotQueue, fmt.Sprintf("byte %d is not zero", at))
	}
	// A byte that lies behind the queue does not matter.
	key := testagent.FreeKey(t)
	id := testagent.ForeignSegment(t, key, total+1, 0o600)
	inSegment(t, id, func(b []byte) { b[total] = 7 })
	require.NoError(t, shmq.Create(testagent.KeyName(key), o))
	require.NoError(t, shmq.Remove(testagent.KeyName(key)))
	require.NoError(t, sys.RemoveSegment(id))

	err := shmq.Create(testagent.KeyName(testagent.FreeKey(t)), &shmq.Options{Slots: 1 << 24, SlotSize: 1 << 30})
	require.Error(t, err)
	require.ErrorIs(t, shmq.Create(testagent.KeyName(testagent.FreeKey(t)), &shmq.Options{Checksum: true}), shmq.ErrOption)
}
