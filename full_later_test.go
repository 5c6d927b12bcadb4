package shmq_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

// onSmallFilesystem starts a child in a mount namespace of its own, as root of a user
// namespace where the test is not root.
func onSmallFilesystem(t *testing.T, role string) *testproc.Proc {
	t.Helper()
	attr := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	if os.Getuid() != 0 {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	probe := exec.Command("/proc/self/exe", "-test.run=^$")
	probe.SysProcAttr = attr
	probe.Env = append(os.Environ(), "GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0")
	if err := probe.Run(); err != nil {
		t.Skipf("no mount namespace to be had here: %v", err)
	}
	c := testproc.StartAs(t, attr, role, t.TempDir())
	if line := c.Line(); line != "mounted" {
		t.Skip(line)
	}
	return c
}

// mountSmall mounts a filesystem of 2 MiB on the directory.
func mountSmall(c *testproc.Child) (dir string, ok bool) {
	dir = c.Args[0]
	err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err == nil {
		err = unix.Mount("none", dir, "tmpfs", 0, "size=2m")
	}
	if err != nil {
		c.Say("no mount here: %v", err)
		return dir, false
	}
	c.Say("mounted")
	return dir, true
}

// fillUp leaves no room in the directory's filesystem.
func fillUp(c *testproc.Child, dir string) {
	f, err := os.Create(dir + "/ballast")
	c.Check(err)
	for _, n := range []int{64 << 10, 1} {
		for b := make([]byte, n); err == nil; {
			_, err = f.Write(b)
		}
		if !errors.Is(err, unix.ENOSPC) {
			c.Fail("filling up: %v", err)
		}
		err = nil
	}
	c.Check(f.Close())
}

// The storage of a queue is its own from the start.
func TestFilesystemThatFillsUpLater(t *testing.T) {
	t.Parallel()
	onSmallFilesystem(t, "full-later").Expect("done")
}

func fullLater(c *testproc.Child) {
	dir, ok := mountSmall(c)
	if !ok {
		return
	}
	q := dir + "/q"
	c.Check(shmq.Create(q, &shmq.Options{Slots: 256, SlotSize: 1024}))
	p, err := producer.OpenRaw(q, nil)
	c.Check(err)
	in, err := consumer.OpenRaw(q, nil)
	c.Check(err)
	fillUp(c, dir)
	next, got := 0, 0
	for got < 20*256 { // laps
		for {
			err := p.TrySend(lapRecord(next))
			if errors.Is(err, shmq.ErrFull) {
				break
			}
			c.Check(err)
			next++
		}
		for ; got < next; got++ {
			b, err := in.TryReceive(nil)
			c.Check(err)
			if !bytes.Equal(b, lapRecord(got)) {
				c.Fail("record %d is %q", got, b)
			}
		}
	}
	another, err := shmq.Attach(q, shmq.Consumer, &shmq.AttachOptions{Prefault: true})
	c.Check(err)
	c.Check(another.Detach())
	if err := shmq.Create(dir+"/r", nil); !errors.Is(err, shmq.ErrNoSpace) {
		c.Fail("create on a full filesystem: %v", err)
	}
	files, err := os.ReadDir(dir)
	c.Check(err)
	if len(files) != 2 {
		c.Fail("left %v", files)
	}
	c.Check(in.Close())
	c.Check(p.Close())
	c.Say("done")
}

// lapRecord is a record of one to four slots that tells its number.
func lapRecord(i int) []byte {
	return bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 1+(i*7919)%2000)
}

// Somebody who takes the storage away again, here by punching a hole, makes a fault
// that is none of a file that was cut.
func TestPageThatCannotBeHad(t *testing.T) {
	t.Parallel()
	onSmallFilesystem(t, "no-page").Expect("done")
}

func noPage(c *testproc.Child) {
	dir, ok := mountSmall(c)
	if !ok {
		return
	}
	q := dir + "/q"
	c.Check(shmq.Create(q, &shmq.Options{Slots: 256, SlotSize: 1024, Producers: shmq.One}))
	p, err := producer.OpenRaw(q, nil)
	c.Check(err)
	in, err := consumer.OpenRaw(q, nil)
	c.Check(err)
	f, err := os.OpenFile(q, os.O_RDWR, 0)
	c.Check(err)
	size, err := f.Seek(0, 2)
	c.Check(err)
	c.Check(p.TrySend([]byte("small ones lie in the slots")))
	c.Check(unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, size/2, size/2))
	fillUp(c, dir)
	for err = nil; err == nil; {
		err = p.TrySend(bytes.Repeat([]byte("x"), 1000))
	}
	if !errors.Is(err, shmq.ErrNoSpace) || errors.Is(err, shmq.ErrDamaged) || !strings.Contains(err.Error(), "page") {
		c.Fail("got %v", err)
	}
	if again := p.TrySend(nil); again == nil || again.Error() != err.Error() {
		c.Fail("then %v", again)
	}
	b, err := in.TryReceive(nil)
	if err != nil || string(b) != "small ones lie in the slots" {
		c.Fail("the others go on: %q, %v", b, err)
	}
	c.Check(p.Close())
	next, err := producer.OpenRaw(q, nil) // the role is free
	c.Check(err)
	c.Check(next.Close())
	c.Check(in.Close())
	c.Say("done")
}
