//go:build linux

package crew

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/intake"
	"github.com/shmq/shmq/producer"
	"github.com/shmq/shmq/worker/deadletter"
)

// When code of the program ends the goroutine of Run, or panics there, handlers have returned when
// Run is over, what they have done is acknowledged, and the rest is in the queue.
func TestNoHandlerOutlivesRun(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(){
		"ends":   runtime.Goexit,
		"panics": func() { panic("lagged") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := filled(t, "a", "b", "c", "d")
			from, err := consumer.OpenRaw(q, nil)
			require.NoError(t, err)
			all, err := intake.New(from)
			require.NoError(t, err)
			handling, ended := make(chan struct{}), make(chan struct{})
			returned := false
			c := New(Config{
				From: all, Jobs: 3, Batch: 1, Left: -1, Keyed: true,
				Prepare: func(r *Record) (string, error) {
					if string(r.Data) == "c" {
						<-handling
						if name == "ends" {
							close(ended)
							end()
						}
						all.Over = func(_ *consumer.Raw, err error) error { // when d is behind them
							close(ended)
							end()
							return err
						}
					}
					return "key", nil // so that b waits behind a
				},
				Handle: func(ctx context.Context, rs []*Record) error {
					require.Equal(t, "a", string(rs[0].Data))
					close(handling)
					<-ended
					for range 1000 {
						runtime.Gosched()
					}
					returned = true
					return nil
				},
			})
			over := make(chan struct{})
			go func() {
				defer close(over)
				defer func() {
					_ = recover()
					require.True(t, returned)
				}()
				_ = c.Run(patient(t))
			}()
			<-over
			// No lease is held, though the consumer is there.
			require.ElementsMatch(t, []string{"b", "c", "d"}, takeAll(t, q))
			require.NoError(t, from.Close())
		})
	}
}

// takeAll takes what another consumer can have.
func takeAll(t *testing.T, q string) (rs []string) {
	t.Helper()
	c, err := consumer.OpenRaw(q, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	for {
		l, err := c.TryLease()
		if errors.Is(err, shmq.ErrEmpty) || err == io.EOF {
			return rs
		}
		require.NoError(t, err)
		rs = append(rs, string(l.Bytes()))
		l.Ack()
	}
}

// What a job has is not given back while it has it.
func TestAJobKeepsItsRecordsAtTheEnd(t *testing.T) {
	t.Parallel()
	q := filled(t, "a", "b")
	from, err := consumer.OpenRaw(q, nil)
	require.NoError(t, err)
	all, err := intake.New(from)
	require.NoError(t, err)
	dropping, goOn, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	c := New(Config{
		From: all, Jobs: 2, Batch: 2, Left: -1, Drop: true,
		Prepare: func(r *Record) (string, error) {
			if string(r.Data) == "a" {
				return "", errors.New("no")
			}
			<-dropping
			runtime.Goexit()
			return "", nil
		},
		Observe: func(Event) {
			close(dropping)
			<-goOn
		},
	})
	c.ctx = patient(t)
	c.working, c.stop = context.WithCancel(c.ctx)
	defer c.stop()
	go func() {
		defer close(over)
		_ = c.take()
	}()
	<-over
	c.releaseTaken()
	require.Empty(t, takeAll(t, q), "b is behind a, which a job has")
	close(goOn)
	c.waitForJob()
	for _, j := range c.ended() {
		require.NoError(t, c.settle(j))
	}
	require.Equal(t, []string{"b"}, takeAll(t, q))
	require.NoError(t, from.Close())
}

// filled returns a queue with records.
func filled(t *testing.T, rs ...string) string {
	t.Helper()
	q := filepath.Join(t.TempDir(), "q")
	require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 64, SlotSize: 64}))
	p, err := producer.OpenRaw(q, nil)
	require.NoError(t, err)
	for _, r := range rs {
		require.NoError(t, p.TrySend([]byte(r)))
	}
	require.NoError(t, p.Close())
	return q
}

// A letter is sent neither for a crew that has ended, nor after Close.
func TestNoLetterAfterTheEnd(t *testing.T) {
	t.Parallel()
	dead, q, to := newDeadQueue(t, &shmq.Options{Slots: 16, SlotSize: 64})
	l := deadletter.Letter{Queue: q, Record: []byte("a")}
	ctx, cancel := context.WithCancel(patient(t))
	cancel()
	for range 64 {
		require.ErrorIs(t, dead.Send(ctx, l), context.Canceled)
	}
	require.NoError(t, dead.Close())
	require.ErrorIs(t, dead.Send(patient(t), l), shmq.ErrClosed)
	require.NoFileExists(t, to)
}
