//go:build linux

package sys

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fake is a /proc and hierarchies of cgroups made of plain files.
type fake struct {
	*testing.T
	dir string
}

func (f fake) write(path, text string) {
	f.Helper()
	path = filepath.Join(f.dir, path)
	require.NoError(f, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(f, os.WriteFile(path, []byte(text), 0o644))
}

// stat is a process or thread of a state, started at 77.
func (f fake) stat(path, state string) {
	f.Helper()
	f.write(path+"/stat", "9 (a ) b) "+state+" "+strings.Repeat("1 ", 18)+"77 1 1\n")
}

func (f fake) halted() Halt {
	return (&Processes{proc: filepath.Join(f.dir, "proc")}).Halted(9, 77)
}

func newFake(t *testing.T) fake {
	f := fake{t, t.TempDir()}
	f.stat("proc/9", "S")
	return f
}

func TestStatesOfThreads(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		main, others string
		stopped      bool
	}{
		{"R", "", false}, {"S", "", false}, {"D", "", false}, {"T", "", true}, {"t", "", true},
		{"T", "TTt", true}, {"t", "R", false}, // one thread alone is being traced
		{"T", "TTR", true}, {"Z", "SRT", true}, // the signal has not got to all of them yet
		{"Z", "", false}, {"Z", "T", true}, {"Z", "TZT", true}, {"Z", "tS", false}, {"Z", "S", false}, {"X", "t", true},
	} {
		f := newFake(t)
		f.stat("proc/9", c.main)
		f.stat("proc/9/task/9", c.main)
		for i, state := range c.others {
			f.stat(fmt.Sprintf("proc/9/task/%d", 100+i), string(state))
		}
		require.Equal(t, Halt{Stopped: c.stopped}, f.halted(), "%s, others %s", c.main, c.others)
		require.Zero(t, (&Processes{proc: filepath.Join(f.dir, "proc")}).Halted(9, 78))
		require.Zero(t, (&Processes{proc: filepath.Join(f.dir, "proc")}).Halted(9, 0))
		require.Zero(t, (&Processes{proc: filepath.Join(f.dir, "none")}).Halted(9, 77))
	}
}

// mounts is a mountinfo with both versions, at v1 and v2 of the directory.
func (f fake) mounts(root1, root2 string) {
	f.write("proc/self/mountinfo", fmt.Sprintf(`31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
a line that is none
38 31 0:35 %[2]s %[1]s/other rw,relatime shared:9 - cgroup cgroup rw,blkio
37 31 0:34 %[2]s %[1]s/v1\040x rw,relatime shared:7 master:3 - cgroup cgroup rw,cpu,freezer
41 31 0:38 %[3]s %[1]s/v2 rw,relatime - cgroup2 cgroup2 rw,nsdelegate
`, f.dir, root1, root2))
}

func TestFreezersOfVersion2(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.mounts("/", "/")
	f.write("proc/9/cgroup", "3:cpuset:/a\n0::/a/b:c\n")
	require.Zero(t, f.halted(), "no files")
	f.write("v2/a/b:c/cgroup.events", "populated 1\nfrozen 0\n")
	f.write("v2/a/b:c/cgroup.freeze", "1\n") // it is on its way
	require.Zero(t, f.halted())
	f.write("v2/a/b:c/cgroup.events", "populated 1\nfrozen 1\n")
	require.Equal(t, Halt{Frozen: true, Freezer: f.dir + "/v2/a/b:c/cgroup.freeze"}, f.halted())
	f.write("v2/a/cgroup.freeze", "1\n")
	require.Equal(t, Halt{Frozen: true, Freezer: f.dir + "/v2/a/cgroup.freeze"}, f.halted())
	f.write("v2/a/cgroup.freeze", "0\n")
	f.write("v2/a/b:c/cgroup.freeze", "0\n")
	require.Equal(t, Halt{Frozen: true}, f.halted(), "by one that can't be seen")
	f.stat("proc/9", "R")
	require.Equal(t, Halt{Frozen: true}, f.halted(), "on its way to sleep")
}

// In a container the mount shows a part of the hierarchy; a path outside of what can be
// seen begins with /.. .
func TestFreezersSeenFromInside(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.mounts("/", "/docker/one")
	f.write("v2/in/cgroup.events", "frozen 1\n")
	f.write("cgroup.events", "frozen 1\n") // must not be looked at
	for path, want := range map[string]bool{
		"/docker/one/in": true, "/docker/one/in (deleted)": true,
		"/docker/one": false, "/docker/on/in": false, "/docker/one/../in": false, "/docker": false, "/": false, "/../in": false, "": false,
	} {
		f.write("proc/9/cgroup", "0::"+path+"\n")
		require.Equal(t, want, f.halted().Frozen, path)
	}
}

func TestFreezersOfVersion1(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.mounts("/", "/")
	f.stat("proc/9", "D")
	f.write("proc/9/cgroup", "9:name=freezer:/x\n8:cpu,freezer:/a/b\n7:blkio:/a\n0::/\n")
	f.write("other/a/b/freezer.state", "FROZEN\n")
	f.write("v1 x/a/b/freezer.state", "FREEZING\n")
	require.Zero(t, f.halted())
	f.write("v1 x/a/b/freezer.state", "FROZEN\n")
	require.Equal(t, Halt{Frozen: true}, f.halted())
	f.write("v1 x/a/b/freezer.self_freezing", "0\n")
	f.write("v1 x/a/freezer.self_freezing", "1\n")
	require.Equal(t, Halt{Frozen: true, Freezer: f.dir + "/v1 x/a/freezer.state"}, f.halted())
}

// Files of /proc are longer than one read, and a cgroup's path may be anything.
func TestFreezersInLongFiles(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.mounts("/", "/")
	info, err := os.ReadFile(filepath.Join(f.dir, "proc/self/mountinfo"))
	require.NoError(t, err)
	f.write("proc/self/mountinfo", strings.Repeat("22 1 8:1 / /mnt/"+strings.Repeat("x", 90)+" rw - ext4 /dev/sda1 rw\n", 400)+string(info))
	f.write("proc/9/cgroup", "\n::\n0\n0::/a\n")
	f.write("v2/a/cgroup.events", "frozen 1\n")
	require.True(t, f.halted().Frozen)
}
