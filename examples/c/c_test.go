// Package c_test runs the C client together with the Go packages. The client was written
// from docs/layout.md; so this tests the document, too.
package c_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
)

// The rings are small, so that they are full and empty all the time and wrap after
// every few records.
const (
	slots    = 16
	slotSize = 64
	perPair  = 20_000 // records from one side to the other
)

var roles = []struct {
	name                 string
	producers, consumers shmq.Side
}{
	{"one to one", shmq.One, shmq.One},
	{"one to many", shmq.One, shmq.Many},
	{"many to one", shmq.Many, shmq.One},
	{"many to many", shmq.Many, shmq.Many},
}

func TestClientInC(t *testing.T) {
	client := compile(t)
	for _, c := range []struct {
		name string
		test func(*testing.T, program)
	}{
		{"Go sends and C receives", goSendsAndCReceives},
		{"C sends and Go receives", cSendsAndGoReceives},
		{"a killed C consumer loses nothing", killedConsumer},
		{"a killed C producer blocks nobody", killedProducer},
		{"C receives the rest of a batch", restOfABatch},
		{"each sees the other", eachSeesTheOther},
		{"C refuses", refusals},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, client) })
	}
}

func goSendsAndCReceives(t *testing.T, client program) {
	for _, r := range roles {
		t.Run(r.name, func(t *testing.T) {
			queue := create(t, r.producers, r.consumers)
			var outs [2]bytes.Buffer
			var receivers []*exec.Cmd
			for i := range members(r.consumers) {
				c := client(t, "recv", queue, fmt.Sprint(perPair))
				c.Stdout = &outs[i]
				require.NoError(t, c.Start())
				receivers = append(receivers, c)
			}
			untilAsleep(t, queue, len(receivers)) // on the empty queue

			senders := make([]*producer.Raw, members(r.producers))
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
}

func cSendsAndGoReceives(t *testing.T, client program) {
	for _, r := range roles {
		t.Run(r.name, func(t *testing.T) {
			queue := create(t, r.producers, r.consumers)
			var senders []*exec.Cmd
			for range members(r.producers) {
				c := client(t, "send", queue, fmt.Sprint(perPair/members(r.producers)))
				require.NoError(t, c.Start())
				senders = append(senders, c)
			}
			untilAsleep(t, queue, len(senders)) // on the full queue

			receivers := members(r.consumers)
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
}

// A C consumer is killed with a record in hand; a Go consumer, or another C client, gets
// that record again.
func killedConsumer(t *testing.T, client program) {
	for _, r := range roles {
		t.Run(r.name, func(t *testing.T) {
			queue := create(t, r.producers, r.consumers)
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
}

// A C producer is killed between its claim and the publication.
func killedProducer(t *testing.T, client program) {
	for _, r := range roles {
		t.Run(r.name, func(t *testing.T) {
			queue := create(t, r.producers, r.consumers)
			c := openConsumer(t, queue)
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
			if r.producers == shmq.Many {
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
}

// What is left of a batch taken by a Go consumer.
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

func eachSeesTheOther(t *testing.T, client program) {
	queue := create(t, shmq.Many, shmq.Many)
	c := client(t, "recv", queue, "1")
	require.NoError(t, c.Start())
	untilAsleep(t, queue, 1)
	info, err := shmq.Stat(queue)
	require.NoError(t, err)
	p := info.Participants[0]
	require.Equal(t, shmq.Consumer, p.Role)
	require.True(t, p.Alive)
	require.Equal(t, c.Process.Pid, p.PID)
	require.Equal(t, os.Getuid(), p.UID)
	require.Equal(t, "shmq_client", p.Command)
	require.WithinDuration(t, time.Now(), p.Attached, time.Minute)
	require.ErrorIs(t, shmq.Remove(queue), shmq.ErrInUse)

	s := openProducer(t, queue)
	out, err := client(t, "stat", queue).Output()
	require.NoError(t, err)
	require.Contains(t, string(out), fmt.Sprintf("seat 0 consumer alive pid %d shmq_client\n", p.PID))
	require.Contains(t, string(out), fmt.Sprintf("seat 1 producer alive pid %d ", os.Getpid()))
	require.Contains(t, string(out), fmt.Sprintf("slots %d\n", slots))
	require.NoError(t, s.Close())

	require.NoError(t, c.Process.Signal(syscall.SIGTERM)) // and it leaves in order
	require.NoError(t, c.Wait())
	info, err = shmq.Stat(queue)
	require.NoError(t, err)
	require.Empty(t, info.Participants)
}

func refusals(t *testing.T, client program) {
	refuses := func(queue, why string) {
		t.Helper()
		_, err := client(t, "recv", queue, "1").Output()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.Equal(t, 1, exit.ExitCode())
		require.Contains(t, string(exit.Stderr), why)
	}
	queue := create(t, shmq.One, shmq.One)
	refuses(queue+".not", "No such file")
	c := openConsumer(t, queue)
	refuses(queue, "role is taken")
	require.NoError(t, c.Close())
	whole, err := os.ReadFile(queue)
	require.NoError(t, err)
	for _, f := range []struct {
		at  int
		why string
	}{{0, "not a queue"}, {8, "version"}, {32, "checksum"}} {
		bad := slices.Clone(whole)
		bad[f.at] ^= 2
		require.NoError(t, os.WriteFile(queue, bad, 0o600))
		refuses(queue, f.why)
	}
	require.NoError(t, os.WriteFile(queue, whole[:len(whole)-1], 0o600))
	refuses(queue, "shorter")
}

// program returns the client as a process to be started, which does not outlive t.
type program func(t *testing.T, args ...string) *exec.Cmd

func compile(t *testing.T) program {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler: ", err)
	}
	exe := filepath.Join(t.TempDir(), "shmq_client")
	out, err := exec.Command(cc, "-O2", "-Wall", "-Wextra", "-Werror", "-std=gnu11", "-o", exe, "shmq_client.c").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return func(t *testing.T, args ...string) *exec.Cmd {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		t.Cleanup(cancel) // kills
		return exec.CommandContext(ctx, exe, args...)
	}
}

func create(t *testing.T, producers, consumers shmq.Side) (queue string) {
	queue = filepath.Join(t.TempDir(), "queue")
	require.NoError(t, shmq.Create(queue, &shmq.Options{
		Producers: producers, Consumers: consumers, Slots: slots, SlotSize: slotSize, Seats: 8,
	}))
	return queue
}

func members(s shmq.Side) int {
	if s == shmq.Many {
		return 2
	}
	return 1
}

func openProducer(t *testing.T, queue string) *producer.Raw {
	p, err := producer.OpenRaw(queue, &producer.Options{NoCreate: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func openConsumer(t *testing.T, queue string) *consumer.Raw {
	c, err := consumer.OpenRaw(queue, &consumer.Options{NoCreate: true, UntilEOF: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
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

// requireDrained checks that all have left and nothing is in the queue.
func requireDrained(t *testing.T, queue string) {
	t.Helper()
	info, err := shmq.Stat(queue)
	require.NoError(t, err)
	require.Zero(t, info.Records+info.Claimed+info.Leased+info.Orphans)
}

// record makes record n, as the client's make_record does.
func record(n int) []byte {
	const most = 5 * slotSize
	switch n % 5 {
	case 0:
		return []byte{}
	case 1:
		return []byte{byte(n & 0x7f)}
	case 2:
		return binary.BigEndian.AppendUint32([]byte{0xce}, uint32(n))
	}
	size := n * 37 % (most - 4)
	var b []byte
	switch {
	case size < 32:
		b = []byte{0xa0 | byte(size)}
	case size < 1<<8:
		b = []byte{0xd9, byte(size)}
	default:
		b = binary.BigEndian.AppendUint16([]byte{0xda}, uint16(size))
	}
	for i := range size {
		b = append(b, byte('a'+(n+i)%26))
	}
	return b
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// line is what the client prints of a record.
func line(b []byte) string {
	return fmt.Sprintf("%d %08x", len(b), crc32.Checksum(b, castagnoli))
}

func lines(out string) []string {
	return slices.DeleteFunc(strings.Split(out, "\n"), func(s string) bool { return s == "" })
}
