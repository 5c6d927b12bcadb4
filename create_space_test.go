package shmq_test

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testproc"
)

// A full filesystem is an error when the queue is made, not a fault when it is used.
// The filesystem is mounted in a mount namespace of the child's own.
func TestCreateOnFullFilesystem(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root may mount a small filesystem")
	}
	c := testproc.StartAs(t, &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}, "create-small", t.TempDir())
	if line := c.Line(); line != "mounted" {
		t.Skip(line)
	}
	c.Expect("done")
}

func createOnSmallFilesystem(c *testproc.Child) {
	dir := c.Args[0]
	err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err == nil {
		err = unix.Mount("none", dir, "tmpfs", 0, "size=1m")
	}
	if err != nil {
		c.Say("no mount here: %v", err)
		return
	}
	c.Say("mounted")
	err = shmq.Create(dir+"/q", nil) // some 4 MB
	if !errors.Is(err, unix.ENOSPC) {
		c.Fail("got %v", err)
	}
	for _, part := range []string{"4481024 bytes", "has 1048576 left", "fewer or smaller slots"} {
		if !contains(err, part) {
			c.Fail("%v: does not say %q", err, part)
		}
	}
	files, err := os.ReadDir(dir)
	c.Check(err)
	if len(files) != 0 {
		c.Fail("left %v", files)
	}
	// What failed took nothing: a queue of nearly all there is fits.
	c.Check(shmq.Create(dir+"/q", &shmq.Options{Slots: 512, SlotSize: 1800}))
	a, err := shmq.Attach(dir+"/q", shmq.Producer, &shmq.AttachOptions{NoCreate: true})
	c.Check(err)
	c.Check(a.Detach())
	if _, err := shmq.Attach(dir+"/r", shmq.Producer, nil); !errors.Is(err, unix.ENOSPC) {
		c.Fail("attach to a queue that can't be made: %v", err)
	}
	if _, err := shmq.Stat(dir + "/r"); !errors.Is(err, fs.ErrNotExist) {
		c.Fail("left r: %v", err)
	}
	c.Say("done")
}
