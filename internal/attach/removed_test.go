//go:build linux

package attach_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testdisk"
	"github.com/shmq/shmq/internal/testproc"
)

// removals are the ways in which a name stops to mean a queue.
var removals = map[string]func(t *testing.T, q, path string){
	"forced":   func(t *testing.T, q, _ string) { require.NoError(t, shmq.ForceRemove(q)) },
	"unlinked": func(t *testing.T, _, path string) { require.NoError(t, os.Remove(path)) },
	"moved": func(t *testing.T, _, path string) {
		to := path + "-moved"
		t.Cleanup(func() { _ = os.Remove(to) })
		require.NoError(t, os.Rename(path, to))
	},
	"replaced": func(t *testing.T, _, path string) {
		other := testagent.Queue(t, nil)
		from, err := shmq.Path(other)
		require.NoError(t, err)
		require.NoError(t, os.Rename(from, path))
	},
}

// eachRemoval runs a scenario in all modes, with each of the removals in one mode at
// least; with SHMQ_LONG=1 in all.
func eachRemoval(t *testing.T, f func(t *testing.T, q string, remove func())) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		o.Slots, o.SlotSize, o.Seats = 512, 256, 8
		for _, how := range someInShort(t, o, removals) {
			remove := removals[how]
			t.Run(how, func(t *testing.T) {
				t.Parallel()
				q := testagent.Queue(t, &o)
				path, err := shmq.Path(q)
				require.NoError(t, err)
				f(t, q, func() { remove(t, q, path) })
			})
		}
	})
}

func saysRemoved(t *testing.T, a *testagent.Agent) {
	t.Helper()
	require.True(t, strings.HasPrefix(a.Expect("err"), "removed"))
}

func TestBlockedOnARemovedQueue(t *testing.T) {
	t.Parallel()
	eachRemoval(t, func(t *testing.T, q string, remove func()) {
		p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
		c.Say("lease 1")
		asleep(t, q, func(i *shmq.Info) bool { return i.ConsumersAsleep })
		remove()
		saysRemoved(t, c)
		c.Do("close")
		require.True(t, strings.HasPrefix(p.Fails("send a"), "removed"), "the first call after a pause")
		p.Do("close")
	})
}

// A producer that waits for room ends; a consumer gets what is in the queue first, and
// what it has leased it can acknowledge.
func TestWhatIsInARemovedQueueIsReceived(t *testing.T) {
	t.Parallel()
	eachRemoval(t, func(t *testing.T, q string, remove func()) {
		p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
		p.Say("pump %d", inAreas)
		asleep(t, q, func(i *shmq.Info) bool { return i.ProducersAsleep })
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		got := len(c.Lease(1))
		remove()
		saysRemoved(t, p)
		testproc.Until(t, func() bool { // all, and then the end
			c.Say("try-lease")
			line := c.Line()
			if strings.HasPrefix(line, "ok") {
				got++
			} else if !strings.HasPrefix(line, "err empty") {
				require.True(t, strings.HasPrefix(line, "err removed"), line)
				return true
			}
			return false
		})
		require.GreaterOrEqual(t, got, info.Records)
		c.Do("ack 0")
		c.Do("ack 1")
		c.Do("close")
		p.Do("close")
	})
}

// Neither ever waits for long: they learn it while they are at work.
func TestBusyPairOfARemovedQueue(t *testing.T) {
	t.Parallel()
	eachRemoval(t, func(t *testing.T, q string, remove func()) {
		p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
		p.Say("pump 10")
		c.Say("sink")
		asleep(t, q, func(i *shmq.Info) bool { return i.Tail > 2*uint64(i.Slots) })
		remove()
		saysRemoved(t, p)
		saysRemoved(t, c)
		p.Do("close")
		c.Do("close")
	})
}

// What is committed to a removed queue is not sent, and holds up nobody.
func TestReservationInARemovedQueue(t *testing.T) {
	t.Parallel()
	eachRemoval(t, func(t *testing.T, q string, remove func()) {
		p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
		p.Sends("a")
		p.Do("reserve 10")
		remove()
		testproc.Until(t, func() bool {
			p.Say("commit 10")
			if line := p.Line(); !strings.HasPrefix(line, "ok") { // committed before it could know
				require.True(t, strings.HasPrefix(line, "err removed"), line)
				return true
			}
			p.Say("reserve 10")
			return strings.HasPrefix(p.Line(), "err removed")
		})
		p.Do("close")
		require.Equal(t, testagent.Fresh("a"), c.Lease(1))
	})
}

func TestFinishOfARemovedQueue(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, nil)
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	p.Sends("a")
	require.NoError(t, shmq.ForceRemove(q))
	require.True(t, strings.HasPrefix(p.Fails("finish"), "removed"))
	require.Equal(t, testagent.Fresh("a"), c.Lease(1))
}

// The end of the stream comes first where it was marked before.
func TestEndOfStreamOfARemovedQueue(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, nil)
	p, c := testagent.Producer(t, q), testagent.New(t)
	c.Do("consumer-until-eof %s", q)
	p.Sends("a")
	p.Do("finish")
	require.NoError(t, shmq.ForceRemove(q))
	require.Equal(t, testagent.Fresh("a"), c.Lease(1))
	require.True(t, strings.HasPrefix(c.Fails("lease 1"), "eof"))
}

// A directory that can't be entered any more says nothing about the queue.
func TestNameThatCannotBeAskedForIsNotGone(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Skip("root may enter every directory")
	}
	dir := t.TempDir()
	require.NoError(t, shmq.Create(dir+"/q", nil))
	w, err := shmq.Watch(dir + "/q")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0))
	defer os.Chmod(dir, 0o700)
	require.False(t, w.Removed())
	require.NoError(t, w.Close())
}

// Removers and makers of the same name, all at once: a removal that succeeds has removed
// a queue that existed, and the last one made stays.
func TestRemoversAndMakersOfOneName(t *testing.T) {
	t.Parallel()
	q := testagent.Name(t)
	stop := time.Now().Add(300 * time.Millisecond)
	made, removed := make(chan int), make(chan int)
	for range 2 {
		go func() {
			n := 0
			for time.Now().Before(stop) {
				if shmq.Create(q, &testagent.Single) == nil {
					n++
				}
			}
			made <- n
		}()
		go func() {
			n := 0
			for time.Now().Before(stop) {
				if shmq.ForceRemove(q) == nil {
					n++
				}
			}
			removed <- n
		}()
	}
	left := <-made + <-made - <-removed - <-removed
	_, err := shmq.Stat(q)
	if left == 0 {
		require.ErrorIs(t, err, os.ErrNotExist)
	} else {
		require.NoError(t, err)
		require.Equal(t, 1, left)
	}
}

// A file that was cut below its header can be removed as long as it starts as a queue
// does; anything else is left alone.
func TestForcedRemoveOfACutFile(t *testing.T) {
	t.Parallel()
	for size, is := range map[int64]error{0: shmq.ErrNotQueue, 4: shmq.ErrNotQueue, 8: nil, 100: nil, 5000: nil} {
		q := testagent.Queue(t, nil)
		path, err := shmq.Path(q)
		require.NoError(t, err)
		require.NoError(t, os.Truncate(path, size))
		require.Error(t, shmq.Remove(q))
		err = shmq.ForceRemove(q)
		_, gone := os.Stat(path)
		if is == nil {
			require.NoError(t, err)
			require.ErrorIs(t, gone, os.ErrNotExist)
		} else {
			require.ErrorIs(t, err, is)
			require.NoError(t, gone)
			require.NoError(t, os.Remove(path))
		}
	}
}

// Where the file itself is mounted, its path goes on naming it when it is unlinked.
func TestUnlinkedFileThatIsMountedElsewhere(t *testing.T) {
	t.Parallel()
	testdisk.InMountNamespace(t, "mounted-file")
}

func mountedFile(c *testproc.Child) {
	dir, ok := testdisk.MountSmall(c, "2m")
	if !ok {
		return
	}
	c.Check(shmq.Create(dir+"/q", &testagent.Single))
	c.Check(os.WriteFile(dir+"/here", nil, 0o600))
	c.Check(unix.Mount(dir+"/q", dir+"/here", "", unix.MS_BIND, ""))
	w, err := shmq.Watch(dir + "/here")
	c.Check(err)
	if w.Removed() {
		c.Fail("it is still there")
	}
	c.Check(os.Remove(dir + "/q"))
	if !w.Removed() {
		c.Fail("it has no name any more")
	}
	c.Check(w.Close())
	c.Say("done")
}
