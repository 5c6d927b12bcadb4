//go:build linux

package producer_test

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/producer"
)

// Each call finds out by itself that the file was cut, and every call after it says the
// same.
func TestEachCallOnACutQueue(t *testing.T) {
	t.Parallel()
	type typed = *producer.Producer[string]
	rec := make([]byte, 100)
	for what, call := range map[string]func(ctx context.Context, p typed) error{
		"TrySend":      func(_ context.Context, p typed) error { return p.Raw().TrySend(rec) },
		"Send":         func(ctx context.Context, p typed) error { return p.Raw().Send(ctx, rec) },
		"TrySendBatch": func(_ context.Context, p typed) error { _, err := p.Raw().TrySendBatch([][]byte{rec, rec}); return err },
		"SendBatch": func(ctx context.Context, p typed) error {
			_, err := p.Raw().SendBatch(ctx, [][]byte{rec, rec})
			return err
		},
		"TryReserve":         func(_ context.Context, p typed) error { return reserve(p.Raw()) },
		"Reserve":            func(ctx context.Context, p typed) error { _, err := p.Raw().Reserve(ctx, 10); return cmpCommit(p, err) },
		"typed TrySend":      func(_ context.Context, p typed) error { return p.TrySend("x") },
		"typed Send":         func(ctx context.Context, p typed) error { return p.Send(ctx, "x") },
		"typed TrySendBatch": func(_ context.Context, p typed) error { _, err := p.TrySendBatch([]string{"x"}); return err },
		"typed SendBatch":    func(ctx context.Context, p typed) error { _, err := p.SendBatch(ctx, []string{"x"}); return err },
	} {
		t.Run(what, func(t *testing.T) {
			for _, o := range []shmq.Options{{}, {Producers: shmq.One, Consumers: shmq.One}} {
				p, path := open(t, o)
				require.NoError(t, os.Truncate(path, 0))
				for range 3 {
					require.ErrorIs(t, call(t.Context(), p), shmq.ErrTruncated)
				}
				require.NoError(t, p.Close(), "it was told")
				require.NoError(t, p.Close(), "a second time")
			}
		})
	}
}

func open(t *testing.T, o shmq.Options) (*producer.Producer[string], string) {
	path := t.TempDir() + "/q"
	p, err := producer.Open[string](path, &producer.Options{Create: o})
	require.NoError(t, err)
	return p, path
}

func reserve(p *producer.Raw) error {
	b, err := p.TryReserve(100)
	if err == nil {
		err = p.Guard(func() error { clear(b); return nil })
	}
	return err
}

func cmpCommit(p *producer.Producer[string], err error) error {
	if err == nil {
		err = p.Raw().Commit(10)
	}
	return err
}

// Calls without an error leave it to the next, or to Close.
func TestLeavingACutQueue(t *testing.T) {
	t.Parallel()
	for what, leave := range map[string]func(p *producer.Raw) error{
		"Abort":  func(p *producer.Raw) error { p.Abort(); return p.Close() },
		"Close":  func(p *producer.Raw) error { return p.Close() },
		"Finish": func(p *producer.Raw) error { return p.Finish() },
	} {
		t.Run(what, func(t *testing.T) {
			typed, path := open(t, shmq.Options{})
			p := typed.Raw()
			_, err := p.TryReserve(100)
			require.NoError(t, err)
			require.NoError(t, os.Truncate(path, 0))
			require.ErrorIs(t, leave(p), shmq.ErrTruncated)
			require.NoError(t, p.Close(), "a second time")
			require.Zero(t, p.Counters().Records)
		})
	}
}

// A record is not on the disk because the page it is in is: the queue around it is lost.
func TestDurabilityOnACutQueue(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/q"
	p, err := producer.OpenRaw(path, &producer.Options{Durability: producer.Durability{Every: 1}})
	require.NoError(t, err)
	require.NoError(t, p.TrySend([]byte("a")))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, info.Size()/2))
	require.ErrorIs(t, p.TrySend([]byte("b")), shmq.ErrTruncated)
	for _, sync := range []func() error{p.Sync, p.StartSync} {
		err := sync()
		require.ErrorIs(t, err, shmq.ErrSync)
		require.ErrorIs(t, err, shmq.ErrTruncated)
	}
	_ = p.Close() // an error if the record was sent before it was known
	require.ErrorIs(t, p.Sync(), shmq.ErrClosed)
}
