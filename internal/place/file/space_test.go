package file_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testdisk"
	"github.com/shmq/shmq/internal/testproc"
)

// A full filesystem is an error when the queue is made, not a fault when it is used.
// The filesystem is mounted in a mount namespace of the child's own.
func TestCreateOnFullFilesystem(t *testing.T) {
	t.Parallel()
	testdisk.InMountNamespace(t, "create-small")
}

func createOnSmallFilesystem(c *testproc.Child) {
	dir, ok := testdisk.MountSmall(c, "1m")
	if !ok {
		return
	}
	err := shmq.Create(dir+"/q", nil) // some 4 MB
	if !errors.Is(err, unix.ENOSPC) || !errors.Is(err, shmq.ErrNoSpace) {
		c.Fail("got %v", err)
	}
	for _, part := range []string{"4497408 bytes", "has 1048576 left", "fewer or smaller slots", "--shm-size"} {
		if !testproc.Says(err, part) {
			c.Fail("%v: does not say %q", err, part)
		}
	}
	files, err := os.ReadDir(dir)
	c.Check(err)
	if len(files) != 0 {
		c.Fail("left %v", files)
	}
	// The failed attempts took nothing: a queue of nearly all there is fits.
	c.Check(shmq.Create(dir+"/q", &shmq.Options{Slots: 512, SlotSize: 1800}))
	a, err := attach.To(dir+"/q", shmq.Producer, &attach.Options{NoCreate: true})
	c.Check(err)
	c.Check(a.Detach())
	if _, err := attach.To(dir+"/r", shmq.Producer, nil); !errors.Is(err, unix.ENOSPC) {
		c.Fail("attach to a queue that can't be made: %v", err)
	}
	if _, err := shmq.Stat(dir + "/r"); !errors.Is(err, fs.ErrNotExist) {
		c.Fail("left r: %v", err)
	}
	c.Say("done")
}

// Two that start at once, where there is room for the queue of one of them: one makes it,
// and the other, which found no room, joins it.
func TestAttachTogetherWhereOneQueueFits(t *testing.T) {
	t.Parallel()
	testdisk.InMountNamespace(t, "attach-small")
}

func attachOnSmallFilesystem(c *testproc.Child) {
	dir := c.Args[0]
	if !testdisk.Mount(c, "none", dir, "tmpfs", 0, "size=8m") {
		return
	}
	c.Say("mounted")
	for range 20 {
		ended := make(chan error)
		for _, role := range []shmq.Role{shmq.Producer, shmq.Consumer} {
			go func() {
				a, err := attach.To(dir+"/q", role, nil) // some 4 MB
				if err == nil {
					err = a.Detach()
				}
				ended <- err
			}()
		}
		c.Check(errors.Join(<-ended, <-ended))
		c.Check(shmq.Remove(dir + "/q"))
	}
	c.Say("done")
}
