//go:build linux

package crew

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/worker/deadletter"
)

// newDeadQueue returns a queue for the dead letters of a queue like o, and their names.
func newDeadQueue(t *testing.T, o *shmq.Options) (dead *DeadQueue, q, to string) {
	t.Helper()
	q, to = filepath.Join(t.TempDir(), "q"), filepath.Join(t.TempDir(), "dead")
	require.NoError(t, shmq.Create(q, o))
	from, err := consumer.OpenRaw(q, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, from.Close()) })
	dead, err = OpenDeadQueue(to, []*consumer.Raw{from}, nil)
	require.NoError(t, err)
	return dead, q, to
}

// patient ends after as long as a test waits.
func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), testproc.Patience)
	t.Cleanup(cancel)
	return ctx
}

// A letter that waits for the disk does not wait for a queue that is gone, however it went.
func TestLetterOfALostQueueIsNotSynced(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]func(path string) error{
		"cut":     func(path string) error { return os.Truncate(path, 4096) },
		"removed": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := patient(t)
			dead, q, to := newDeadQueue(t, &shmq.Options{Checksum: true, Slots: 16, SlotSize: 4096})
			require.NoError(t, dead.Send(ctx, deadletter.Letter{Queue: q, Record: []byte("a")}))
			require.NoError(t, take(to))
			require.True(t, taken(dead.sync(ctx, shmq.ErrSync)))
			require.NoError(t, ctx.Err())
			_ = os.Remove(to)
			require.NoError(t, dead.Send(ctx, deadletter.Letter{Queue: q, Record: []byte("b")}), "to one that is made anew")
			require.NoError(t, dead.Close())
		})
	}
}

// A queue that takes the name while it is being attached to is judged as what it is.
func TestDeadQueueIsReplacedWhileItIsAttachedTo(t *testing.T) {
	t.Parallel()
	large := func(o shmq.Options) *shmq.Options {
		o.Slots, o.SlotSize = 16, 8192
		return &o
	}
	for name, c := range map[string]struct {
		before, after *shmq.Options // nil for none
		synced        bool
		err           error
	}{
		"with checksums":      {large(shmq.Options{}), large(shmq.Options{Checksum: true}), true, nil},
		"made with checksums": {nil, large(shmq.Options{Checksum: true}), true, nil},
		"without checksums":   {large(shmq.Options{Checksum: true}), large(shmq.Options{}), false, nil},
		"removed":             {large(shmq.Options{Checksum: true}), nil, false, nil},
		"for each":            {large(shmq.Options{}), large(shmq.Options{Consumers: shmq.Each}), false, shmq.ErrOption},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := patient(t)
			dead, q, to := newDeadQueue(t, &shmq.Options{Slots: 16, SlotSize: 64})
			if c.before != nil {
				require.NoError(t, shmq.Create(to, c.before))
			}
			tries := 0
			dead.opening = func() {
				if tries++; tries > 1 {
					return
				}
				if c.before != nil {
					require.NoError(t, os.Remove(to))
				}
				if c.after != nil {
					require.NoError(t, shmq.Create(to, c.after))
				}
			}
			err := dead.Send(ctx, deadletter.Letter{Queue: q, Record: []byte("a")})
			require.NoError(t, ctx.Err())
			require.ErrorIs(t, err, c.err)
			require.NotZero(t, tries)
			if c.err == nil {
				info, err := shmq.Stat(to)
				require.NoError(t, err)
				require.EqualValues(t, 1, info.Sent)
				require.Equal(t, c.synced, info.Checksum)
				if c.synced {
					require.Equal(t, 2, tries, "which has seen what it is like")
				}
			}
			require.NoError(t, dead.Close())
		})
	}
}
