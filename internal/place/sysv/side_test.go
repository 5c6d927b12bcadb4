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
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
)

// A segment with a queue in it, and no side file here, is another program's.
func TestSegmentWithoutItsSideFile(t *testing.T) {
	t.Parallel()
	q, key := segmentQueue(t, &testagent.Single)
	a := testagent.Attach(t, q, shmq.Producer)
	side := testagent.Path(t, q)
	require.NoError(t, os.Rename(side, side+".away"))
	_, err := shmq.Stat(q)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = attach.To(q, shmq.Producer, nil)
	require.ErrorIs(t, err, shmq.ErrInUse)
	require.ErrorContains(t, err, "SHMQ_DIR")
	require.ErrorContains(t, err, fmt.Sprintf("ipcrm -m %d", segmentOf(t, key).ID))
	require.NoError(t, os.Rename(side+".away", side))
	require.NoError(t, a.Detach())
	require.NoError(t, testagent.Attach(t, q, shmq.Producer).Detach())
}

func TestSegmentHeaderOverwritten(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{true, false} {
		key := testagent.FreeKey(t)
		if !own {
			testagent.ForeignSegment(t, key, 1<<20, 0o600)
		}
		q := testagent.KeyName(key)
		require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 16, SlotSize: 64}))
		id := segmentOf(t, key).ID
		inSegment(t, id, func(b []byte) { b[40] ^= 1 })
		_, err := attach.To(q, shmq.Producer, nil)
		require.ErrorIs(t, err, shmq.ErrDamaged)
		require.ErrorContains(t, err, "by force")
		require.ErrorIs(t, shmq.Remove(q), shmq.ErrDamaged)
		require.NoError(t, shmq.ForceRemove(q))
		_, err = sys.StatSegment(id)
		if own {
			require.ErrorIs(t, err, fs.ErrNotExist)
			continue
		}
		require.NoError(t, err, "not ours to remove")
		inSegment(t, id, func(b []byte) { require.NotZero(t, b[40], "nor to wipe, whichever program wrote it") })
		require.NoError(t, sys.RemoveSegment(id))
	}
}

// A side file may have any user's text.
func TestSegmentSideFileThatIsNone(t *testing.T) {
	t.Parallel()
	q, key := segmentQueue(t, &testagent.Single)
	side := testagent.Path(t, q)
	good, err := os.ReadFile(side)
	require.NoError(t, err)
	write := func(b []byte) { require.NoError(t, os.WriteFile(side, b, 0o600)) }
	for what, c := range map[string]struct {
		content []byte
		is      error
	}{
		"empty":      {nil, shmq.ErrNotQueue},
		"text":       {[]byte("hello, world\n"), shmq.ErrNotQueue},
		"cut":        {good[:100], shmq.ErrDamaged},
		"flipped":    {append([]byte(nil), append(append([]byte{}, good[:20]...), append([]byte{good[20] ^ 1}, good[21:]...)...)...), shmq.ErrDamaged},
		"of version": {append(append([]byte{}, good[:8]...), append([]byte{9}, good[9:]...)...), shmq.ErrVersion},
	} {
		require.NoError(t, os.Truncate(side, 0))
		write(c.content)
		_, err := attach.To(q, shmq.Producer, nil)
		require.ErrorIs(t, err, c.is, what)
		require.ErrorContains(t, err, "; ")
		require.ErrorIs(t, shmq.Create(q, nil), c.is, what)
		require.ErrorIs(t, shmq.Remove(q), c.is, what)
		segmentOf(t, key)
	}
	// That of another key's queue must not lead to that queue, or to its removal.
	other, otherKey := segmentQueue(t, &testagent.Single)
	b, err := os.ReadFile(testagent.Path(t, other))
	require.NoError(t, err)
	write(b)
	_, err = attach.To(q, shmq.Producer, nil)
	require.ErrorIs(t, err, shmq.ErrDamaged)
	require.NoError(t, shmq.ForceRemove(q))
	require.NoError(t, testagent.Attach(t, other, shmq.Producer).Detach())
	segmentOf(t, otherKey)
	require.NoError(t, sys.RemoveSegment(segmentOf(t, key).ID))
}

// A maker that stands still is not robbed: the others wait, and then say which process it is.
func TestSegmentOfAStoppedMaker(t *testing.T) {
	t.Parallel()
	if !testproc.Long() {
		t.Skip("takes as long as makers wait for each other, 10 s; SHMQ_LONG=1 runs it")
	}
	key := testagent.FreeKey(t)
	name := testagent.KeyName(key)
	f, err := sys.CreateTemp(testagent.Path(t, name), 0o600)
	require.NoError(t, err)
	ok, err := f.TryLock(layout.LockSide, true)
	require.NoError(t, err)
	require.True(t, ok)
	side := layout.Side{State: layout.SideMaking, ID: -1, Key: key, PID: 4711}
	require.NoError(t, f.WriteAt(side.Encode(), 0))
	require.NoError(t, f.Link())
	_, err = shmq.Stat(name)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "being made just now")
	for _, do := range []func() error{
		func() error { _, err := attach.To(name, shmq.Producer, nil); return err },
		func() error { return shmq.Remove(name) },
	} {
		err := do()
		require.ErrorIs(t, err, shmq.ErrInUse)
		require.ErrorContains(t, err, "pid 4711")
	}
	require.NoError(t, f.Close()) // as if it had died
	a, err := attach.To(name, shmq.Producer, nil)
	require.NoError(t, err)
	require.NoError(t, a.Detach())
	require.NoError(t, shmq.Remove(name))
}

// A side file that claims that a queue was begun in another program's segment, by
// a user who can't write to that: no process wipes it in good faith.
func TestSegmentIsNotWipedForAStranger(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can give a file away")
	}
	for _, state := range []uint32{layout.SideMaking, layout.SideRemoving} {
		key := testagent.FreeKey(t)
		id := testagent.ForeignSegment(t, key, 1<<20, 0o644)
		h := layout.Header{Geometry: layout.Geometry{Slots: 16, AreaSize: 64, Seats: 8}}
		claim := layout.Side{State: state, Key: key, ID: int32(id), Namespace: sys.IPCNamespace(), Header: [layout.SideHeaderSize]byte(h.Encode())}
		inSegment(t, id, func(b []byte) {
			copy(b, claim.Header[:])
			b[20_000] = 42
		})
		side := testagent.Path(t, testagent.KeyName(key))
		require.NoError(t, os.WriteFile(side, claim.Encode(), 0o666))
		require.NoError(t, os.Chown(side, 12345, 12345))
		require.NoError(t, shmq.Remove(testagent.KeyName(key)))
		require.NoFileExists(t, side)
		inSegment(t, id, func(b []byte) {
			require.Equal(t, claim.Header[:], b[:layout.SideHeaderSize])
			require.EqualValues(t, 42, b[20_000])
		})
	}
}
