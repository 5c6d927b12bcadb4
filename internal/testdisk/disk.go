//go:build linux

// Package testdisk is test support: filesystems on disks of a test's own, and what a disk
// may have after a power failure.
package testdisk

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testproc"
)

// Disk is filesystems on loop devices, in the mount namespace of a child. When that ends,
// however it does, the kernel unmounts them and frees the devices. Others reach into the
// namespace through /proc.
type Disk struct {
	*testproc.Proc
	t   testing.TB
	Dir string // in memory, seen from everywhere
}

// New returns a Disk whose child plays the role "shell", which is Shell. It skips the test where loop devices can't be mounted.
func New(t testing.TB) *Disk {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root may mount a filesystem")
	}
	for _, tool := range []string{"mkfs.ext4", "fsfreeze", "mount"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	attr := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	probe := exec.Command("true")
	probe.SysProcAttr = attr
	if err := probe.Run(); err != nil { // root of a container
		t.Skip("no mount namespaces to be had here: ", err)
	}
	dir, err := os.MkdirTemp(shmq.Dir(), "disk-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	d := &Disk{testproc.StartAs(t, attr, "shell"), t, dir}
	if line := d.Line(); line != "ready" {
		t.Skip(line)
	}
	return d
}

// Shell runs what it is told in a mount namespace of its own.
func Shell(c *testproc.Child) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		c.Say("no mounts here: %v", err)
		return
	}
	c.Say("ready")
	for line := range c.Lines {
		out, err := exec.Command("sh", "-ec", line).CombinedOutput()
		if err != nil {
			c.Say("failed: %v: %s", err, strings.ReplaceAll(string(out), "\n", "; "))
		} else {
			c.Say("done")
		}
	}
}

// Run runs a shell command in the namespace.
func (d *Disk) Run(format string, args ...any) {
	d.t.Helper()
	d.Say(format, args...)
	d.Expect("done")
}

// Mount makes a filesystem of so many MiB in a file and mounts it at a directory; both
// are paths below Dir, and the file may be in another filesystem of the namespace. It
// skips the test where there are no loop devices.
func (d *Disk) Mount(file string, mib int, flags, at string) {
	d.t.Helper()
	d.Run("cd %s && mkdir -p %s && truncate -s %dM %s && mkfs.ext4 -q -F %s %s", d.Dir, at, mib, file, flags, file)
	d.Say("cd %s && mount -o loop %s %s", d.Dir, file, at)
	if line := d.Line(); line != "done" {
		d.t.Skip("no loop devices here: ", line)
	}
}

// Path is how all processes name a file of a mounted filesystem.
func (d *Disk) Path(file string) string {
	return fmt.Sprintf("/proc/%d/root%s/%s", d.PID(), d.Dir, file)
}
