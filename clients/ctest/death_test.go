package ctest_test

import (
	"bufio"
	"errors"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
)

// A C consumer is killed with a record in hand; a Go consumer, or another C client, gets
// that record again.
func killedConsumer(t *testing.T, client program) {
	testagent.EachMode(t, func(t *testing.T, r shmq.Options) {
		queue := create(t, r.Producers, r.Consumers)
		p := openProducer(t, queue)
		for n := range 5 {
			require.NoError(t, p.TrySend(record(n)))
		}
		require.Equal(t, []string{line(record(0)), line(record(1))},
			killed(t, client(t, "recv", queue, "2", "hold"), 2))

		c := openConsumer(t, queue)
		l, err := c.Lease(t.Context())
		require.NoError(t, err)
		require.Equal(t, record(1), l.Bytes())
		require.Equal(t, 1, l.Redelivered())
		l.Ack()
		l, err = c.Lease(t.Context())
		require.NoError(t, err)
		require.Equal(t, record(2), l.Bytes())
		require.Zero(t, l.Redelivered())
		l.Ack()
		require.NoError(t, c.Close())

		killed(t, client(t, "recv", queue, "1", "hold"), 1)
		require.NoError(t, p.Close())
		out, err := client(t, "recv", queue, "9").Output()
		require.NoError(t, err)
		require.Equal(t, []string{line(record(3)), line(record(4))}, lines(string(out)))
		requireDrained(t, queue)
	})
}

// A C producer is killed between its claim and the publication.
func killedProducer(t *testing.T, client program) {
	testagent.EachMode(t, func(t *testing.T, r shmq.Options) {
		queue := create(t, r.Producers, r.Consumers)
		c := testagent.OpenConsumer(t, queue, &consumer.Options{NoCreate: true}) // goes on when it dies
		// Record 3 takes several slots.
		require.Equal(t, []string{"holding"}, killed(t, client(t, "send", queue, "4", "hold"), 1))
		p := openProducer(t, queue)
		require.NoError(t, p.Send(t.Context(), record(4)))
		for _, n := range []int{0, 1, 2, 4} {
			b, err := c.Receive(t.Context(), nil)
			require.NoError(t, err)
			require.Equal(t, line(record(n)), line(b))
		}
		info, err := shmq.Stat(queue)
		require.NoError(t, err)
		if r.Producers == shmq.Many {
			require.EqualValues(t, 1, info.Skipped)
		}

		require.NoError(t, c.Close())
		require.NoError(t, p.Close())

		killed(t, client(t, "send", queue, "3", "hold"), 1)
		p = openProducer(t, queue)
		require.NoError(t, p.TrySend(record(6)))
		require.NoError(t, p.Close())
		out, err := client(t, "recv", queue, "9").Output()
		require.NoError(t, err)
		require.Equal(t, []string{line(record(0)), line(record(1)), line(record(6))}, lines(string(out)))
		requireDrained(t, queue)
	})
}

// The rest of a batch that a Go consumer took.
func restOfABatch(t *testing.T, client program) {
	for _, first := range []string{"acknowledged", "not acknowledged"} {
		t.Run("first "+first, func(t *testing.T) {
			queue := create(t, shmq.Many, shmq.Many)
			p := openProducer(t, queue)
			n, err := p.SendBatch(t.Context(), [][]byte{record(0), record(3), record(1), record(4), record(2)})
			require.NoError(t, err)
			require.Equal(t, 5, n)
			require.NoError(t, p.Close())
			c := openConsumer(t, queue)
			var ls [5]consumer.Lease
			n, err = c.TryLeaseBatch(ls[:])
			require.NoError(t, err)
			require.Equal(t, 5, n)
			ls[2].Ack()
			want := []string{line(record(0)), line(record(3)), line(record(4)), line(record(2))}
			if first == "acknowledged" {
				ls[0].Ack()
				want = want[1:]
			}
			require.NoError(t, c.Close())
			out, err := client(t, "recv", queue, "9").Output()
			require.NoError(t, err)
			require.Equal(t, want, lines(string(out)))
			requireDrained(t, queue)
		})
	}
}

// killed starts the program, kills it when it has printed so many lines, and returns
// those.
func killed(t *testing.T, c *exec.Cmd, n int) (out []string) {
	stdout, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	for s := bufio.NewScanner(stdout); len(out) < n && s.Scan(); {
		out = append(out, s.Text())
	}
	require.NoError(t, c.Process.Kill())
	var exit *exec.ExitError
	require.True(t, errors.As(c.Wait(), &exit))
	require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal())
	return out
}

// requireDrained checks that all have left and nothing is in the queue.
func requireDrained(t *testing.T, queue string) {
	t.Helper()
	info, err := shmq.Stat(queue)
	require.NoError(t, err)
	require.Zero(t, info.Records+info.Claimed+info.Leased+info.Orphans)
}
