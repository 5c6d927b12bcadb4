package ctest_test

import (
	"bytes"
	"io"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
)

// Streams follow each other on one queue, either side in C or Go, either first, and each
// comes with its own end.
func streamsAgain(t *testing.T, client program) {
	testagent.EachMode(t, func(t *testing.T, r shmq.Options) {
		queue := create(t, r.Producers, r.Consumers)
		var all [][]byte
		var want []string
		for n := range 7 {
			all = append(all, record(n))
			want = append(want, line(record(n)))
		}
		cSends := func(stop bool) {
			c := client(t, "send", queue, "7")
			if !stop {
				out, err := c.CombinedOutput()
				require.NoError(t, err, "%s", out)
				return
			}
			killed(t, client(t, "send", queue, "8", "hold"), 1)
		}
		goSends := func(stop bool) {
			p := openProducer(t, queue)
			for _, b := range all {
				require.NoError(t, p.Send(t.Context(), b))
			}
			if stop {
				require.NoError(t, p.Abandon())
			} else {
				require.NoError(t, p.Finish())
			}
		}
		for round := range 12 {
			send, cReceives, receiverFirst, stop := cSends, round&1 == 0, round&4 == 0, round >= 8
			if round&2 == 0 {
				send = goSends
			}
			if cReceives {
				var out, errs bytes.Buffer
				c := client(t, "recv", queue, "99")
				c.Stdout, c.Stderr = &out, &errs
				if !receiverFirst {
					send(stop)
				}
				require.NoError(t, c.Start())
				if receiverFirst {
					untilAsleep(t, queue, 1)
					send(stop)
				}
				require.NoError(t, c.Wait())
				require.Equal(t, want, lines(out.String()), "round %d", round)
				require.Equal(t, stop, errs.String() != "", "round %d: %s", round, errs.String())
				continue
			}
			var c *consumer.Raw
			if receiverFirst {
				c = openConsumer(t, queue)
			}
			send(stop)
			if !receiverFirst {
				c = openConsumer(t, queue)
			}
			for _, w := range want {
				b, err := c.Receive(t.Context(), nil)
				require.NoError(t, err, "round %d", round)
				require.Equal(t, w, line(b))
			}
			_, err := c.Receive(t.Context(), nil)
			if stop {
				require.ErrorIs(t, err, shmq.ErrBrokenOff, "round %d", round)
			} else {
				require.Equal(t, io.EOF, err, "round %d", round)
			}
			require.NoError(t, c.Close())
		}
	})
}

// A client in C has a record of another one's batch in hand, and more of it to come.
func inheritedByC(t *testing.T, client program) {
	queue := create(t, shmq.Many, shmq.Many)
	p := openProducer(t, queue)
	for n := range 3 {
		require.NoError(t, p.TrySend(record(n)))
	}
	d := openConsumer(t, queue)
	n, err := d.TryLeaseBatch(make([]consumer.Lease, 3))
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.NoError(t, p.Finish())
	waits := openConsumer(t, queue)
	require.NoError(t, d.Close())
	holder := client(t, "recv", queue, "1", "hold")
	out, err := holder.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, holder.Start())
	b := make([]byte, 64)
	n, err = out.Read(b)
	require.NoError(t, err)
	require.Equal(t, []string{line(record(0))}, lines(string(b[:n])))
	for range 10 {
		_, err := waits.TryReceive(nil)
		require.ErrorIs(t, err, shmq.ErrEmpty, "two records are with the client")
	}
	require.NoError(t, holder.Process.Kill())
	require.ErrorAs(t, holder.Wait(), new(*exec.ExitError))
	for n := range 3 {
		b, err := waits.Receive(t.Context(), nil)
		require.NoError(t, err)
		require.Equal(t, line(record(n)), line(b))
	}
	_, err = waits.Receive(t.Context(), nil)
	require.Equal(t, io.EOF, err)
}
