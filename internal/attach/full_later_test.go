package attach_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testdisk"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

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
	testdisk.InMountNamespace(t, "full-later")
}

func fullLater(c *testproc.Child) {
	dir, ok := testdisk.MountSmall(c, "2m")
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
	another, err := attach.To(q, shmq.Consumer, &attach.Options{Prefault: true})
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
	testdisk.InMountNamespace(t, "no-page")
}

func noPage(c *testproc.Child) {
	dir, ok := testdisk.MountSmall(c, "2m")
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
