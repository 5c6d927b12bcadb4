package ctest_test

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/producer"
)

func goSendsAndCReceives(t *testing.T, client program) {
	testagent.EachMode(t, func(t *testing.T, r shmq.Options) {
		queue := create(t, r.Producers, r.Consumers)
		var outs [2]bytes.Buffer
		var receivers []*exec.Cmd
		for i := range members(r.Consumers) {
			c := client(t, "recv", queue, fmt.Sprint(perPair))
			c.Stdout = &outs[i]
			require.NoError(t, c.Start())
			receivers = append(receivers, c)
		}
		untilAsleep(t, queue, len(receivers)) // on the empty queue

		senders := make([]*producer.Raw, members(r.Producers))
		for i := range senders { // all there before the first can leave: that would be the end
			senders[i] = openProducer(t, queue)
		}
		errs := make(chan error, len(senders))
		for i, p := range senders {
			go func() {
				for n := i; n < perPair; n += len(senders) {
					if err := p.Send(t.Context(), record(n)); err != nil {
						errs <- err
						return
					}
				}
				errs <- p.Close()
			}()
		}
		for range senders {
			require.NoError(t, <-errs)
		}
		var got []string
		for i, c := range receivers {
			require.NoError(t, c.Wait())
			got = append(got, lines(outs[i].String())...)
		}
		want := make([]string, perPair)
		for n := range want {
			want[n] = line(record(n))
		}
		requireSame(t, want, got, len(senders) == 1 && len(receivers) == 1)
		requireDrained(t, queue)
	})
}

func cSendsAndGoReceives(t *testing.T, client program) {
	testagent.EachMode(t, func(t *testing.T, r shmq.Options) {
		queue := create(t, r.Producers, r.Consumers)
		var senders []*exec.Cmd
		for range members(r.Producers) {
			c := client(t, "send", queue, fmt.Sprint(perPair/members(r.Producers)))
			require.NoError(t, c.Start())
			senders = append(senders, c)
		}
		untilAsleep(t, queue, len(senders)) // on the full queue

		receivers := members(r.Consumers)
		parts := make(chan []string, receivers)
		errs := make(chan error, receivers)
		for range receivers {
			c := openConsumer(t, queue)
			go func() {
				var got []string
				buf := make([]byte, 0, c.MaxRecord())
				for {
					b, err := c.Receive(t.Context(), buf)
					if err != nil {
						parts <- got
						errs <- err
						return
					}
					got = append(got, line(b))
				}
			}()
		}
		var got []string
		for range receivers {
			got = append(got, <-parts...)
			require.ErrorIs(t, <-errs, io.EOF) // the last client left in order
		}
		for _, c := range senders {
			require.NoError(t, c.Wait())
		}
		var want []string
		for range senders {
			for n := range perPair / len(senders) {
				want = append(want, line(record(n)))
			}
		}
		requireSame(t, want, got, len(senders) == 1 && receivers == 1)
		requireDrained(t, queue)
	})
}

// untilAsleep waits until so many are attached, each of which has slept.
func untilAsleep(t *testing.T, queue string, n int) {
	require.Eventually(t, func() bool {
		info, err := shmq.Stat(queue)
		return err == nil && len(info.Participants) == n &&
			!slices.ContainsFunc(info.Participants, func(p shmq.Participant) bool { return p.Waits == 0 })
	}, 20*time.Second, 2*time.Millisecond)
}

func requireSame(t *testing.T, want, got []string, inOrder bool) {
	t.Helper()
	require.Len(t, got, len(want))
	if !inOrder {
		slices.Sort(want)
		slices.Sort(got)
	}
	for i := range want {
		if want[i] != got[i] {
			require.Equal(t, want[i], got[i], "record %d", i)
		}
	}
}
