//go:build linux

package testdisk

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq/internal/testproc"
)

// InMountNamespace runs a role in a mount namespace of its own, with a directory to mount
// something on. Those roles say "mounted" and "done", or why they can't mount.
func InMountNamespace(t *testing.T, role string) {
	t.Helper()
	c := testproc.StartAs(t, testproc.OwnNamespaces(t, unix.CLONE_NEWNS), role, t.TempDir())
	if line := c.Line(); line != "mounted" {
		t.Skip(line)
	}
	c.Expect("done")
}

// Mount mounts a filesystem that no process outside sees. Where it can't the child has said
// so, and ends.
func Mount(c *testproc.Child, source, dir, kind string, flags uintptr, data string) bool {
	err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err == nil {
		err = unix.Mount(source, dir, kind, flags, data)
	}
	if err != nil {
		c.Say("no mount of %s here: %v", kind, err)
	}
	return err == nil
}

// MountSmall mounts a filesystem in memory of that size on the directory of a child of
// InMountNamespace. Where it can't the child has said so, and ends.
func MountSmall(c *testproc.Child, size string) (dir string, ok bool) {
	dir = c.Args[0]
	if !Mount(c, "none", dir, "tmpfs", 0, "size="+size) {
		return dir, false
	}
	c.Say("mounted")
	return dir, true
}

// MountHere mounts a filesystem that the test itself sees, until its end. That takes root.
func MountHere(t *testing.T, kind, options string) (dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "shmq-mount-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.Remove(dir)) })
	if err := syscall.Mount("none", dir, kind, 0, options); err != nil {
		t.Skipf("a mount of %s (%s) takes root, and a kernel that has it: %v", kind, options, err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}
