//go:build linux

package system_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/producer"
)

// overwritings leave a file of the same length in the same place, that holds something else.
// older are the bytes of the queue's file before any process attached.
var overwritings = map[string]func(t *testing.T, path string, o shmq.Options, older []byte){
	"cut and grown": func(t *testing.T, path string, _ shmq.Options, older []byte) {
		require.NoError(t, os.Truncate(path, 0))
		require.NoError(t, os.Truncate(path, int64(len(older))))
	},
	"another queue": func(t *testing.T, path string, o shmq.Options, _ []byte) {
		other, err := shmq.Path(testagent.Queue(t, &o))
		require.NoError(t, err)
		b, err := os.ReadFile(other)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, b, 0o600))
	},
	"an older copy": func(t *testing.T, path string, _ shmq.Options, older []byte) {
		require.NoError(t, os.WriteFile(path, older, 0o600))
	},
}

// TestAnOverwrittenQueueIsLost has no process look while the file is short. Busy participants,
// and one that sleeps, learn of it all the same.
func TestAnOverwrittenQueueIsLost(t *testing.T) {
	t.Parallel()
	for what, overwrite := range overwritings {
		testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
			o.Slots, o.SlotSize, o.Seats = 64, 64, 8
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				q := testagent.Queue(t, &o)
				path, err := shmq.Path(q)
				require.NoError(t, err)
				t.Cleanup(func() { _ = os.Remove(path) }) // it may be no queue any more
				older, err := os.ReadFile(path)
				require.NoError(t, err)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				p, err := producer.OpenRaw(q, nil)
				require.NoError(t, err)
				c, err := consumer.OpenRaw(q, nil)
				require.NoError(t, err)
				asleep := make(chan error, 1)
				go func() {
					_, err := c.Receive(ctx, nil)
					for err == nil {
						_, err = c.Receive(ctx, nil)
					}
					asleep <- err
				}()
				overwrite(t, path, o, older)
				for err == nil || errors.Is(err, shmq.ErrFull) {
					require.NoError(t, ctx.Err())
					err = p.TrySend([]byte("x"))
				}
				require.ErrorIs(t, err, shmq.ErrTruncated)
				require.ErrorIs(t, <-asleep, shmq.ErrTruncated)
				_, _ = p.Close(), c.Close() // with the same error, or none
			})
		})
	}
}

// TestOneThatLeavesTouchesNoOtherQueue has participants that were idle while something else was copied over their
// file. They hold something, and leave.
func TestOneThatLeavesTouchesNoOtherQueue(t *testing.T) {
	t.Parallel()
	for how, leave := range map[string]func(p *producer.Raw, c *consumer.Raw) error{
		"close":   func(p *producer.Raw, c *consumer.Raw) error { return errors.Join(p.Close(), c.Close()) },
		"abandon": func(p *producer.Raw, c *consumer.Raw) error { return errors.Join(p.Abandon(), c.Close()) },
		"finish":  func(p *producer.Raw, c *consumer.Raw) error { return errors.Join(p.Finish(), c.Close()) },
	} {
		for what, overwrite := range overwritings {
			testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
				o.Slots, o.SlotSize, o.Seats = 64, 64, 8
				t.Run(what+", "+how, func(t *testing.T) {
					t.Parallel()
					q := testagent.Queue(t, &o)
					path, err := shmq.Path(q)
					require.NoError(t, err)
					t.Cleanup(func() { _ = os.Remove(path) })
					older, err := os.ReadFile(path)
					require.NoError(t, err)
					p, err := producer.OpenRaw(q, nil)
					require.NoError(t, err)
					c, err := consumer.OpenRaw(q, nil)
					require.NoError(t, err)
					require.NoError(t, p.TrySend([]byte("a")))
					_, err = c.TryLease()
					require.NoError(t, err)
					_, err = p.TryReserve(8)
					require.NoError(t, err)
					time.Sleep(2 * park.Heartbeat) // what was asked within one may be relied upon
					overwrite(t, path, o, older)
					other, err := os.ReadFile(path)
					require.NoError(t, err)
					require.ErrorIs(t, leave(p, c), shmq.ErrTruncated)
					after, err := os.ReadFile(path)
					require.NoError(t, err)
					require.Equal(t, other, after)
				})
			})
		}
	}
}
