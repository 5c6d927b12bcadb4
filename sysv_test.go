//go:build linux

package shmq_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/producer"
)

// freeKey returns a key that no segment has. At the end of the test none may have it
// again, and no side file may be there.
func freeKey(t *testing.T) uint32 {
	t.Helper()
	for {
		key := 1 + rand.Uint32N(1<<31)
		if _, err := sys.FindSegment(key); !errors.Is(err, fs.ErrNotExist) {
			if errors.Is(err, unix.ENOSYS) || errors.Is(err, fs.ErrPermission) {
				t.Skip("no System V segments here: ", err)
			}
			continue
		}
		t.Cleanup(func() {
			_ = shmq.ForceRemove(keyName(key))
			if id, err := sys.FindSegment(key); err == nil {
				_ = sys.RemoveSegment(id)
				t.Errorf("segment %d was left behind", id)
			}
			_, err := os.Stat(sidePath(t, keyName(key)))
			require.ErrorIs(t, err, fs.ErrNotExist)
		})
		return key
	}
}

// longer is how often to try something, and how often if SHMQ_LONG=1.
func longer(rounds, long int) int {
	if os.Getenv("SHMQ_LONG") == "1" {
		return long
	}
	return rounds
}

func keyName(key uint32) string { return fmt.Sprintf("sysv:%#x", key) }

func sidePath(t *testing.T, name string) string {
	t.Helper()
	path, err := shmq.Path(name)
	require.NoError(t, err)
	return path
}

// segmentName returns the name of a queue that may be made.
func segmentName(t *testing.T) string { return keyName(freeKey(t)) }

// segmentQueue makes a queue in a segment of its own.
func segmentQueue(t *testing.T, o *shmq.Options) (name string, key uint32) {
	t.Helper()
	key = freeKey(t)
	require.NoError(t, shmq.Create(keyName(key), o))
	return keyName(key), key
}

// foreign makes a segment as another program would. It is removed at the end.
func foreign(t *testing.T, key uint32, size int64, mode fs.FileMode) int {
	t.Helper()
	id, err := sys.MakeSegment(key, size, mode, false)
	require.NoError(t, err)
	t.Cleanup(func() { _ = sys.RemoveSegment(id) })
	return id
}

// inSegment lets f work on the bytes of a segment.
func inSegment(t *testing.T, id int, f func(b []byte)) {
	t.Helper()
	s, err := sys.StatSegment(id)
	require.NoError(t, err)
	b, err := s.Map(int(s.Size), true)
	require.NoError(t, err)
	f(b)
	require.NoError(t, sys.Unmap(b))
}

func requireZero(t *testing.T, id int) {
	t.Helper()
	inSegment(t, id, func(b []byte) {
		for i := range b {
			if b[i] != 0 {
				t.Fatalf("byte %d is %#x", i, b[i])
			}
		}
	})
}

func attachments(t *testing.T, id int) int {
	t.Helper()
	s, err := sys.StatSegment(id)
	require.NoError(t, err)
	return s.Attached
}

func segmentOf(t *testing.T, key uint32) sys.Segment {
	t.Helper()
	id, err := sys.FindSegment(key)
	require.NoError(t, err)
	s, err := sys.StatSegment(id)
	require.NoError(t, err)
	return s
}

func TestSegmentNames(t *testing.T) {
	t.Setenv("SHMQ_DIR", "/q")
	for name, want := range map[string]string{
		"sysv:1": "sysv:0x1", "sysv:21320": "sysv:0x5348", "sysv:0x5348": "sysv:0x5348", "sysv:0X00ABcd": "sysv:0xabcd",
		"sysv:010": "sysv:0xa", "sysv:4294967295": "sysv:0xffffffff", "sysv:id:2147483647": "sysv:id:2147483647",
		"sysv:id:02147483646": "sysv:id:2147483646",
	} {
		path, err := shmq.Path(name)
		require.NoError(t, err, name)
		require.Equal(t, "/q/shmq."+want, path)
	}
	for _, name := range []string{
		"sysv:", "sysv:0", "sysv:0x0", "sysv:-1", "sysv:+1", "sysv:4294967296", "sysv:x", "sysv:0x", "sysv:1_0", "sysv:0b1", "sysv: 1",
		"sysv:id:", "sysv:id:-1", "sysv:id:0x1", "sysv:id:2147483648", "sysv:ID:1",
	} {
		_, err := shmq.Path(name)
		require.ErrorIs(t, err, shmq.ErrName, name)
		_, err = shmq.Stat(name)
		require.ErrorIs(t, err, shmq.ErrName, name)
		require.ErrorIs(t, shmq.Create(name, nil), shmq.ErrName, name)
	}
	path, err := shmq.Path("./sysv:1")
	require.NoError(t, err)
	require.Equal(t, "sysv:1", path, "a path is a file whatever it is called")
}

// The whole life of a queue: with processes, deaths, recovery, and nothing left.
func TestQueueInASegment(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		o.Slots, o.SlotSize, o.Mode = 16, 64, 0o640
		q, key := segmentQueue(t, &o)
		p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
		p.Sends("a", "b", "x*400")
		require.Equal(t, testagent.Fresh("a"), c.Lease(1))
		c.Do("ack 0")
		require.Equal(t, testagent.Fresh("b"), c.Lease(1))

		info, err := shmq.Stat(q)
		require.NoError(t, err)
		require.Equal(t, []any{"0640", os.Getuid(), sidePath(t, q)}, []any{info.Mode, info.UID, info.Path})
		require.Len(t, info.Participants, 2)
		require.Equal(t, segmentOf(t, key).Size, info.Size)
		side, err := os.Stat(info.Path)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o640), side.Mode())

		if o.Consumers == shmq.One {
			require.Contains(t, testagent.New(t).Fails("consumer %s", q), "role is taken")
		}
		err = shmq.Remove(q)
		require.ErrorIs(t, err, shmq.ErrInUse)
		require.ErrorContains(t, err, fmt.Sprintf("pid %d ", c.PID()))

		c.Kill()
		p.Do("reserve 10")
		p.Kill()
		heir := testagent.Consumer(t, q)
		require.Equal(t, testagent.Again(1, "b"), heir.Lease(1))
		next := testagent.Producer(t, q)
		next.Sends("c")
		rest := heir.Lease(1)
		require.Len(t, rest[0].Data, 400)
		require.Equal(t, testagent.Fresh("c"), heir.Lease(1))
		for i := range 3 {
			heir.Do("ack %d", i)
		}
		heir.Do("close")
		next.Do("close")
		testproc.Until(t, func() bool { return attachments(t, segmentOf(t, key).ID) == 0 })
		require.NoError(t, shmq.Remove(q))
		_, err = sys.FindSegment(key)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.ErrorIs(t, shmq.Remove(q), fs.ErrNotExist)
	})
}

// Sleepers in two processes wake each other through the segment.
func TestSegmentWakesSleepers(t *testing.T) {
	t.Parallel()
	q, _ := segmentQueue(t, &many)
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	for range 3 {
		c.Say("lease 1")
		testproc.Until(t, func() bool {
			info, err := shmq.Stat(q)
			require.NoError(t, err)
			return info.ConsumersAsleep
		})
		p.Sends("a")
		require.Equal(t, testagent.Fresh("a"), c.Leased())
	}
}

func TestSegmentIsDetached(t *testing.T) {
	t.Parallel()
	q, key := segmentQueue(t, &single)
	id := segmentOf(t, key).ID
	for range 3 {
		a := attach(t, q, shmq.Producer)
		require.False(t, a.Guarded(), "it can't be cut")
		require.Equal(t, 1, attachments(t, id))
		w, err := shmq.Watch(q)
		require.NoError(t, err)
		v, err := shmq.View(q)
		require.NoError(t, err)
		require.Equal(t, 3, attachments(t, id))
		require.NoError(t, w.Close())
		require.NoError(t, v.Close())
		require.NoError(t, a.Detach())
		_, err = shmq.Stat(q)
		require.NoError(t, err)
		require.Zero(t, attachments(t, id))
		c, err := shmq.Attach(q, shmq.Consumer, &shmq.AttachOptions{Prefault: true})
		require.NoError(t, err)
		_, err = shmq.Attach(q, shmq.Consumer, nil)
		require.ErrorIs(t, err, shmq.ErrRoleTaken)
		require.Equal(t, 1, attachments(t, id), "who is refused leaves nothing")
		require.NoError(t, c.Detach())
	}
	agent := testagent.Consumer(t, q)
	require.Equal(t, 1, attachments(t, id))
	agent.Kill()
	require.Zero(t, attachments(t, id))
}

func TestSegmentListAndNames(t *testing.T) {
	t.Setenv("SHMQ_DIR", t.TempDir())
	key := 1 + rand.Uint32N(1<<31)
	require.NoError(t, shmq.Create(keyName(key), nil))
	id := foreign(t, 0, 64<<10, 0o600)
	private := fmt.Sprintf("sysv:id:%d", id)
	require.NoError(t, shmq.Create(private, &shmq.Options{Slots: 4, Seats: 2}))
	names, err := shmq.Names()
	require.NoError(t, err)
	require.Equal(t, []string{keyName(key), private}, names)
	entries, err := shmq.List()
	require.NoError(t, err)
	require.Len(t, entries, 2)
	for _, e := range entries {
		require.NoError(t, e.Err)
		require.NoError(t, shmq.Remove(e.Name))
	}
	_, err = sys.FindSegment(key)
	require.ErrorIs(t, err, fs.ErrNotExist)
	requireZero(t, id)
}

// A segment is one queue, whichever of its names is used.
func TestSegmentByKeyAndByID(t *testing.T) {
	t.Parallel()
	q, key := segmentQueue(t, &single)
	byID := fmt.Sprintf("sysv:id:%d", segmentOf(t, key).ID)
	require.Equal(t, sidePath(t, q), sidePath(t, byID))
	require.ErrorIs(t, shmq.Create(byID, nil), fs.ErrExist)
	a := attach(t, byID, shmq.Producer)
	_, err := shmq.Attach(q, shmq.Producer, nil)
	require.ErrorIs(t, err, shmq.ErrRoleTaken)
	require.NoError(t, a.Detach())
	require.NoError(t, shmq.Remove(byID))
	_, err = shmq.Stat(q)
	require.ErrorIs(t, err, fs.ErrNotExist)
	err = shmq.Create(byID, nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "ipcmk")
}

func TestSegmentCreatorsInProcessesHaveOneWinner(t *testing.T) {
	t.Parallel()
	const rounds = 15
	var names []string
	for i := range rounds {
		key := freeKey(t)
		names = append(names, keyName(key))
		if i%3 == 0 {
			foreign(t, key, 1<<20, 0o600)
		}
	}
	var children []*testproc.Proc
	for range 3 {
		children = append(children, testproc.Start(t, "create", names...))
	}
	for _, c := range children {
		c.Expect("ready")
	}
	for i, name := range names {
		for _, c := range children {
			c.Say("go")
		}
		wins := 0
		for _, c := range children {
			if c.Expect("won") == "true" {
				wins++
			}
		}
		require.Equal(t, 1, wins, "round %d", i)
		_, err := shmq.Stat(name)
		require.NoError(t, err)
		require.NoError(t, shmq.Remove(name))
	}
	for _, name := range names[:1] { // foreign ones stay
		err := shmq.Create(name, &shmq.Options{Slots: 16})
		require.NoError(t, err)
		require.NoError(t, shmq.Remove(name))
	}
}

// Who looks by name while others create and remove sees a whole queue or none.
func TestSegmentQueueIsSeenWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	for _, adopted := range []bool{false, true} {
		key := freeKey(t)
		if adopted {
			foreign(t, key, 1<<20, 0o600)
		}
		name := keyName(key)
		done := make(chan struct{})
		var wg sync.WaitGroup
		var seen atomic.Int32
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				info, err := shmq.Stat(name)
				if err == nil && info.Slots == 64 && info.Records == 0 {
					seen.Add(1)
				} else if !errors.Is(err, fs.ErrNotExist) || contains(err, "unfinished") {
					t.Errorf("a queue in the making was seen: %v, %v", info, err)
					return
				}
			}
		})
		for range longer(60, 2000) {
			require.NoError(t, shmq.Create(name, &shmq.Options{Slots: 64, SlotSize: 64}))
			require.NoError(t, shmq.Remove(name))
		}
		close(done)
		wg.Wait()
		t.Logf("seen %d times", seen.Load())
	}
}

func TestSegmentAttachAndRemoveRace(t *testing.T) {
	t.Parallel()
	for i, o := range testagent.Modes() {
		key := freeKey(t)
		if i%2 == 1 {
			foreign(t, key, 1<<20, 0o600)
		}
		raceAttachAndRemove(t, keyName(key), o, longer(60, 1000))
	}
}

// ipcrm takes a segment from its key, not from those who have it.
func TestSegmentRemovedUnderItsParticipants(t *testing.T) {
	t.Parallel()
	q, key := segmentQueue(t, &many)
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	mine := attach(t, q, shmq.Consumer)
	w, err := shmq.Watch(q)
	require.NoError(t, err)
	p.Sends("a", "b")
	id := segmentOf(t, key).ID
	require.False(t, w.Removed())
	require.NoError(t, sys.RemoveSegment(id))
	require.True(t, w.Removed())
	info, err := w.Stat()
	require.NoError(t, err)
	require.Len(t, info.Participants, 3)
	require.NoError(t, w.Close())

	require.Equal(t, testagent.Fresh("a"), c.Lease(1), "what is there is delivered")
	require.Equal(t, testagent.Fresh("b"), c.Lease(1))
	testproc.Until(t, func() bool { // producers see it within a heartbeat
		p.Say("send c")
		return strings.HasPrefix(p.Line(), "err removed ")
	})
	gone := func(err error) {
		t.Helper()
		require.ErrorIs(t, err, shmq.ErrRemoved)
		require.ErrorContains(t, err, "shmq rm "+q)
		require.ErrorContains(t, err, "ipcrm")
	}
	_, err = shmq.Attach(q, shmq.Producer, nil)
	gone(err)
	_, err = shmq.Stat(q)
	gone(err)
	gone(shmq.Create(q, nil))
	require.ErrorIs(t, shmq.Remove(q), shmq.ErrInUse)
	// Another one of the same key is another's.
	other := foreign(t, key, 4096, 0o600)
	_, err = shmq.Attach(q, shmq.Producer, nil)
	gone(err)

	p.Do("close")
	c.Kill()
	require.ErrorIs(t, shmq.Remove(q), shmq.ErrInUse)
	require.NoError(t, mine.Detach())
	require.NoError(t, shmq.Remove(q))
	_, err = sys.StatSegment(id)
	require.ErrorIs(t, err, fs.ErrNotExist, "it went with the last of them")
	require.Zero(t, attachments(t, other), "that one stays")
	require.NoError(t, sys.RemoveSegment(other))
	require.NoError(t, shmq.Create(q, nil))
}

func TestSegmentForcedRemoveLeavesThoseAttachedAlone(t *testing.T) {
	t.Parallel()
	q, key := segmentQueue(t, &many)
	old := segmentOf(t, key).ID
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	p.Sends("a")
	require.NoError(t, shmq.ForceRemove(q))
	require.Equal(t, testagent.Fresh("a"), c.Lease(1))
	c.Do("ack 0")
	_, err := shmq.Stat(q)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, attachNew(t, q).Detach())
	require.NotEqual(t, old, segmentOf(t, key).ID)
	p.Do("close")
	c.Kill()
	_, err = sys.StatSegment(old)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestForeignSegmentIsBorrowed(t *testing.T) {
	t.Parallel()
	key := freeKey(t)
	id := foreign(t, key, 1<<20+100, 0o600)
	q := keyName(key)
	o := &shmq.Options{Slots: 16, SlotSize: 64, Seats: 8}
	for range 3 {
		require.NoError(t, shmq.Create(q, o))
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		require.EqualValues(t, 1<<20+100, info.Size)
		p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
		for i := range 40 {
			p.Sends("x*300")
			require.Len(t, c.Lease(1)[0].Data, 300)
			c.Do("ack %d", i)
		}
		err = shmq.ForceRemove(q)
		require.ErrorIs(t, err, shmq.ErrInUse, "those attached would be mixed with the next ones")
		require.ErrorContains(t, err, "end those attached")
		p.Do("close")
		c.Kill()
		inSegment(t, id, func(b []byte) { b[1<<20+7] = 42 }) // behind the queue
		require.NoError(t, shmq.Remove(q))
		inSegment(t, id, func(b []byte) {
			require.EqualValues(t, 42, b[1<<20+7])
			b[1<<20+7] = 0
		})
		requireZero(t, id)
	}
	require.NoError(t, sys.RemoveSegment(id))
}

func TestForeignSegmentThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	o := &shmq.Options{Slots: 16, SlotSize: 64, Seats: 8}
	const total = 8192 + 4096 + 4096 + 4096 // header and hot words, seats, lines, areas
	try := func(size int64, spoil func(b []byte), is error, says string) {
		t.Helper()
		key := freeKey(t)
		id := foreign(t, key, size, 0o600)
		inSegment(t, id, func(b []byte) { spoil(b) })
		for _, err := range []error{shmq.Create(keyName(key), o), func() error {
			_, err := shmq.Attach(keyName(key), shmq.Producer, &shmq.AttachOptions{Create: *o})
			return err
		}()} {
			require.ErrorIs(t, err, is)
			require.ErrorContains(t, err, says)
			require.ErrorContains(t, err, fmt.Sprintf("segment %d (key %#x, %d bytes, made by uid %d, pid %d)", id, key, size, os.Getuid(), os.Getpid()))
			require.NotContains(t, err.Error(), "\n")
		}
		_, err := shmq.Stat(keyName(key))
		require.ErrorIs(t, err, fs.ErrNotExist, "nothing is left")
		require.Zero(t, attachments(t, id))
		inSegment(t, id, func(b []byte) {
			want := make([]byte, len(b))
			spoil(want)
			require.Equal(t, want, b, "not a byte was changed")
		})
		require.NoError(t, sys.RemoveSegment(id))
	}
	try(total-1, func([]byte) {}, shmq.ErrNoSpace, fmt.Sprintf("takes %d bytes", total))
	try(1, func([]byte) {}, shmq.ErrNoSpace, "smaller")
	for _, at := range []int{0, 127, 128, 4095, 4096, 8191, 10_000, total - 1} {
		try(total, func(b []byte) { b[at] = 7 }, shmq.ErrNotQueue, fmt.Sprintf("byte %d is not zero", at))
	}
	// A byte that lies behind the queue is nobody's business.
	key := freeKey(t)
	id := foreign(t, key, total+1, 0o600)
	inSegment(t, id, func(b []byte) { b[total] = 7 })
	require.NoError(t, shmq.Create(keyName(key), o))
	require.NoError(t, shmq.Remove(keyName(key)))
	require.NoError(t, sys.RemoveSegment(id))

	err := shmq.Create(keyName(freeKey(t)), &shmq.Options{Slots: 1 << 24, SlotSize: 1 << 30})
	require.Error(t, err)
	require.ErrorIs(t, shmq.Create(keyName(freeKey(t)), &shmq.Options{Checksum: true}), shmq.ErrOption)
}

// A segment with a queue in it, and no side file here, is somebody's.
func TestSegmentWithoutItsSideFile(t *testing.T) {
	t.Parallel()
	q, key := segmentQueue(t, &single)
	a := attach(t, q, shmq.Producer)
	side := sidePath(t, q)
	require.NoError(t, os.Rename(side, side+".away"))
	_, err := shmq.Stat(q)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = shmq.Attach(q, shmq.Producer, nil)
	require.ErrorIs(t, err, shmq.ErrInUse)
	require.ErrorContains(t, err, "SHMQ_DIR")
	require.ErrorContains(t, err, fmt.Sprintf("ipcrm -m %d", segmentOf(t, key).ID))
	require.NoError(t, os.Rename(side+".away", side))
	require.NoError(t, a.Detach())
	require.NoError(t, attach(t, q, shmq.Producer).Detach())
}

func TestSegmentHeaderOverwritten(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{true, false} {
		key := freeKey(t)
		if !own {
			foreign(t, key, 1<<20, 0o600)
		}
		q := keyName(key)
		require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 16, SlotSize: 64}))
		id := segmentOf(t, key).ID
		inSegment(t, id, func(b []byte) { b[40] ^= 1 })
		_, err := shmq.Attach(q, shmq.Producer, nil)
		require.ErrorIs(t, err, shmq.ErrDamaged)
		require.ErrorContains(t, err, "by force")
		require.ErrorIs(t, shmq.Remove(q), shmq.ErrDamaged)
		require.NoError(t, shmq.ForceRemove(q))
		_, err = sys.StatSegment(id)
		if own {
			require.ErrorIs(t, err, fs.ErrNotExist)
			continue
		}
		require.NoError(t, err, "not ours to remove")
		inSegment(t, id, func(b []byte) { require.NotZero(t, b[40], "nor to wipe, whoever wrote it") })
		require.NoError(t, sys.RemoveSegment(id))
	}
}

// Side files are anybody's text.
func TestSegmentSideFileThatIsNone(t *testing.T) {
	t.Parallel()
	q, key := segmentQueue(t, &single)
	side := sidePath(t, q)
	good, err := os.ReadFile(side)
	require.NoError(t, err)
	write := func(b []byte) { require.NoError(t, os.WriteFile(side, b, 0o600)) }
	for what, c := range map[string]struct {
		content []byte
		is      error
	}{
		"empty":      {nil, shmq.ErrNotQueue},
		"text":       {[]byte("hello, world\n"), shmq.ErrNotQueue},
		"cut":        {good[:100], shmq.ErrDamaged},
		"flipped":    {append([]byte(nil), append(append([]byte{}, good[:20]...), append([]byte{good[20] ^ 1}, good[21:]...)...)...), shmq.ErrDamaged},
		"of version": {append(append([]byte{}, good[:8]...), append([]byte{9}, good[9:]...)...), shmq.ErrVersion},
	} {
		require.NoError(t, os.Truncate(side, 0))
		write(c.content)
		_, err := shmq.Attach(q, shmq.Producer, nil)
		require.ErrorIs(t, err, c.is, what)
		require.ErrorContains(t, err, "; ")
		require.ErrorIs(t, shmq.Create(q, nil), c.is, what)
		require.ErrorIs(t, shmq.Remove(q), c.is, what)
		segmentOf(t, key)
	}
	// That of another key's queue must not lead to that queue, or to its removal.
	other, otherKey := segmentQueue(t, &single)
	b, err := os.ReadFile(sidePath(t, other))
	require.NoError(t, err)
	write(b)
	_, err = shmq.Attach(q, shmq.Producer, nil)
	require.ErrorIs(t, err, shmq.ErrDamaged)
	require.NoError(t, shmq.ForceRemove(q))
	require.NoError(t, attach(t, other, shmq.Producer).Detach())
	segmentOf(t, otherKey)
	require.NoError(t, sys.RemoveSegment(segmentOf(t, key).ID))
}

// A side file that claims that a queue was begun in another program's segment, by
// somebody who can't write to that: nobody wipes it in good faith.
func TestSegmentIsNotWipedForAStranger(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can give a file away")
	}
	for _, state := range []uint32{layout.SideMaking, layout.SideRemoving} {
		key := freeKey(t)
		id := foreign(t, key, 1<<20, 0o644)
		h := layout.Header{Geometry: layout.Geometry{Slots: 16, AreaSize: 64, Seats: 8}}
		claim := layout.Side{State: state, Key: key, ID: int32(id), Namespace: sys.IPCNamespace(), Header: [layout.SideHeaderSize]byte(h.Encode())}
		inSegment(t, id, func(b []byte) {
			copy(b, claim.Header[:])
			b[20_000] = 42
		})
		side := sidePath(t, keyName(key))
		require.NoError(t, os.WriteFile(side, claim.Encode(), 0o666))
		require.NoError(t, os.Chown(side, 12345, 12345))
		require.NoError(t, shmq.Remove(keyName(key)))
		require.NoFileExists(t, side)
		inSegment(t, id, func(b []byte) {
			require.Equal(t, claim.Header[:], b[:layout.SideHeaderSize])
			require.EqualValues(t, 42, b[20_000])
		})
	}
}

// A maker that stands still is not robbed: the others wait, and then say who it is.
func TestSegmentOfAStoppedMaker(t *testing.T) {
	t.Parallel()
	if os.Getenv("SHMQ_LONG") != "1" {
		t.Skip("takes as long as makers wait for each other, 10 s; SHMQ_LONG=1 runs it")
	}
	key := freeKey(t)
	name := keyName(key)
	f, err := sys.CreateTemp(sidePath(t, name), 0o600)
	require.NoError(t, err)
	ok, err := f.TryLock(layout.LockSide, true)
	require.NoError(t, err)
	require.True(t, ok)
	side := layout.Side{State: layout.SideMaking, ID: -1, Key: key, PID: 4711}
	require.NoError(t, f.WriteAt(side.Encode(), 0))
	require.NoError(t, f.Link())
	_, err = shmq.Stat(name)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "being made just now")
	for _, do := range []func() error{
		func() error { _, err := shmq.Attach(name, shmq.Producer, nil); return err },
		func() error { return shmq.Remove(name) },
	} {
		err := do()
		require.ErrorIs(t, err, shmq.ErrInUse)
		require.ErrorContains(t, err, "pid 4711")
	}
	require.NoError(t, f.Close()) // as if it had died
	require.NoError(t, attachNew(t, name).Detach())
	require.NoError(t, shmq.Remove(name))
}

func TestSegmentWithoutSystemV(t *testing.T) {
	t.Parallel()
	c := testproc.Start(t, "no-sysv", segmentName(t))
	c.Expect("done")
}

func createWithoutSysV(c *testproc.Child) {
	c.Refuse(unix.SYS_SHMGET, unix.ENOSYS, 0, 0)
	err := shmq.Create(c.Args[0], nil)
	if !errors.Is(err, shmq.ErrRefused) || !contains(err, "use a queue in a file") {
		c.Fail("got %v", err)
	}
	c.Say("done")
	<-c.Lines
}

func TestSegmentHugePages(t *testing.T) {
	t.Parallel()
	key := freeKey(t)
	err := shmq.Create(keyName(key), &shmq.Options{HugePages: true})
	if err != nil {
		require.ErrorContains(t, err, "make the queue without")
		_, err := shmq.Stat(keyName(key))
		require.ErrorIs(t, err, fs.ErrNotExist)
		id := foreign(t, key, 8<<20, 0o600)
		require.ErrorIs(t, shmq.Create(keyName(key), &shmq.Options{HugePages: true}), shmq.ErrOption)
		require.NoError(t, sys.RemoveSegment(id))
		t.Skip("no huge pages to be had here")
	}
	a := attach(t, keyName(key), shmq.Producer)
	require.Equal(t, 1, segmentOf(t, key).Attached)
	require.NoError(t, a.Detach())
	require.Zero(t, segmentOf(t, key).Attached)
}

// elsewhereIPC are the attributes of a process in an IPC namespace of its own.
func elsewhereIPC(t *testing.T) *syscall.SysProcAttr {
	t.Helper()
	attr := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWIPC}
	if os.Getuid() != 0 {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	probe, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{Sys: attr})
	if err != nil {
		t.Skipf("no IPC namespace to be had here: %v", err)
	}
	_, err = probe.Wait()
	require.NoError(t, err)
	return attr
}

// The side file is shared, the segments are not.
func TestSegmentInAnotherNamespace(t *testing.T) {
	t.Parallel()
	attr := elsewhereIPC(t)
	q, key := segmentQueue(t, &many)
	id := segmentOf(t, key).ID
	a := attach(t, q, shmq.Producer)
	c := testproc.StartAs(t, attr, "other-ipc", q)
	c.Expect("refused")
	segmentOf(t, key)
	require.NoError(t, a.Detach())
	require.NoError(t, attach(t, q, shmq.Producer).Detach())
	c.Say("force")
	c.Expect("removed")
	_, err := shmq.Stat(q)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Zero(t, attachments(t, id), "nobody else's segment was touched")
	require.ErrorIs(t, shmq.Create(q, nil), shmq.ErrInUse)
	require.NoError(t, sys.RemoveSegment(id))
}

func lookFromAnotherIPC(c *testproc.Child) {
	q := c.Args[0]
	for range 3 { // an id and a key that exist here as well
		id, err := sys.MakeSegment(rand.Uint32N(1<<31), 1<<20, 0o600, false)
		c.Check(err)
		_ = id
	}
	_, err := shmq.Attach(q, shmq.Consumer, nil)
	if !errors.Is(err, shmq.ErrRefused) || !contains(err, "IPC namespace") {
		c.Fail("attach: %v", err)
	}
	for _, err := range []error{shmq.Create(q, nil), shmq.Remove(q)} {
		if !errors.Is(err, shmq.ErrRefused) {
			c.Fail("got %v", err)
		}
	}
	c.Say("refused")
	<-c.Lines
	c.Check(shmq.ForceRemove(q))
	c.Say("removed")
	<-c.Lines
}

func TestSegmentLimits(t *testing.T) {
	t.Parallel()
	c := testproc.StartAs(t, elsewhereIPC(t), "ipc-limits", t.TempDir())
	line := c.Line()
	if line != "done" {
		t.Skip(line)
	}
}

// reachLimits sets the limits of its own IPC namespace one after the other.
func reachLimits(c *testproc.Child) {
	dir := c.Args[0]
	os.Setenv("SHMQ_DIR", dir)
	for _, l := range []struct{ name, value, says string }{
		{"shmmax", "1000000", "kernel.shmmax is 1000000"},
		{"shmmni", "0", "kernel.shmmni is 0"},
		{"shmall", "100", "kernel.shmall is 100"},
	} {
		path := "/proc/sys/kernel/" + l.name
		was, err := os.ReadFile(path)
		c.Check(err)
		if err := os.WriteFile(path, []byte(l.value), 0); err != nil {
			c.Say("the limits can't be set here: %v", err)
			return
		}
		err = shmq.Create("sysv:7", nil)
		if !errors.Is(err, shmq.ErrNoSpace) || !contains(err, l.says) || !contains(err, "sysctl") {
			c.Fail("%s: %v", l.name, err)
		}
		_, err = shmq.Attach("sysv:7", shmq.Producer, nil)
		if !errors.Is(err, shmq.ErrNoSpace) {
			c.Fail("%s: %v", l.name, err)
		}
		left, err := os.ReadDir(dir)
		c.Check(err)
		if len(left) != 0 {
			c.Fail("left %v", left)
		}
		c.Check(os.WriteFile(path, was, 0))
	}
	c.Check(shmq.Create("sysv:7", nil))
	c.Check(shmq.Remove("sysv:7"))
	c.Say("done")
	<-c.Lines
}

// Another user's segment, and another user's queue.
func TestSegmentOfAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can be two users")
	}
	dir, err := os.MkdirTemp("/dev/shm", "shmq-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, os.ModeSticky|0o777))
	t.Setenv("SHMQ_DIR", dir)
	closed, shared, mine, ours := freeKey(t), freeKey(t), freeKey(t), freeKey(t)
	id := foreign(t, closed, 8<<20, 0o600)
	require.NoError(t, shmq.Create(keyName(shared), &shmq.Options{Mode: 0o666}))
	lent := foreign(t, mine, 8<<20, 0o666)
	borrowed := foreign(t, ours, 8<<20, 0o666)
	require.NoError(t, shmq.Create(keyName(ours), &shmq.Options{Mode: 0o666}))
	exe := testproc.ForAnyone(t)
	c := testproc.StartExe(t, exe, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 12345, Gid: 12345}}, "other-user",
		keyName(closed), keyName(mine), keyName(shared), keyName(ours))
	c.Expect("done")
	for _, key := range []uint32{shared, ours} {
		info, err := shmq.Stat(keyName(key))
		require.NoError(t, err)
		require.Equal(t, 1, info.Records)
		require.NoError(t, shmq.Remove(keyName(key)))
	}
	requireZero(t, borrowed)
	require.NoError(t, sys.RemoveSegment(borrowed))
	require.NoError(t, shmq.Remove(keyName(mine)), "root may")
	requireZero(t, lent)
	require.NoError(t, sys.RemoveSegment(lent))
	require.NoError(t, sys.RemoveSegment(id))
	files, err := filepath.Glob(dir + "/*")
	require.NoError(t, err)
	require.Empty(t, files)
}

func useAsAnotherUser(c *testproc.Child) {
	closed, mine := c.Args[0], c.Args[1]
	err := shmq.Create(closed, nil)
	if !errors.Is(err, fs.ErrPermission) || !contains(err, "ask the segment's owner") {
		c.Fail("create in a closed segment: %v", err)
	}
	if _, err := shmq.Stat(closed); !errors.Is(err, fs.ErrNotExist) {
		c.Fail("left: %v", err)
	}
	for _, q := range c.Args[2:] {
		p, err := producer.OpenRaw(q, nil)
		c.Check(err)
		c.Check(p.TrySend([]byte("hello")))
		c.Check(p.Close())
		for _, remove := range []func(string) error{shmq.Remove, shmq.ForceRemove} {
			if err := remove(q); !errors.Is(err, fs.ErrPermission) {
				c.Fail("removed another's queue: %v", err)
			}
		}
		_, err = shmq.Stat(q)
		c.Check(err)
	}
	c.Check(shmq.Create(mine, &shmq.Options{Slots: 16}))
	c.Say("done")
	<-c.Lines
}
