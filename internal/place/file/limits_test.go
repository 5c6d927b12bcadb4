package file_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testdisk"
	"github.com/shmq/shmq/internal/testproc"
)

// A filesystem that has room, but no file left to give.
func TestCreateWithoutInodes(t *testing.T) {
	t.Parallel()
	testdisk.InMountNamespace(t, "create-without-inodes")
}

func createWithoutInodes(c *testproc.Child) {
	dir := c.Args[0]
	if !testdisk.Mount(c, "none", dir, "tmpfs", 0, "size=64m,nr_inodes=8") {
		return
	}
	c.Say("mounted")
	for n := 0; ; n++ {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint("filler", n)))
		if errors.Is(err, unix.ENOSPC) {
			break
		}
		c.Check(err)
		c.Check(f.Close())
	}
	refuses(c, shmq.Create(dir+"/q", nil), dir, "no file left", "shmq gc")
	c.Check(os.Remove(dir + "/filler0"))
	c.Check(shmq.Create(dir+"/q", nil))
	c.Say("done")
}

// A quota of files, and one of bytes. Quotas of tmpfs came with Linux 6.6.
func TestCreateOverAQuota(t *testing.T) {
	t.Parallel()
	testdisk.InMountNamespace(t, "create-over-quota")
}

func createOverTmpfsQuota(c *testproc.Child) {
	dir := c.Args[0]
	// Quotas do not bind a user with CAP_SYS_RESOURCE.
	if !testdisk.Mount(c, "none", dir, "tmpfs", 0, "size=64m,usrquota,usrquota_block_hardlimit=1m,usrquota_inode_hardlimit=4") {
		return
	}
	c.Check(os.Chmod(dir, 0o777))
	if err := unix.Setresuid(4711, 4711, 4711); err != nil {
		c.Say("no other user here: %v", err)
		return
	}
	c.Say("mounted")
	refuses(c, shmq.Create(dir+"/q", nil), dir, "quota") // some 4 MB
	small := &shmq.Options{Slots: 16, SlotSize: 64}
	for n := range 8 {
		err := shmq.Create(fmt.Sprintf("%s/q%d", dir, n), small)
		if err != nil {
			refuses(c, err, dir, "quota")
			c.Say("done")
			return
		}
	}
	c.Fail("no quota of files")
}

// refuses checks the error of a place that can't hold a queue.
func refuses(c *testproc.Child, err error, dir string, parts ...string) {
	if !errors.Is(err, shmq.ErrNoSpace) || errors.Is(err, fs.ErrNotExist) {
		c.Fail("got %v", err)
	}
	for _, part := range append(parts, dir) {
		if !testproc.Says(err, part) {
			c.Fail("%v: does not say %q", err, part)
		}
	}
}
