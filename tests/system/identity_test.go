//go:build linux

package system_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testdisk"
	"github.com/shmq/shmq/layout"
)

// life is what is known of all records and their ids, of a queue and its copies.
type life struct {
	*testing.T
	byID   map[shmq.ID]string
	byText map[string]shmq.ID
	sent   int
}

func newLife(t *testing.T) *life {
	return &life{t, map[shmq.ID]string{}, map[string]shmq.ID{}, 0}
}

// send sends n records that no queue has seen before, and leaves.
func (l *life) send(queue string, n int) {
	l.Helper()
	p := testagent.OpenProducer(l, queue)
	for range n {
		l.sent++
		require.NoError(l, p.TrySend([]byte(fmt.Sprint(l.sent))))
	}
	require.NoError(l, p.Close())
}

// look takes n records, checks their ids and acknowledges the first few.
func (l *life) look(queue string, n, ack int) {
	l.Helper()
	c := testagent.OpenConsumer(l, queue, &consumer.Options{NoCreate: true})
	for i := range n {
		lease, err := c.TryLease()
		require.NoError(l, err, "record %d", i)
		l.is(string(lease.Bytes()), lease.ID())
		if i < ack {
			lease.Ack()
		}
	}
	require.NoError(l, c.Close())
}

// is notes that a record has an id: always the same, and no other record's.
func (l *life) is(text string, id shmq.ID) {
	l.Helper()
	require.NotZero(l, id.Creation)
	require.NotZero(l, id.Incarnation)
	if other, known := l.byID[id]; known {
		require.Equal(l, other, text, "two records with the id %v", id)
	}
	if before, known := l.byText[text]; known {
		require.Equal(l, before, id, "record %s got another id", text)
	}
	l.byID[id], l.byText[text] = text, id
}

// peek looks from outside.
func (l *life) peek(queue string, n int) {
	l.Helper()
	v, err := shmq.View(queue)
	require.NoError(l, err)
	for rec := (shmq.Record{}); n > 0; n-- {
		require.NoError(l, v.Next(&rec))
		l.is(string(rec.Data), rec.ID)
		require.Equal(l, rec.Position, rec.ID.Position)
	}
	require.NoError(l, v.Close())
}

func incarnation(t *testing.T, queue string) uint64 {
	p := testagent.Attach(t, queue, shmq.Producer)
	defer func() { require.NoError(t, p.Detach()) }()
	_, tail := p.Ring().Positions()
	return p.Ring().NewLineage().Of(tail)
}

// homes runs f with queues in memory and on a disk, with checksums and without.
func homes(t *testing.T, f func(t *testing.T, l *life, queue string, opts *shmq.Options)) {
	for _, where := range []string{"memory", "disk"} {
		for _, sums := range []bool{false, true} {
			testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
				o.Slots, o.SlotSize, o.Seats, o.Checksum, o.Timestamps = 16, 64, 8, sums, sums
				queue := testagent.Name(t)
				if where == "disk" {
					queue = filepath.Join(t.TempDir(), "q")
				} else {
					t.Cleanup(func() { _ = shmq.ForceRemove(queue) })
				}
				require.NoError(t, shmq.Create(queue, &o))
				f(t, newLife(t), queue, &o)
			})
		}
	}
}

func TestARecordKeepsItsID(t *testing.T) {
	t.Parallel()
	homes(t, func(t *testing.T, l *life, q string, _ *shmq.Options) {
		l.send(q, 3)
		l.peek(q, 3)
		l.look(q, 3, 0)
		l.send(q, 3)
		l.look(q, 6, 2) // the first come again
		l.send(q, 4)
		l.peek(q, 8)
		l.look(q, 8, 8)
		require.Len(t, l.byID, 10)
	})
}

// A file is copied, both go on, and both are asked.
func TestACopyGoesOnUnderOtherIDs(t *testing.T) {
	t.Parallel()
	homes(t, func(t *testing.T, l *life, q string, _ *shmq.Options) {
		l.send(q, 3)
		l.look(q, 3, 1)
		copies := []string{q}
		for i := range 3 {
			to := filepath.Join(filepath.Dir(testagent.Path(t, q)), fmt.Sprintf("%s.copy%d", filepath.Base(testagent.Path(t, q)), i))
			copyFile(t, testagent.Path(t, q), to)
			t.Cleanup(func() { _ = os.Remove(to) })
			copies = append(copies, to)
		}
		for range 3 {
			for _, name := range copies {
				l.send(name, 2)
			}
		}
		for _, name := range copies {
			l.peek(name, 8)
			l.look(name, 8, 8) // those from before are the same in all of them
		}
	})
}

// An older state is copied over the file, which stays the same file.
func TestAFileThatWasWrittenOverGoesOnUnderOtherIDs(t *testing.T) {
	t.Parallel()
	homes(t, func(t *testing.T, l *life, q string, _ *shmq.Options) {
		path := testagent.Path(t, q)
		l.send(q, 2)
		l.look(q, 2, 0)
		backup := filepath.Join(t.TempDir(), "backup")
		copyFile(t, path, backup)
		for range 3 {
			l.send(q, 3)
			l.look(q, 5, 0)
			tick(t, path)
			copyFile(t, backup, path)
			l.look(q, 2, 0)
		}
		l.send(q, 3)
		l.look(q, 5, 5)
		require.Len(t, l.byID, 2+4*3)
	})
}

// tick waits until a change to a file shows: filesystems go by the kernel's coarse clock.
func tick(t *testing.T, path string) {
	f, err := sys.Open(path, true, true)
	require.NoError(t, err)
	defer f.Close()
	before, ok, err := f.Touched()
	require.NoError(t, err)
	if !ok {
		return
	}
	for now := before; now == before; time.Sleep(time.Millisecond) {
		require.NoError(t, os.Chmod(path, 0o600))
		now, _, err = f.Touched()
		require.NoError(t, err)
	}
}

func copyFile(t *testing.T, from, to string) {
	b, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, b, 0o600))
}

// Records that were sent and not synced are lost with the power, and their positions are used
// again. Records that are left come again under their ids.
func TestARebuiltQueueGoesOnUnderOtherIDs(t *testing.T) {
	t.Parallel()
	homes(t, func(t *testing.T, l *life, q string, o *shmq.Options) {
		if !o.Checksum {
			t.Skip("without checksums nothing is rebuilt")
		}
		name := q
		for i := range 4 {
			l.send(name, 2)
			c := testagent.OpenConsumer(t, name, nil) // in use while it is copied
			next := fmt.Sprintf("%s%d", name, i)
			testdisk.CopyInPieces(t, name, next)
			t.Cleanup(func() { _ = shmq.ForceRemove(next) })
			require.NoError(t, c.Close())
			l.send(name, 2) // never gets there
			l.look(name, 2*(i+1)+2, 0)
			name = next
			info, err := shmq.Stat(name)
			require.NoError(t, err)
			require.True(t, info.Broken)
			l.look(name, 2*(i+1), 0)
		}
	})
}

// In memory nothing begins as long as nothing happened to the file, however often a process
// comes alone: the table lasts.
func TestInMemoryAnIncarnationLasts(t *testing.T) {
	t.Parallel()
	for _, sums := range []bool{false, true} {
		q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64, Checksum: sums})
		l := newLife(t)
		l.send(q, 1)
		first := incarnation(t, q)
		for range 3 * layout.IncarnationCount {
			p := testagent.OpenProducer(t, q)
			require.NoError(t, p.TrySend([]byte("x")))
			require.NoError(t, p.Close())
			c := testagent.OpenConsumer(t, q, nil)
			l, err := c.TryLease()
			require.NoError(t, err)
			l.Ack()
			require.NoError(t, c.Close())
		}
		require.Equal(t, first, incarnation(t, q))
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		require.False(t, info.Broken)
	}
}

func TestIDsOfQueuesWithoutAFile(t *testing.T) {
	t.Parallel()
	f, err := shmq.CreateAnonymous(&shmq.Options{Slots: 16, SlotSize: 64})
	require.NoError(t, err)
	defer f.Close()
	names := []string{shmq.FileName(f)}
	t.Run("segment", func(t *testing.T) {
		name := testagent.KeyName(testagent.FreeKey(t))
		require.NoError(t, shmq.Create(name, &shmq.Options{Slots: 16, SlotSize: 64}))
		t.Cleanup(func() { _ = shmq.Remove(name) })
		l := newLife(t)
		l.send(name, 2)
		l.look(name, 2, 1)
		l.send(name, 2)
		l.peek(name, 3)
		l.look(name, 3, 3)
	})
	for _, name := range names {
		l := newLife(t)
		l.send(name, 2)
		l.look(name, 2, 1)
		l.send(name, 2)
		l.peek(name, 3)
		l.look(name, 3, 3)
	}
}

// Many processes come at once to a queue that none has used, or to a copy: one of them begins an
// incarnation, and all agree on it.
func TestManyComeToANewIncarnation(t *testing.T) {
	t.Parallel()
	for range 20 {
		q := testagent.Queue(t, &shmq.Options{Slots: 256, SlotSize: 64, Seats: 64})
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				p := testagent.OpenProducer(t, q)
				if err := p.TrySend([]byte(fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		l := newLife(t)
		l.peek(q, 20)
		in := map[uint64]int{}
		for id := range l.byID {
			in[id.Incarnation]++
		}
		require.Len(t, in, 1)
	}
}

func TestWhatALeaseKnows(t *testing.T) {
	t.Parallel()
	for _, stamped := range []bool{false, true} {
		testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
			o.Slots, o.SlotSize, o.Timestamps = 16, 64, stamped
			q := testagent.Queue(t, &o)
			info, err := shmq.Stat(q)
			require.NoError(t, err)
			require.Equal(t, stamped, info.Timestamps)
			before := time.Now()
			p, c := testagent.OpenProducer(t, q), testagent.OpenConsumer(t, q, nil)
			require.NoError(t, p.TrySend([]byte("a")))
			after := time.Now()
			l, err := c.TryLease()
			require.NoError(t, err)
			require.Equal(t, q, l.Queue())
			require.Equal(t, 1, l.Attempt())
			require.Equal(t, info.CreationID, fmt.Sprintf("%x", l.ID().Creation))
			sent := l.SentAt()
			require.Equal(t, stamped, !sent.IsZero())
			if stamped { // the clock of the system, rounded
				require.WithinRange(t, sent, before.Add(-time.Microsecond).Round(0), after.Add(time.Microsecond).Round(0))
			}
			id := l.ID()
			l.Release()
			l, err = c.TryLease()
			require.NoError(t, err)
			require.Equal(t, 2, l.Attempt())
			require.Equal(t, id, l.ID())
			require.Equal(t, sent, l.SentAt())
			l.Ack()
			require.Equal(t, id, l.ID())
			require.Zero(t, l.SentAt())
			require.NoError(t, c.Close())
			require.Zero(t, l.ID())
			var none consumer.Lease
			require.Zero(t, none.ID())
			require.Zero(t, none.SentAt())
			require.Empty(t, none.Queue())
			require.NoError(t, p.Close())
		})
	}
}

// How long the oldest record waits, whichever consumer had it in between.
func TestStatTellsHowOldTheOldestIs(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		o.Slots, o.SlotSize, o.Timestamps = 16, 64, true
		q := testagent.Queue(t, &o)
		oldest := func() time.Time {
			info, err := shmq.Stat(q)
			require.NoError(t, err)
			return info.OldestSent
		}
		require.Zero(t, oldest())
		p, c := testagent.OpenProducer(t, q), testagent.Consumer(t, q)
		require.NoError(t, p.TrySend([]byte("a")))
		first := oldest()
		require.WithinDuration(t, time.Now(), first, time.Minute)
		for next := time.Now(); !next.After(first); next = time.Now() {
		}
		require.NoError(t, p.TrySend([]byte("b")))
		require.Equal(t, first, oldest())
		c.Lease(1)
		second := oldest()
		require.True(t, second.After(first), "the first is in good hands")
		c.Kill()
		require.Equal(t, first, oldest(), "and is not any more")
		c = testagent.Consumer(t, q)
		c.Lease(1) // what is delivered again comes alone
		c.Lease(1)
		require.Zero(t, oldest())
		require.NoError(t, p.Close())
		c.Do("close")
		require.Equal(t, first, oldest())
	})
}
