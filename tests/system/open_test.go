package system_test

import (
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
)

// Whatever stands under the name of a queue and is none is reported at once, in one
// line that names it and says what to do; nothing is waited for or changed.
func TestOpenWhatIsNoQueue(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		make func(t *testing.T, path string)
		is   error
		says string
	}{
		"text file": {func(t *testing.T, p string) {
			require.NoError(t, os.WriteFile(p, []byte(strings.Repeat("Lorem ipsum\n", 1000)), 0o600))
		}, shmq.ErrNotQueue, "magic"},
		"empty file": {func(t *testing.T, p string) {
			require.NoError(t, os.WriteFile(p, nil, 0o600))
		}, shmq.ErrNotQueue, "magic"},
		"directory": {func(t *testing.T, p string) {
			require.NoError(t, os.Mkdir(p, 0o700))
		}, shmq.ErrNotQueue, "directory"},
		"FIFO": {func(t *testing.T, p string) {
			require.NoError(t, unix.Mkfifo(p, 0o600))
		}, shmq.ErrNotQueue, "regular"},
		"socket": {func(t *testing.T, p string) {
			l, err := net.Listen("unix", p)
			require.NoError(t, err)
			t.Cleanup(func() { l.Close() })
		}, shmq.ErrNotQueue, ""},
		"truncated queue": {func(t *testing.T, p string) {
			require.NoError(t, shmq.Create(p, nil))
			require.NoError(t, os.Truncate(p, 100_000))
		}, shmq.ErrDamaged, "truncated"},
		"header cut short": {func(t *testing.T, p string) {
			require.NoError(t, shmq.Create(p, nil))
			require.NoError(t, os.Truncate(p, 100))
		}, shmq.ErrDamaged, "100 bytes"},
		"other version": {func(t *testing.T, p string) {
			require.NoError(t, shmq.Create(p, nil))
			testagent.Patch(t, p, layout.OffVersion, 7)
		}, shmq.ErrVersion, "version 7, this program speaks version 3"},
		"damaged header": {func(t *testing.T, p string) {
			require.NoError(t, shmq.Create(p, nil))
			testagent.Patch(t, p, layout.OffSeats, 7)
		}, shmq.ErrDamaged, "checksum"},
		"nothing": {func(*testing.T, string) {}, fs.ErrNotExist, "run: shmq "},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			path := t.TempDir() + "/q"
			c.make(t, path)
			check := func(err error) {
				t.Helper()
				require.ErrorIs(t, err, c.is)
				require.ErrorContains(t, err, `"`+path+`"`)
				require.ErrorContains(t, err, c.says)
				require.ErrorContains(t, err, "; ", "what to do follows the reason")
				require.NotContains(t, err.Error(), "\n")
			}
			_, err := attach.To(path, shmq.Consumer, &attach.Options{NoCreate: true})
			check(err)
			_, err = shmq.Stat(path)
			check(err)
			check(shmq.Remove(path))
			if c.is != fs.ErrNotExist {
				_, err := os.Lstat(path)
				require.NoError(t, err, "it is still there")
			}
			err = shmq.ForceRemove(path)
			if c.is == shmq.ErrDamaged || c.is == shmq.ErrVersion {
				require.NoError(t, err)
				_, err := os.Lstat(path)
				require.ErrorIs(t, err, fs.ErrNotExist)
			} else {
				check(err)
			}
		})
	}
}

// In a directory where every user may write, a link can lead anywhere.
func TestLinkInDirectoryOfQueuesIsNotFollowed(t *testing.T) {
	t.Parallel()
	target, link := testagent.Queue(t, nil), testagent.Name(t)
	targetPath, err := shmq.Path(target)
	require.NoError(t, err)
	linkPath, err := shmq.Path(link)
	require.NoError(t, err)
	require.NoError(t, os.Symlink(targetPath, linkPath))
	t.Cleanup(func() { os.Remove(linkPath) })
	for _, op := range []func() error{
		func() error { _, err := attach.To(link, shmq.Producer, nil); return err },
		func() error { _, err := shmq.Stat(link); return err },
		func() error { return shmq.Remove(link) },
	} {
		err := op()
		require.ErrorIs(t, err, shmq.ErrNotQueue)
		require.ErrorContains(t, err, "symbolic link")
	}
	require.ErrorIs(t, shmq.Create(link, nil), fs.ErrExist)
	a := testagent.Attach(t, linkPath, shmq.Producer) // a path says that one means it
	require.NoError(t, a.Detach())
	dangling := testagent.Name(t)
	danglingPath, err := shmq.Path(dangling)
	require.NoError(t, err)
	require.NoError(t, os.Symlink(t.TempDir()+"/elsewhere", danglingPath))
	t.Cleanup(func() { os.Remove(danglingPath) })
	_, err = attach.To(dangling, shmq.Producer, nil)
	require.ErrorIs(t, err, shmq.ErrNotQueue, "no queue is made where a link leads")
}

func TestOpenWithoutPermission(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can play another user")
	}
	private := testagent.Queue(t, nil)
	shared := testagent.Queue(t, &shmq.Options{Mode: 0o666})
	readable := testagent.Queue(t, &shmq.Options{Mode: 0o644})
	other := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	// The binary lies in a directory that only its builder may enter.
	exe := testproc.ForAnyone(t)
	c := testproc.StartExe(t, exe, other, "open-as", private, shared, readable)
	said := c.Expect("private")
	require.Contains(t, said, private)
	require.Contains(t, said, "permission denied")
	require.Contains(t, said, "0660")
	require.Equal(t, "ok", c.Expect("shared"))
	require.Contains(t, c.Expect("readable"), "permission denied")
	require.Equal(t, "ok", c.Expect("stat"))
}

func openAs(c *testproc.Child) {
	try := func(name string) string {
		a, err := attach.To(name, shmq.Producer, nil)
		if err != nil {
			return err.Error()
		}
		c.Check(a.Detach())
		return "ok"
	}
	c.Say("private %s", try(c.Args[0]))
	c.Say("shared %s", try(c.Args[1]))
	c.Say("readable %s", try(c.Args[2]))
	_, err := shmq.Stat(c.Args[2])
	c.Check(err)
	c.Say("stat ok")
	<-c.Lines
}
