//go:build linux

package seat_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// fork has an agent make a child that executes nothing.
func fork(t *testing.T, a *testagent.Agent) (pid int) {
	t.Helper()
	pid, err := strconv.Atoi(a.Do("fork"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	return pid
}

// A child that is forked and executes nothing has copies of its parent's descriptors.
// The parent's seat and role are free all the same when the parent is dead.
func TestForkedChildKeepsNoSeat(t *testing.T) {
	t.Parallel()
	for _, o := range []shmq.Options{testagent.Single, testagent.Shared} {
		q := testagent.Queue(t, &o)
		c := testagent.Producer(t, q)
		forked := fork(t, c)
		require.True(t, hasOpen(t, forked, q), "the child has the file")
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		require.True(t, info.Participants[0].Alive)

		c.Terminate()
		testproc.Until(t, func() bool {
			info, err := shmq.Stat(q)
			require.NoError(t, err)
			return !info.Participants[0].Alive
		})
		next := testagent.Producer(t, q)
		next.Do("close")
		require.NoError(t, shmq.Remove(q))
		require.True(t, hasOpen(t, forked, q+" (deleted)"), "it still has")
		require.NoError(t, syscall.Kill(forked, syscall.SIGKILL)) // it has the pipe to this test, too
	}
}

// A participant that leaves in order is gone, too, whichever child was forked meanwhile.
func TestForkedChildKeepsNoRoleAfterDetach(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Single)
	c := testagent.Producer(t, q)
	forked := fork(t, c)
	c.Do("close")
	for range 20 {
		a, err := attach.To(q, shmq.Producer, nil)
		require.NoError(t, err)
		require.NoError(t, a.Detach())
	}
	require.NoError(t, shmq.Remove(q))
	require.NoError(t, syscall.Kill(forked, syscall.SIGKILL))
}

// A child that is forked and executes nothing has the descriptor, too, and copies of all
// that its parent opened.
func TestForkedChildKeepsNoSeatOfAnAnonymousQueue(t *testing.T) {
	t.Parallel()
	f, err := shmq.CreateAnonymous(&testagent.Single)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	q := shmq.FileName(f)
	c := testagent.NewWith(t, f)
	c.Do("producer fd:3")
	forked := fork(t, c)
	to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/3", forked))
	require.NoError(t, err)
	require.Contains(t, to, "memfd:shmq")
	_, err = attach.To(q, shmq.Producer, nil)
	require.ErrorIs(t, err, shmq.ErrRoleTaken)
	c.Terminate()
	testproc.Until(t, func() bool {
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		return !info.Participants[0].Alive
	})
	testagent.Attach(t, q, shmq.Producer)
	require.NoError(t, syscall.Kill(forked, syscall.SIGKILL))
}

// hasOpen reports whether a process has a descriptor of the file whose path ends so.
func hasOpen(t *testing.T, pid int, end string) bool {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd/", pid)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range files {
		if to, err := os.Readlink(dir + f.Name()); err == nil && strings.HasSuffix(to, "."+end) {
			return true
		}
	}
	return false
}
