//go:build linux

package crew

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/intake"
	"github.com/shmq/shmq/producer"
)

// A handler that does not look at its context is waited for, and told of; what it returns
// counts.
func TestHandlerThatIsLateIsToldOf(t *testing.T) {
	t.Parallel()
	q := filepath.Join(t.TempDir(), "q")
	p, err := producer.OpenRaw(q, nil)
	require.NoError(t, err)
	require.NoError(t, p.TrySend([]byte("a")))
	require.NoError(t, p.Close())
	from, err := consumer.OpenRaw(q, &consumer.Options{UntilEOF: true})
	require.NoError(t, err)
	all, err := intake.New(from)
	require.NoError(t, err)
	told := make(chan Event, 1)
	c := New(Config{
		From: all, Jobs: 1, Batch: 1, Timeout: time.Millisecond, Left: -1,
		Handle: func(context.Context, []*Record) error {
			e := <-told
			require.Equal(t, Late, e.Kind)
			require.EqualValues(t, 1, e.Records[0].Number)
			return nil
		},
		Observe: func(e Event) { told <- e },
	})
	c.late = time.Millisecond
	require.NoError(t, c.Run(context.Background()))
	require.Zero(t, c.Failed)
	require.NoError(t, from.Close())
}
