//go:build linux

package crew

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/intake"
	"github.com/shmq/shmq/producer"
)

// What a queue says once is not lost if the wait for its records ends at the same moment, because
// a job has ended or the crew has to.
func TestLostRecordsAreToldThoughTheWaitIsOver(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(c *Crew, cancel context.CancelFunc){
		"job":     func(c *Crew, _ context.CancelFunc) { c.wake(errWoken) },
		"context": func(_ *Crew, cancel context.CancelFunc) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(patient(t))
			defer cancel()
			q := filepath.Join(t.TempDir(), "q")
			require.NoError(t, shmq.Create(q, &shmq.Options{Consumers: shmq.Each, Skip: true, Slots: 16, SlotSize: 64}))
			p, err := producer.OpenRaw(q, nil)
			require.NoError(t, err)
			defer p.Close()
			from, err := consumer.OpenRaw(q, nil)
			require.NoError(t, err)
			defer from.Close()
			all, err := intake.New(from)
			require.NoError(t, err)
			c := New(Config{From: all, Jobs: 1, Batch: 1, Left: -1, Handle: func(context.Context, []*Record) error { return nil }})
			sent := false
			all.Over = func(_ *consumer.Raw, err error) error {
				switch {
				case errors.Is(err, shmq.ErrEmpty) && !sent: // it is about to wait
					sent = true
					for range 100 {
						require.NoError(t, p.TrySend([]byte("x")))
					}
				case errors.Is(err, shmq.ErrLagged):
					end(c, cancel)
				case errors.Is(err, shmq.ErrEmpty):
					cancel() // it has not ended
				}
				return err
			}
			require.ErrorIs(t, c.Run(ctx), shmq.ErrLagged)
		})
	}
}
