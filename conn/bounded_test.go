//go:build linux

package conn

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// slowSocket takes a second to set a deadline.
type slowSocket struct{ set atomic.Int32 }

func (s *slowSocket) SetDeadline(time.Time) error {
	time.Sleep(time.Second)
	s.set.Add(1)
	return nil
}

// A context that ends while its dial succeeds sets no deadline of the connection afterwards.
func TestCancellationIsNotLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		var s slowSocket
		require.NoError(t, bounded(ctx, &s, func() error {
			cancel()
			synctest.Wait() // it has begun
			return nil
		}))
		require.EqualValues(t, 1, s.set.Load())
	})
}
