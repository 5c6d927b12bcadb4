//go:build linux

package producer_test

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/producer"
)

// durable is a producer whose every sync fails from the moment it is told so: a send
// that syncs fails, one that does not succeeds.
func durable(c *testproc.Child) {
	var policy producer.Durability
	c.Check(policy.UnmarshalText([]byte(c.Args[1])))
	p, err := producer.OpenRaw(c.Args[0], &producer.Options{Durability: policy})
	c.Check(err)
	c.Say("ready")
	ctx := context.Background()
	for line := range c.Lines {
		switch line {
		case "break":
			c.Refuse(unix.SYS_MSYNC, syscall.EIO, 0, 0)
			err = nil
		case "send":
			err = p.Send(ctx, []byte("sent"))
		case "try":
			err = p.TrySend([]byte("sent"))
		case "batch": // of three
			var n int
			n, err = p.SendBatch(ctx, [][]byte{[]byte("sent"), []byte("sent"), []byte("sent")})
			if n != 3 {
				c.Fail("sent %d", n)
			}
		case "commit":
			var b []byte
			b, err = p.Reserve(ctx, 4)
			c.Check(err)
			copy(b, "sent")
			err = p.Commit(4)
		case "channel":
			ch := p.Channel(ctx)
			ch.C <- []byte("sent")
			err = ch.Stop()
			if _, has := ch.Unsent(); has {
				c.Fail("what is in the queue counts as unsent, with %v", err)
			}
		case "sync":
			err = p.Sync()
		case "finish":
			err = p.Finish()
		case "close":
			err = p.Close()
		}
		switch {
		case err == nil:
			c.Say("done")
		case errors.Is(err, shmq.ErrSync) && errors.Is(err, syscall.EIO):
			c.Say("unsynced %v", err)
		default:
			c.Fail("%s: %v", line, err)
		}
	}
}

const done, unsynced = "done", "unsynced"

type step struct{ do, want string }

func TestDurabilitySyncsWhenItIsDue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, policy string
		steps        []step
		records      int
	}{
		{"none", "none", []step{{"send", done}, {"batch", done}, {"sync", unsynced}}, 4},
		{"each", "each", []step{{"send", unsynced}, {"try", unsynced}, {"batch", unsynced}, {"commit", unsynced}, {"channel", unsynced}}, 7},
		{"each third", "3", []step{{"send", done}, {"try", done}, {"commit", unsynced}, {"send", unsynced}}, 4},
		{"a batch counts its records", "3", []step{{"send", done}, {"batch", unsynced}}, 4},
		{"what is unsynced is synced at the end", "100", []step{{"send", done}, {"finish", unsynced}}, 1},
		{"a long time", "1h", []step{{"send", done}, {"send", done}, {"close", unsynced}}, 2},
		{"the earlier bound", "2,1h", []step{{"send", done}, {"send", unsynced}}, 2},
		{"the end of the stream", "100", []step{{"finish", unsynced}}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64, Checksum: true})
			in := testagent.OpenConsumer(t, q, nil) // the last one to leave would sync anyway
			child := testproc.Start(t, "durable", q, c.policy)
			child.Expect("ready")
			// What is synced does not count any more.
			if c.policy == "3" {
				for range 3 {
					child.Say("send")
					child.Expect(done)
				}
				c.records += 3
			}
			child.Say("break")
			child.Expect(done)
			for _, s := range c.steps {
				child.Say("%s", s.do)
				told := child.Expect(s.want)
				if s.want == unsynced {
					require.Contains(t, told, "not on stable storage: msync: input/output error; its records are in the queue")
				}
			}
			for range c.records {
				b, err := in.TryReceive(nil)
				require.NoError(t, err, "an error about the disk takes nothing back")
				require.Equal(t, "sent", string(b))
			}
			_, err := in.TryReceive(nil)
			require.Error(t, err)
		})
	}
}

// The sync of a timer fails between two calls; the next one says so, once.
func TestFailureOfATimerIsReported(t *testing.T) {
	t.Parallel()
	for _, last := range []string{"send", "close"} {
		q := testagent.Queue(t, &shmq.Options{Slots: 1024, SlotSize: 64, Checksum: true})
		child := testproc.Start(t, "durable", q, "1ms")
		child.Expect("ready")
		child.Say("break")
		child.Expect(done)
		child.Say("send")
		child.Expect(done)
		if last == "close" {
			child.Say("close")
			child.Expect(unsynced)
			continue
		}
		testproc.Until(t, func() bool {
			child.Say("send")
			return child.Line() != done
		})
	}
}

// The timer runs while something is unsynced, and no longer.
func TestDurabilityIsQuietWhenIdle(t *testing.T) {
	q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64, Checksum: true})
	p, err := producer.OpenRaw(q, &producer.Options{Durability: producer.Durability{Within: time.Millisecond}})
	require.NoError(t, err)
	before := runtime.NumGoroutine()
	for range 3 {
		require.NoError(t, p.TrySend([]byte("x")))
		testproc.Until(t, func() bool { return producer.Synced(p) })
		require.False(t, producer.Ticking(p))
	}
	testproc.Until(t, func() bool { return runtime.NumGoroutine() <= before })
	require.NoError(t, p.Close())
}

func TestDurabilityDemandsChecksums(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64})
	_, err := producer.OpenRaw(q, &producer.Options{Durability: producer.Durability{Every: 1}})
	require.ErrorIs(t, err, shmq.ErrOption)
	require.ErrorContains(t, err, "shmq create --checksum")
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Empty(t, info.Participants, "it left")

	_, err = producer.OpenRaw(q, &producer.Options{Durability: producer.Durability{Every: -1}})
	require.ErrorIs(t, err, shmq.ErrOption)

	made := testagent.Name(t)
	p, err := producer.OpenRaw(made, &producer.Options{Durability: producer.Durability{Every: 1}})
	require.NoError(t, err)
	info, err = shmq.Stat(made)
	require.NoError(t, err)
	require.True(t, info.Checksum, "it is made with checksums")
	require.NoError(t, p.Send(context.Background(), []byte("x")))
	require.NoError(t, p.Sync())
	require.NoError(t, p.StartSync())
	require.NoError(t, p.Close())
	require.ErrorIs(t, p.Sync(), shmq.ErrClosed)
	require.ErrorIs(t, p.StartSync(), shmq.ErrClosed)
}

// Who can't sync when it leaves last leaves the stamp, so that after a crash the queue is
// rebuilt.
func TestFailedSyncOfTheLastOneLeavesTheStamp(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64, Checksum: true})
	path, err := shmq.Path(q)
	require.NoError(t, err)
	stamp := func() uint64 {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		return binary.LittleEndian.Uint64(b[layout.HotOffset+layout.HotImage:])
	}
	child := testproc.Start(t, "durable", q, "none")
	child.Expect("ready")
	before := stamp()
	require.NotZero(t, before)
	child.Say("break")
	child.Expect(done)
	child.Say("send")
	child.Expect(done)
	child.Say("close")
	child.Expect(unsynced)
	require.Equal(t, before, stamp())
}
