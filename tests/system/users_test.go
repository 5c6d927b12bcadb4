//go:build linux

package system_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// Numbers that no user or group has.
const ada, bob, eve, team = 41001, 41002, 41003, 41100

func who(uid uint32, groups ...uint32) *syscall.Credential {
	return &syscall.Credential{Uid: uid, Gid: uid, Groups: groups}
}

// userDir makes a directory that users can reach.
func userDir(t *testing.T, gid int, mode fs.FileMode) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can play several users")
	}
	dir, err := os.MkdirTemp(shmq.Dir(), "users-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chown(dir, 0, gid))
	require.NoError(t, os.Chmod(dir, mode))
	return dir
}

type user struct {
	*testproc.Proc
	t *testing.T
}

func newUser(t *testing.T, exe string, c *syscall.Credential) user {
	return user{testproc.StartExe(t, exe, &syscall.SysProcAttr{Credential: c}, "user"), t}
}

// can has the user do something, and wants it to succeed.
func (u user) can(format string, args ...any) {
	u.t.Helper()
	u.Say(format, args...)
	require.Equal(u.t, "ok", u.Line())
}

// may not do something; says is part of the error.
func (u user) mayNot(says, format string, args ...any) {
	u.t.Helper()
	u.Say(format, args...)
	require.Contains(u.t, u.Expect("no permission"), says)
}

// obeyAsUser does what it is told, with the umask of most users.
func obeyAsUser(c *testproc.Child) {
	syscall.Umask(0o022)
	for line := range c.Lines {
		f := strings.Fields(line)
		var err error
		switch f[0] {
		case "create":
			mode := fs.FileMode(0)
			_, err = fmt.Sscanf(f[2], "%o", &mode)
			c.Check(err)
			err = shmq.Create(f[1], &shmq.Options{Slots: 16, SlotSize: 64, Mode: mode})
		case "attach":
			var a *attach.Participant
			if a, err = attach.To(f[1], shmq.Producer, &attach.Options{NoCreate: true}); err == nil {
				err = a.Detach()
			}
		case "stat":
			_, err = shmq.Stat(f[1])
		case "remove":
			err = shmq.Remove(f[1])
		case "force":
			err = shmq.ForceRemove(f[1])
		case "open-or-create": // as a program would that makes no difference
			var file *os.File
			if file, err = os.OpenFile(f[1], os.O_RDWR|os.O_CREATE, 0o600); err == nil {
				err = file.Close()
			}
		}
		switch {
		case err == nil:
			c.Say("ok")
		case errors.Is(err, fs.ErrPermission):
			c.Say("no permission %v", err)
		default:
			c.Fail("%s: %v", line, err)
		}
	}
}

// Users of a group share a queue in a directory that gives its group to what is made in
// it; each recovers what the other held. A user who is not in the group is kept out.
func TestQueueOfAGroup(t *testing.T) {
	t.Parallel()
	dir := userDir(t, team, fs.ModeSetgid|0o770)
	exe := testproc.ForAnyone(t)
	q := dir + "/q"
	newUser(t, exe, who(ada, team)).can("create %s 660", q)
	info, err := os.Stat(q)
	require.NoError(t, err)
	require.EqualValues(t, team, info.Sys().(*syscall.Stat_t).Gid)
	require.EqualValues(t, ada, info.Sys().(*syscall.Stat_t).Uid)

	a, b := testagent.NewUser(t, exe, who(ada, team)), testagent.NewUser(t, exe, who(bob, team))
	a.Do("consumer %s", q)
	b.Do("producer %s", q)
	b.Sends("a")
	require.Equal(t, testagent.Fresh("a"), a.Lease(1))
	seen, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Equal(t, ada, seen.UID)
	require.Equal(t, []int{ada, bob}, []int{seen.Participants[0].UID, seen.Participants[1].UID})
	a.Kill()
	heir := testagent.NewUser(t, exe, who(bob, team))
	heir.Do("consumer %s", q)
	require.Equal(t, testagent.Again(1, "a"), heir.Lease(1))
	heir.Do("ack 0")
	heir.Do("close")
	b.Do("close")

	stranger := newUser(t, exe, who(eve))
	stranger.mayNot("group access", "attach %s", q)
	stranger.mayNot("group access", "stat %s", q)
	newUser(t, exe, who(bob, team)).can("remove %s", q)
}

// In a sticky directory for all users, as /dev/shm is, the kernel may refuse to open
// another user's file with O_CREAT; attaching does without. There, only the owner
// removes.
func TestQueueOfAnotherUserInStickyDirectory(t *testing.T) {
	dir := userDir(t, 0, fs.ModeSticky|0o777)
	const knob = "/proc/sys/fs/protected_regular"
	was, err := os.ReadFile(knob)
	require.NoError(t, err)
	if err := os.WriteFile(knob, []byte("2"), 0); err != nil {
		t.Skipf("the kernel's protection can't be set here: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, os.WriteFile(knob, was, 0)) })
	exe := testproc.ForAnyone(t)
	a, b := newUser(t, exe, who(ada)), newUser(t, exe, who(bob))
	for _, level := range []string{"2", "1"} {
		require.NoError(t, os.WriteFile(knob, []byte(level), 0))
		q := filepath.Join(dir, "q")
		a.can("create %s 666", q)
		b.mayNot("permission denied", "open-or-create %s", q)
		b.can("attach %s", q)
		b.can("stat %s", q)
		b.mayNot("sticky", "remove %s", q)
		b.mayNot("sticky", "force %s", q)
		a.can("remove %s", q)
	}
}

// A user who may only read a queue may only look at it.
func TestQueueForReadersOnly(t *testing.T) {
	t.Parallel()
	dir := userDir(t, 0, 0o777)
	exe := testproc.ForAnyone(t)
	a, b := newUser(t, exe, who(ada)), newUser(t, exe, who(bob))
	a.can("create %s 644", dir+"/q")
	b.can("stat %s", dir+"/q")
	b.mayNot("to take part is to write", "attach %s", dir+"/q")
	b.mayNot("to take part is to write", "remove %s", dir+"/q")
}

// In a user namespace users have other numbers. A seat has the number that its holder
// has in its own; a file of a user without a number there is user nobody's.
func TestUsersInAnotherNamespace(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Shared)
	attr := testproc.OwnNamespaces(t, 0)
	attr.UidMappings[0].ContainerID = 1234
	inside := testagent.NewAs(t, attr)
	inside.Do("producer %s", q)
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Equal(t, os.Getuid(), info.UID)
	require.Equal(t, 1234, info.Participants[0].UID)
}
