//go:build linux

package rpc_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/rpc"
)

// Where each consumer gets every record, each server would answer: both sides refuse such a queue,
// do not make one, and leave no trace.
func TestAQueueForEachConsumerIsRefused(t *testing.T) {
	t.Parallel()
	for _, o := range []shmq.Options{{Consumers: shmq.Each}, {Consumers: shmq.Each, Skip: true}} {
		q := testagent.Queue(t, &o)
		refuses := func(err error, q string) {
			t.Helper()
			require.ErrorIs(t, err, shmq.ErrOption)
			require.ErrorContains(t, err, q)
			require.ErrorContains(t, err, "each server would answer each request")
			require.ErrorContains(t, err, "--consumers many")
		}
		serve := func(q string, o *rpc.ServeOptions) error {
			return rpc.ServeRaw(context.Background(), q, o, echo)
		}
		dial := func(q string, o *rpc.DialOptions) error {
			c, err := rpc.DialRaw(q, o)
			if err == nil {
				c.Close()
			}
			return err
		}
		refuses(serve(q, nil), q)
		refuses(dial(q, nil), q)
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		require.Empty(t, info.Subscriptions)
		require.Empty(t, info.Participants)
		require.False(t, info.Begun, "a client has attached")

		absent := testagent.Name(t)
		refuses(serve(absent, &rpc.ServeOptions{Create: o}), absent)
		refuses(dial(absent, &rpc.DialOptions{Create: o}), absent)
		_, err = shmq.Stat(absent)
		require.Error(t, err, "it was made")
	}
}
