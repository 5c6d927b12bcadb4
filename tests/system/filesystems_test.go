//go:build linux

package system_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testdisk"
	"github.com/shmq/shmq/internal/testproc"
)

// Through a mount for reading only, a process can look at a queue, and do nothing else. Others,
// which have it mounted for writing, take part, and are seen.
func TestReadOnlyFilesystem(t *testing.T) {
	t.Parallel()
	testdisk.InMountNamespace(t, "read-only")
}

func onReadOnlyFilesystem(c *testproc.Child) {
	rw, ro := c.Args[0]+"/rw", c.Args[0]+"/ro"
	c.Check(os.Mkdir(rw, 0o700))
	c.Check(os.Mkdir(ro, 0o700))
	if !testdisk.Mount(c, "none", rw, "tmpfs", 0, "") {
		return
	}
	c.Check(unix.Mount(rw, ro, "", unix.MS_BIND, ""))
	c.Check(unix.Mount("", ro, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	c.Say("mounted")
	a, err := attach.To(rw+"/q", shmq.Producer, nil)
	c.Check(err)
	info, err := shmq.Stat(ro + "/q")
	c.Check(err)
	if len(info.Participants) != 1 || !info.Participants[0].Alive {
		c.Fail("seen: %+v", info.Participants)
	}
	v, err := shmq.View(ro + "/q")
	c.Check(err)
	c.Check(v.Close())
	_, err = shmq.Recover(ro+"/q", &shmq.RecoverOptions{DryRun: true})
	c.Check(err)
	c.Check(a.Detach())
	_, err = attach.To(ro+"/q", shmq.Consumer, nil)
	for what, err := range map[string]error{
		"attach": err,
		"create": shmq.Create(ro+"/new", nil),
		"remove": shmq.Remove(ro + "/q"),
		"force":  shmq.ForceRemove(ro + "/q"),
	} {
		if !errors.Is(err, fs.ErrPermission) || !errors.Is(err, unix.EROFS) || !testproc.Says(err, "mount it for writing") {
			c.Fail("%s: %v", what, err)
		}
	}
	c.Check(shmq.Remove(rw + "/q"))
	c.Say("done")
}

// The filesystem of a container's image.
func TestOverlay(t *testing.T) {
	t.Parallel()
	testdisk.InMountNamespace(t, "overlay")
}

func onOverlay(c *testproc.Child) {
	base := c.Args[0]
	if !testdisk.Mount(c, "none", base, "tmpfs", 0, "") {
		return
	}
	for _, dir := range []string{"/lower", "/upper", "/work", "/all"} {
		c.Check(os.Mkdir(base+dir, 0o700))
	}
	if !testdisk.Mount(c, "none", base+"/all", "overlay", 0, "userxattr,lowerdir="+base+"/lower,upperdir="+base+"/upper,workdir="+base+"/work") {
		return
	}
	c.Say("mounted")
	useAll(c, base+"/all/q")
	c.Say("done")
}

// useAll creates a queue, attaches to it, asks which participants live, and removes it.
func useAll(c *testproc.Child, q string) {
	c.Check(shmq.Create(q, &shmq.Options{Consumers: shmq.One}))
	p, err := attach.To(q, shmq.Producer, nil)
	c.Check(err)
	in, err := attach.To(q, shmq.Consumer, nil)
	c.Check(err)
	if _, err := attach.To(q, shmq.Consumer, nil); !errors.Is(err, shmq.ErrRoleTaken) {
		c.Fail("a second consumer: %v", err)
	}
	if held, err := in.ProducerAttached(); err != nil || !held {
		c.Fail("the producer is not seen: %v", err)
	}
	if err := shmq.Remove(q); !errors.Is(err, shmq.ErrInUse) {
		c.Fail("remove: %v", err)
	}
	info, err := shmq.Stat(q)
	c.Check(err)
	for _, p := range info.Participants {
		if !p.Alive {
			c.Fail("not alive: %+v", p)
		}
	}
	c.Check(p.Detach())
	c.Check(in.Detach())
	c.Check(shmq.Remove(q))
}

// A sandbox may have no /proc, through which a nameless file would get its name.
func TestWithoutProc(t *testing.T) {
	t.Parallel()
	testdisk.InMountNamespace(t, "without-proc")
}

func withoutProc(c *testproc.Child) {
	if !testdisk.Mount(c, "none", c.Args[0], "tmpfs", 0, "") || !testdisk.Mount(c, "none", "/proc", "tmpfs", 0, "") {
		return
	}
	c.Say("mounted")
	if _, err := os.Stat("/proc/self"); !errors.Is(err, fs.ErrNotExist) {
		c.Fail("/proc is there: %v", err)
	}
	useAll(c, c.Args[0]+"/q")
	files, err := os.ReadDir(c.Args[0])
	c.Check(err)
	if len(files) != 0 {
		c.Fail("left %v", files)
	}
	c.Say("done")
}

// A queue on a filesystem that other machines mount, too, is refused, before one is made.
// The kernel's answer to fstatfs is replaced by a supervisor.
func TestNetworkFilesystem(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, shmq.Create(dir+"/q", nil))
	c := testproc.Start(t, "network", dir)
	for _, what := range []string{"create", "attach", "stat"} {
		said := c.Expect(what)
		require.Contains(t, said, "refused by the system")
		require.Contains(t, said, "is on NFS, and a queue can't span machines; use /dev/shm")
	}
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1)
}

func onNetworkFilesystem(c *testproc.Child) {
	c.PretendFilesystem(unix.NFS_SUPER_MAGIC)
	dir := c.Args[0]
	c.Say("create %v", shmq.Create(dir+"/new", nil))
	_, err := attach.To(dir+"/q", shmq.Producer, nil)
	c.Say("attach %v", err)
	_, err = shmq.Stat(dir + "/q")
	c.Say("stat %v", err)
	<-c.Lines
}

// Containers that have one directory mounted, each under a name of its own, with users
// and processes of their own: all are process 1.
func TestContainersShareAMount(t *testing.T) {
	t.Parallel()
	shared := t.TempDir()
	require.NoError(t, shmq.Create(shared+"/q", &testagent.Shared))
	container := func(does string) (*testproc.Proc, string) {
		inside := t.TempDir()
		c := testproc.StartAs(t, testproc.OwnNamespaces(t, unix.CLONE_NEWNS|unix.CLONE_NEWPID), "container", shared, inside)
		if line := c.Line(); line != "ready" {
			t.Skip(line)
		}
		c.Say("%s %s/q", does, inside)
		c.Expect("ok")
		return c, inside
	}
	p, _ := container("producer")
	c, _ := container("consumer")
	p.Say("send x")
	p.Expect("ok")
	c.Say("lease 1")
	require.Equal(t, "0:78", c.Expect("ok"))
	info, err := shmq.Stat(shared + "/q")
	require.NoError(t, err)
	for _, p := range info.Participants {
		require.Equal(t, 1, p.PID)
		require.True(t, p.Alive)
	}
	c.Kill()
	heir, inside := container("consumer")
	heir.Say("lease 1")
	require.Equal(t, "1:78", heir.Expect("ok"))
	files, err := os.ReadDir(inside)
	require.NoError(t, err)
	require.Empty(t, files, "out here nothing is mounted there")
}

func inContainer(c *testproc.Child) {
	if testdisk.Mount(c, c.Args[0], c.Args[1], "", unix.MS_BIND, "") {
		testagent.Play(c)
	}
}
