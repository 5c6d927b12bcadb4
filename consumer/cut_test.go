//go:build linux

package consumer_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
)

// Each call finds out by itself that the file was cut, also where there was a record to
// be had, and every call after it says the same.
func TestEachCallOnACutQueue(t *testing.T) {
	t.Parallel()
	type typed = *consumer.Consumer[string]
	for what, call := range map[string]func(ctx context.Context, c typed) error{
		"TryReceive": func(_ context.Context, c typed) error { _, err := c.Raw().TryReceive(nil); return err },
		"Receive":    func(ctx context.Context, c typed) error { _, err := c.Raw().Receive(ctx, nil); return err },
		"TryReceiveBatch": func(_ context.Context, c typed) error {
			_, err := c.Raw().TryReceiveBatch(make([][]byte, 3))
			return err
		},
		"ReceiveBatch": func(ctx context.Context, c typed) error {
			_, err := c.Raw().ReceiveBatch(ctx, make([][]byte, 3))
			return err
		},
		"TryLease": func(_ context.Context, c typed) error { _, err := c.Raw().TryLease(); return err },
		"Lease":    func(ctx context.Context, c typed) error { _, err := c.Raw().Lease(ctx); return err },
		"TryLeaseBatch": func(_ context.Context, c typed) error {
			_, err := c.Raw().TryLeaseBatch(make([]consumer.Lease, 3))
			return err
		},
		"LeaseBatch": func(ctx context.Context, c typed) error {
			_, err := c.Raw().LeaseBatch(ctx, make([]consumer.Lease, 3))
			return err
		},
		"All": func(ctx context.Context, c typed) (err error) {
			for _, err = range c.Raw().All(ctx) {
				break
			}
			return err
		},
		"typed TryReceive": func(_ context.Context, c typed) error { _, err := c.TryReceive(); return err },
		"typed Receive":    func(ctx context.Context, c typed) error { _, err := c.Receive(ctx); return err },
		"typed TryLease":   func(_ context.Context, c typed) error { _, _, err := c.TryLease(); return err },
		"typed Lease":      func(ctx context.Context, c typed) error { _, _, err := c.Lease(ctx); return err },
		"typed TryLeaseBatch": func(_ context.Context, c typed) error {
			_, err := c.TryLeaseBatch(make([]consumer.Leased[string], 3))
			return err
		},
		"typed LeaseBatch": func(ctx context.Context, c typed) error {
			_, err := c.LeaseBatch(ctx, make([]consumer.Leased[string], 3))
			return err
		},
		"typed All": func(ctx context.Context, c typed) (err error) {
			for _, err = range c.All(ctx) {
				break
			}
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			sizes := []int64{0, 1 << 16} // all, or the end of the data
			if strings.HasSuffix(what, "Lease") || strings.HasSuffix(what, "LeaseBatch") || what == "All" {
				if !strings.HasPrefix(what, "typed") {
					sizes = sizes[:1] // they do not touch the data
				}
			}
			for _, size := range sizes {
				c, path := filled(t)
				require.NoError(t, os.Truncate(path, size))
				for range 3 {
					require.ErrorIs(t, call(t.Context(), c), shmq.ErrTruncated)
				}
				require.NoError(t, c.Close(), "it was told")
				require.NoError(t, c.Close(), "a second time")
			}
		})
	}
}

// filled returns a consumer of a queue that was filled to the end of its data, and whose
// next records lie there.
func filled(t *testing.T) (*consumer.Consumer[string], string) {
	path := t.TempDir() + "/q"
	p, err := producer.Open[string](path, &producer.Options{Create: shmq.Options{Slots: 64, SlotSize: 4096, Seats: 2}})
	require.NoError(t, err)
	c, err := consumer.Open[string](path, nil)
	require.NoError(t, err)
	record := strings.Repeat("x", 4000)
	for range 40 {
		require.NoError(t, p.TrySend(record))
		_, err := c.TryReceive()
		require.NoError(t, err)
	}
	for range 10 {
		require.NoError(t, p.TrySend(record))
	}
	require.NoError(t, p.Close())
	return c, path
}

// Settling returns no error: the next call has it, or else Close.
func TestSettlingOnACutQueue(t *testing.T) {
	t.Parallel()
	for what, settle := range map[string]func(c *consumer.Raw, ls []consumer.Lease){
		"Ack":      func(_ *consumer.Raw, ls []consumer.Lease) { ls[0].Ack() },
		"Release":  func(_ *consumer.Raw, ls []consumer.Lease) { ls[0].Release() },
		"AckBatch": func(c *consumer.Raw, ls []consumer.Lease) { c.AckBatch(ls) },
	} {
		t.Run(what, func(t *testing.T) {
			for _, next := range []bool{false, true} {
				typed, path := filled(t)
				c := typed.Raw()
				ls := make([]consumer.Lease, 3)
				n, err := c.TryLeaseBatch(ls)
				require.NoError(t, err)
				require.NoError(t, os.Truncate(path, 0))
				settle(c, ls[:n])
				ls[1].Ack() // nothing any more
				if next {
					_, err := c.TryReceive(nil)
					require.ErrorIs(t, err, shmq.ErrTruncated)
					require.NoError(t, c.Close())
				} else {
					require.ErrorIs(t, c.Close(), shmq.ErrTruncated)
				}
			}
		})
	}
}

// What a lease shows is touched by the program, under the guard that it asks for.
func TestGuardOfLeases(t *testing.T) {
	t.Parallel()
	typed, path := filled(t)
	c := typed.Raw()
	l, err := c.TryLease()
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, 1<<16))
	var sum int
	require.ErrorIs(t, c.Guard(func() error {
		for _, b := range l.Bytes() {
			sum += int(b)
		}
		return nil
	}), shmq.ErrTruncated)
	_, err = c.TryLease()
	require.ErrorIs(t, err, shmq.ErrTruncated)
	require.NoError(t, c.Close())
}

// What the file has lost is not on the disk, whether a call has found that out or not.
func TestSyncOfACutQueue(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{false, true} {
		c, path := filled(t)
		require.NoError(t, os.Truncate(path, 1<<16))
		if told {
			_, err := c.TryReceive()
			require.ErrorIs(t, err, shmq.ErrTruncated)
		}
		for _, sync := range []func() error{c.Sync, c.StartSync} {
			err := sync()
			require.ErrorIs(t, err, shmq.ErrSync)
			require.ErrorIs(t, err, shmq.ErrTruncated)
			require.NotContains(t, err.Error(), "\n")
		}
		_ = c.Close()
		require.ErrorIs(t, c.Sync(), shmq.ErrClosed)
		require.ErrorIs(t, c.StartSync(), shmq.ErrClosed)
	}
}
