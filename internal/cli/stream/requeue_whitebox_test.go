//go:build linux

package stream

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/producer"
	"github.com/shmq/shmq/worker/deadletter"
)

// letters makes a mover, two letters for it, and the queue that their records go to.
func letters(t *testing.T) (m *mover, q string) {
	t.Helper()
	q = filepath.Join(t.TempDir(), "q")
	require.NoError(t, shmq.Create(q, nil))
	return lettersOf(t, q), q
}

func lettersOf(t *testing.T, q string) (m *mover) {
	t.Helper()
	dead := filepath.Join(t.TempDir(), "dead")
	from, err := shmq.Stat(q)
	require.NoError(t, err)
	p, err := producer.OpenRaw(dead, nil)
	require.NoError(t, err)
	for range 2 {
		l := deadletter.Letter{Queue: q, CreationID: from.CreationID, Record: []byte{1}}
		require.NoError(t, p.TrySend(l.Append(nil, p.MaxRecord())))
	}
	require.NoError(t, p.Close())
	c, err := consumer.OpenRaw(dead, nil)
	require.NoError(t, err)
	m = &mover{ctx: context.Background(), flags: &requeueFlags{exitCode: -1, count: flags.Count(-1)}, from: c, done: &requeued{To: map[string]int{}}, to: map[string]*target{}}
	t.Cleanup(func() {
		require.NoError(t, c.Close())
		_ = m.close() // of a queue that a test may have removed
	})
	return m
}

// A descriptor is the letter's queue only if that is what this process has under the number.
func TestRequeueToADescriptor(t *testing.T) {
	t.Parallel()
	_, q := letters(t)
	f, err := os.OpenFile(q, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	m := lettersOf(t, shmq.FileName(f))
	require.NoError(t, m.run(1))
	require.EqualValues(t, 1, m.done.Requeued)
	other, err := shmq.CreateAnonymous(nil)
	require.NoError(t, err)
	defer other.Close()
	require.NoError(t, syscall.Dup3(int(other.Fd()), int(f.Fd()), syscall.O_CLOEXEC))
	err = m.run(1)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "--to")
	require.EqualValues(t, 1, m.done.Requeued)
}

// A letter stays whose record went to a queue that was removed just before.
func TestRequeueIntoARemovedQueue(t *testing.T) {
	t.Parallel()
	m, q := letters(t)
	require.NoError(t, m.target(q).err) // attached
	require.NoError(t, os.Remove(q))
	require.ErrorIs(t, m.run(2), shmq.ErrRemoved)
	require.Zero(t, m.done.Requeued)
	require.EqualValues(t, 2, m.done.Left)
}

// afterOne is a context that ends when a record was put back.
type afterOne struct {
	context.Context
	done *requeued
}

func (c *afterOne) Err() error {
	if c.done.Requeued > 0 {
		return context.Canceled
	}
	return nil
}

// A signal that comes just when a record was put back is no success: there are more.
func TestRequeueThatIsEndedInBetween(t *testing.T) {
	t.Parallel()
	m, _ := letters(t)
	m.ctx = &afterOne{m.ctx, m.done}
	require.ErrorIs(t, m.run(2), context.Canceled)
	require.EqualValues(t, 1, m.done.Requeued)
	require.EqualValues(t, 1, m.done.Left)
}
