//go:build linux

package cli_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testproc"
)

// A tee is killed at random, again and again, while three queues are full now and then. None of
// them goes without a record. One comes again at most as often as a batch was in hand at a
// kill, and the queues have the others in their order.
func TestKilledTeeLosesNothing(t *testing.T) {
	t.Parallel()
	kills := 15
	if testproc.Long() {
		kills = 200
	}
	const batch = 32
	for _, o := range []shmq.Options{{Slots: 128}, {Slots: 128, Consumers: shmq.One}, {Slots: 128, Producers: shmq.One, Consumers: shmq.One}, {Slots: 128, Consumers: shmq.Each}} {
		t.Run(o.Producers.String()+" to "+o.Consumers.String(), func(t *testing.T) {
			t.Parallel()
			from := queuePath(t)
			require.NoError(t, shmq.Create(from, &o))
			var subscribe []string
			if o.Consumers == shmq.Each {
				subscribe = []string{"--subscription", "tee"}
				start(t, nil, nil, "shmq-recv", from, "--subscription", "tee", "--until-empty").ends(0)
			}
			in := &numbered{}
			sender := start(t, in, nil, "shmq-send", from)
			var to []string
			var receivers []*process
			for range 3 {
				q := queuePath(t)
				require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 64}))
				to = append(to, q)
				receivers = append(receivers, start(t, nil, nil, "shmq-recv", q))
			}
			tee := func(more ...string) *process {
				return start(t, nil, nil, "shmq", append(append([]string{"tee", from}, to...), append(append(more, subscribe...), "--batch", strconv.Itoa(batch))...)...)
			}
			received := func() uint64 {
				info, err := shmq.Stat(to[2])
				require.NoError(t, err)
				return info.Sent
			}
			for range kills {
				before := received()
				victim := tee()
				until(t, "records of this tee", func() bool { return received() > before })
				time.Sleep(rand.N(5 * time.Millisecond)) // at any moment
				require.NoError(t, victim.Process.Kill())
				err := <-victim.done
				victim.done <- err
				require.Error(t, err, "it ended by itself")
			}
			in.end.Store(true)
			last := tee()
			sender.ends(0)
			until(t, "the end", func() bool {
				info, err := shmq.Stat(from)
				require.NoError(t, err)
				return info.Records+info.Leased+info.Orphans == 0
			})
			require.NoError(t, last.Process.Signal(syscall.SIGTERM))
			last.wait(143)
			twice := 0
			for i, r := range receivers {
				until(t, "an empty queue", func() bool { return waitingIn(t, to[i]) == 0 })
				require.NoError(t, r.Process.Signal(syscall.SIGTERM))
				r.wait(143)
				next := 0
				for _, line := range strings.Fields(r.out.String()) {
					n, err := strconv.Atoi(strings.TrimPrefix(line, "0."))
					require.NoError(t, err)
					switch {
					case n == next:
						next++
					case n < next:
						twice++
						require.Greater(t, n, next-1-2*batch, "what was in hand at a kill is all that comes again")
					default:
						t.Fatalf("queue %d: record %d came instead of %d", i, n, next)
					}
				}
				require.Equal(t, in.lines, next, "lost at the end")
			}
			require.LessOrEqual(t, twice, 3*kills*batch)
			t.Logf("%d kills, %d records, %d of them twice in one of three queues", kills, in.lines, twice)
		})
	}
}

// A tee waits for the slowest queue, and the others have what was in hand. When it is told to
// end it leaves what not all have, and another one passes that on.
func TestTeeWaitsForTheSlowest(t *testing.T) {
	t.Parallel()
	from, fast, slow := queuePath(t), queuePath(t), queuePath(t)
	require.NoError(t, shmq.Create(slow, &shmq.Options{Slots: 4, SlotSize: 64}))
	start(t, bytes.NewReader(numbers(1, 100)), nil, "shmq-send", from).ends(0)
	tee := start(t, nil, nil, "shmq", "tee", from, slow, fast, "--batch", "10")
	until(t, "a full queue", waiting(slow, shmq.Producer))
	require.Equal(t, 10, waitingIn(t, fast))
	require.NoError(t, tee.Process.Signal(syscall.SIGINT))
	require.Contains(t, tee.ends(130), "records passed on: 4")
	require.Equal(t, 96, waitingIn(t, from)+orphansIn(t, from))
	requireSame(t, numbers(1, 4), rest(t, slow))

	tee = start(t, nil, nil, "shmq", "tee", from, slow, fast, "--until-eof")
	receiver := start(t, nil, nil, "shmq-recv", slow, "--until-eof")
	tee.ends(0)
	receiver.wait(0)
	requireSame(t, numbers(5, 100), receiver.out.Bytes())
	requireSame(t, append(numbers(1, 10), numbers(5, 100)...), rest(t, fast))
}

func orphansIn(t *testing.T, q string) int {
	t.Helper()
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	return info.Orphans
}

// A record is not acknowledged that went to a queue which was removed: another tee sends it.
func TestTeeIntoARemovedQueue(t *testing.T) {
	t.Parallel()
	from, a, b := queuePath(t), queuePath(t), queuePath(t)
	tee := start(t, nil, nil, "shmq", "tee", from, a, b)
	until(t, "the tee", func() bool { return len(attached(b, shmq.Producer)) == 1 })
	require.NoError(t, os.Remove(a))
	start(t, bytes.NewReader(numbers(1, 3)), nil, "shmq-send", from).ends(0)
	require.Contains(t, tee.ends(66), "removed")
	start(t, nil, nil, "shmq", "tee", from, a, b, "--until-empty").ends(0)
	requireSame(t, numbers(1, 3), rest(t, a))
}

// What tees share goes to each queue once, and the end of the stream when all is there.
func TestTeesShareTheWork(t *testing.T) {
	t.Parallel()
	from, a, b := queuePath(t), queuePath(t), queuePath(t)
	tees := []*process{start(t, nil, nil, "shmq", "tee", from, a, b, "--until-eof"), start(t, nil, nil, "shmq", "tee", from, b, a, "--until-eof")}
	until(t, "two tees", func() bool { return len(attached(a, shmq.Producer)) == 2 && len(attached(b, shmq.Producer)) == 2 })
	receivers := []*process{start(t, nil, nil, "shmq-recv", a, "--until-eof", "--strict"), start(t, nil, nil, "shmq-recv", b, "--until-eof", "--strict")}
	start(t, bytes.NewReader(numbers(1, 20_000)), nil, "shmq-send", from, "--close").ends(0)
	for _, p := range append(tees, receivers...) {
		p.ends(0)
	}
	for _, r := range receivers {
		seen := map[string]bool{}
		for _, line := range strings.Fields(r.out.String()) {
			require.False(t, seen[line], line)
			seen[line] = true
		}
		require.Len(t, seen, 20_000)
	}
}

// A tee that one of its queues refuses has not been a sender of the others: their receivers learn of no
// end of a stream.
func TestRefusedTeeEndsNoStream(t *testing.T) {
	t.Parallel()
	readOnly := func(t *testing.T) string {
		q := queuePath(t)
		require.NoError(t, shmq.Create(q, &shmq.Options{Mode: 0o400}))
		return q
	}
	taken := func(o shmq.Options) func(t *testing.T) string {
		return func(t *testing.T) string {
			q := queuePath(t)
			require.NoError(t, shmq.Create(q, &o))
			holding(t, q, shmq.Producer, 1)
			if o.Seats == 2 {
				holding(t, q, shmq.Producer, 1)
			}
			return q
		}
	}
	for name, c := range map[string]struct {
		bad  func(t *testing.T) string
		code int
		args []string
	}{
		"no seat":       {taken(shmq.Options{Seats: 2}), 69, nil},
		"one producer":  {taken(shmq.Options{Producers: shmq.One}), 69, nil},
		"no permission": {readOnly, 77, nil},
		"no queue":      {func(t *testing.T) string { return bytesFile(t) }, 65, nil},
		"no directory":  {func(t *testing.T) string { return t.TempDir() + "/absent/q" }, 66, nil},
		"another shape": {taken(shmq.Options{}), 64, []string{"--slots", "8"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.code == 77 && os.Geteuid() == 0 {
				t.Skip("root is refused nothing")
			}
			from, good := queuePath(t), queuePath(t)
			require.NoError(t, shmq.Create(good, &shmq.Options{Slots: 8}))
			start(t, nil, nil, "shmq", append([]string{"tee", from, good, t.TempDir() + "/new", c.bad(t)}, c.args...)...).ends(c.code)
			info, err := shmq.Stat(good)
			require.NoError(t, err)
			require.False(t, info.Begun, "a stream has begun, and ended")
			require.Empty(t, info.Left)
		})
	}
}

// bytesFile is a file that is no queue.
func bytesFile(t *testing.T) string {
	q := queuePath(t)
	require.NoError(t, os.WriteFile(q, []byte("no queue"), 0o600))
	return q
}
