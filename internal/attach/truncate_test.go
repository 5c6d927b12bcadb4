//go:build linux

package attach_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
)

// inAreas is a payload that does not fit into a slot line, so it lies in the data areas.
const inAreas = 100

// cuts are lengths of a queue's file that take more and less of it away.
func cuts(t *testing.T, queue string) map[string]int64 {
	info, err := shmq.Stat(queue)
	require.NoError(t, err)
	g := layout.Geometry{Seats: info.Seats, Slots: uint64(info.Slots), AreaSize: uint64(info.SlotSize)}
	return map[string]int64{
		"nothing left":           0,
		"header left":            layout.HeaderSize,
		"half of the slots left": int64(g.SlotOffset()+g.DataOffset()) / 2,
		"half of the data left":  int64(g.DataOffset()+g.TotalSize()) / 2,
	}
}

// someInShort returns the names of all variants with SHMQ_LONG=1, else of one, another in
// each of the four modes.
func someInShort[V any](t *testing.T, o shmq.Options, variants map[string]V) []string {
	names := slices.Sorted(maps.Keys(variants))
	if testproc.Long() {
		return names
	}
	mode := slices.IndexFunc(testagent.Modes(), func(m shmq.Options) bool {
		return m.Producers == o.Producers && m.Consumers == o.Consumers
	})
	i := (mode + strings.IndexByte(t.Name(), '/')) % len(names)
	return names[i : i+1]
}

// eachCut runs a scenario in all modes with a queue that it gets to cut, in each of the
// ways in one mode at least; with SHMQ_LONG=1 in all.
func eachCut(t *testing.T, f func(t *testing.T, queue string, cut func())) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		o.Slots, o.SlotSize, o.Seats = 512, 256, 8
		sample := testagent.Queue(t, &o)
		sizes := cuts(t, sample)
		for _, what := range someInShort(t, o, sizes) {
			size := sizes[what]
			t.Run(what, func(t *testing.T) {
				q := testagent.Queue(t, &o)
				path, err := shmq.Path(q)
				require.NoError(t, err)
				t.Cleanup(func() { _ = os.Remove(path) }) // without its magic it is no queue
				f(t, q, func() { require.NoError(t, os.Truncate(path, size)) })
			})
		}
	})
}

// isLost has an agent find out that its queue is cut, at once and by each call, and
// leave: nothing of the queue is left in its process, and no lock.
func isLost(t *testing.T, a *testagent.Agent, queue string, calls ...string) {
	t.Helper()
	for _, call := range calls {
		require.True(t, strings.HasPrefix(a.Fails("%s", call), "truncated"), call)
	}
	a.Say("close")
	a.Line() // ok, or the error if no call had told it
	path, err := shmq.Path(queue)
	require.NoError(t, err)
	mapped, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", a.PID()))
	require.NoError(t, err)
	require.NotContains(t, string(mapped), path)
	dir := fmt.Sprintf("/proc/%d/fd", a.PID())
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, fd := range files {
		to, _ := os.Readlink(dir + "/" + fd.Name())
		require.NotContains(t, to, path)
	}
}

// locksAreFree looks for locks on a file that may be no queue any more.
func locksAreFree(t *testing.T, queue string) {
	t.Helper()
	path, err := shmq.Path(queue)
	require.NoError(t, err)
	f, err := sys.Open(path, true, false)
	require.NoError(t, err)
	defer f.Close()
	for _, b := range []int64{layout.LockProducer, layout.LockConsumer, layout.LockName, layout.SeatOffset, layout.SeatOffset + layout.SeatSize} {
		held, err := f.Locked(b)
		require.NoError(t, err)
		require.False(t, held, "byte %d", b)
	}
}

func asleep(t *testing.T, queue string, sleeps func(*shmq.Info) bool) {
	t.Helper()
	testproc.Until(t, func() bool {
		info, err := shmq.Stat(queue)
		require.NoError(t, err)
		return sleeps(info)
	})
}

func TestBlockedReceiverOfACutQueue(t *testing.T) {
	t.Parallel()
	eachCut(t, func(t *testing.T, q string, cut func()) {
		c := testagent.Consumer(t, q)
		c.Say("lease 1")
		asleep(t, q, func(i *shmq.Info) bool { return i.ConsumersAsleep })
		cut()
		require.True(t, strings.HasPrefix(c.Expect("err"), "truncated"))
		isLost(t, c, q, "lease 1", "try-lease", "lease 2")
		locksAreFree(t, q)
	})
}

func TestBlockedSenderToACutQueue(t *testing.T) {
	t.Parallel()
	eachCut(t, func(t *testing.T, q string, cut func()) {
		p := testagent.Producer(t, q)
		p.Say("pump %d", inAreas)
		asleep(t, q, func(i *shmq.Info) bool { return i.ProducersAsleep })
		cut()
		require.True(t, strings.HasPrefix(p.Expect("err"), "truncated"))
		isLost(t, p, q, "send a", "try-send a", "reserve 10", "commit 10")
		locksAreFree(t, q)
	})
}

func TestBusyPairOfACutQueue(t *testing.T) {
	t.Parallel()
	eachCut(t, func(t *testing.T, q string, cut func()) {
		p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
		p.Say("pump %d", inAreas)
		c.Say("sink")
		asleep(t, q, func(i *shmq.Info) bool { return i.Tail > 2*uint64(i.Slots) })
		cut()
		for _, a := range []*testagent.Agent{p, c} {
			require.True(t, strings.HasPrefix(a.Expect("err"), "truncated"))
		}
		isLost(t, p, q, "send a")
		isLost(t, c, q, "sink")
		locksAreFree(t, q)
	})
}

// Leases and reservations are memory that the program itself touches.
func TestHolderInACutQueue(t *testing.T) {
	t.Parallel()
	eachCut(t, func(t *testing.T, q string, cut func()) {
		p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
		for range 300 {
			p.Do("send y*%d", inAreas)
		}
		for range 300 {
			c.Lease(1) // more than half of the data
		}
		p.Do("reserve %d", inAreas)
		cut()
		require.True(t, strings.HasPrefix(c.Fails("touch"), "truncated"))
		for _, settle := range []string{"ack 0", "release 1"} {
			c.Say("%s", settle)
			reply := c.Line() // where such a call returns an error, that
			require.True(t, strings.HasPrefix(reply, "ok") || strings.HasPrefix(reply, "err truncated"), reply)
		}
		isLost(t, c, q, "touch", "try-lease")
		// With a reservation open nothing else can be sent anyway.
		testproc.Until(t, func() bool { return strings.HasPrefix(p.Fails("send a"), "truncated") })
		isLost(t, p, q, "commit 10")
		locksAreFree(t, q)
	})
}

// A participant that touches nothing that was lost learns it all the same.
func TestCutBehindWhatIsTouched(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, &o)
		path, err := shmq.Path(q)
		require.NoError(t, err)
		p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
		w, err := shmq.Watch(q)
		require.NoError(t, err)
		v, err := shmq.View(q)
		require.NoError(t, err)
		p.Say("pump 10")
		c.Say("sink")
		asleep(t, q, func(i *shmq.Info) bool { return i.Tail > 10 })
		require.NoError(t, os.Truncate(path, int64(layout.HeaderSize)+mustSize(t, q)/2))
		for _, a := range []*testagent.Agent{p, c} {
			require.True(t, strings.HasPrefix(a.Expect("err"), "truncated"))
		}
		_, err = w.Glance()
		require.ErrorIs(t, err, shmq.ErrTruncated)
		require.NoError(t, w.Close())
		v.Rewind()
		for err = nil; err == nil; {
			err = v.Next(&shmq.Record{})
		}
		require.ErrorIs(t, err, shmq.ErrTruncated)
		require.NoError(t, v.Close())
	})
}

func mustSize(t *testing.T, q string) int64 {
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	return info.Size
}
