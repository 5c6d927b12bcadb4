//go:build linux

package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

// runCommand starts a receiver that runs a shell line for each record, in a directory
// of the test's own, which it returns.
func runCommand(t *testing.T, q, line string, args ...string) (*process, string) {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() { release(t, dir) })
	return start(t, nil, nil, "shmq-recv", append([]string{q, "--exec", "cd " + dir + "; " + line}, args...)...), dir
}

// hold is what commands do until the file "go" is there: they outlive no test.
const hold = `while [ ! -e go ] && [ -d "$PWD" ]; do sleep 0.02; done; `

func release(t *testing.T, dir string) { touch(t, dir, "go") }

func touch(t *testing.T, dir, name string) {
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
}

func exists(dir string, names ...string) func() bool {
	return func() bool {
		return !slices.ContainsFunc(names, func(name string) bool {
			_, err := os.Stat(filepath.Join(dir, name))
			return err != nil
		})
	}
}

// eachSide runs a test for a single consumer and for many.
func eachSide(t *testing.T, f func(t *testing.T, q string)) {
	for _, side := range []shmq.Multiplicity{shmq.One, shmq.Many} {
		t.Run(side.String(), func(t *testing.T) {
			t.Parallel()
			q := queuePath(t)
			require.NoError(t, shmq.Create(q, &shmq.Options{Consumers: side}))
			f(t, q)
		})
	}
}

// settled says how many records the only receiver has acknowledged.
func settled(q string, n uint64) func() bool {
	return func() bool {
		ps := attached(q, shmq.Consumer)
		return len(ps) == 1 && ps[0].Records == n
	}
}

// Three commands run at a time, and no fourth; a record is acknowledged when its own
// command ends, whatever those before it do.
func TestJobsRunAtATimeAndAreSettledInTheOrderOfTheirEnds(t *testing.T) {
	t.Parallel()
	eachSide(t, func(t *testing.T, q string) {
		start(t, bytes.NewReader(numbers(1, 5)), nil, "shmq-send", q).ends(0)
		receiver, dir := runCommand(t, q, `read x; touch on$x; while [ ! -e go ] && [ ! -e go$x ] && [ -d "$PWD" ]; do sleep 0.02; done`, "--jobs", "3", "--until-eof")
		until(t, "three commands", exists(dir, "on1", "on2", "on3"))
		require.False(t, exists(dir, "on4")())
		touch(t, dir, "go3")
		until(t, "the third is done", settled(q, 1))
		until(t, "a fourth", exists(dir, "on4"))
		require.False(t, exists(dir, "on5")())
		touch(t, dir, "go2")
		touch(t, dir, "go4")
		until(t, "two more are done", settled(q, 3))
		until(t, "a fifth", exists(dir, "on5"))
		release(t, dir)
		receiver.ends(0)
		left(t, q)
	})
}

// A receiver whose commands all run notices the end of one though no record comes, and
// takes a record though no command ends.
func TestWaitingCrewMissesNothing(t *testing.T) {
	t.Parallel()
	eachSide(t, func(t *testing.T, q string) {
		receiver, dir := runCommand(t, q, `read x; touch on$x; [ $x = 2 ] || { `+hold+`}`, "--jobs", "2", "--count", "2")
		until(t, "idle receiver", waiting(q, shmq.Consumer))
		sendBytes(t, q, "\xa11")
		until(t, "the first", exists(dir, "on1"))
		sendBytes(t, q, "\xa12")
		until(t, "the second", exists(dir, "on2"))
		until(t, "its end", settled(q, 1))
		release(t, dir)
		receiver.ends(0)
	})
}

// A signal goes to all of a command, once. A record that fails because of it, one that is being
// put off and one that was not begun is there for the next receiver, one that still succeeds is
// not.
func TestSignalGoesToTheCommands(t *testing.T) {
	t.Parallel()
	eachSignal(t, func(t *testing.T, sig syscall.Signal) {
		eachSide(t, func(t *testing.T, q string) {
			start(t, bytes.NewReader(numbers(1, 9)), nil, "shmq-send", q).ends(0)
			receiver, dir := runCommand(t, q, `read x
			[ $x != 1 ] || trap 'echo finished; exit 0' INT TERM # it finishes its work
			touch on$x
			case $x in
				2) sleep 600 | cat;; # not the shell alone
				3) touch again; [ -e never ];;
			esac; `+hold+`exit 1`, "--jobs", "3", "--retries", "1000000")
			until(t, "three commands", exists(dir, "on1", "on2", "again"))
			require.NoError(t, receiver.Process.Signal(sig))
			require.NotContains(t, receiver.wait(128+int(sig)), "shmq") // a shell may say something
			require.Equal(t, "finished\n", receiver.out.String())
			left(t, q)
			got := strings.Fields(string(rest(t, q)))
			slices.Sort(got)
			require.Equal(t, strings.Fields(string(numbers(2, 9))), got)
		})
	})
}

// A record that stops the receiver does not take the others' work with it.
func TestFailureLetsOthersFinish(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	start(t, bytes.NewReader(numbers(1, 4)), nil, "shmq-send", q).ends(0)
	receiver, dir := runCommand(t, q, `read x; touch on$x; [ $x = 1 ] || exit 1; `+hold, "--jobs", "2", "--retries", "0")
	until(t, "a record that was given back", func() bool {
		info, err := shmq.Stat(q)
		return err == nil && info.Orphans == 1
	})
	until(t, "the other command", exists(dir, "on1"))
	release(t, dir)
	require.Contains(t, receiver.ends(123), "record 2: exit status 1; it is still in the queue")
	require.False(t, exists(dir, "on3")())
	require.Equal(t, "2\n3\n4\n", string(rest(t, q)))
}

// Killed, a receiver leaves its records to the next one, which is told so.
func TestKilledReceiverLeavesItsRecords(t *testing.T) {
	t.Parallel()
	eachSide(t, func(t *testing.T, q string) {
		start(t, bytes.NewReader(numbers(1, 3)), nil, "shmq-send", q).ends(0)
		receiver, dir := runCommand(t, q, `read x; touch on$x; `+hold, "--jobs", "2")
		until(t, "two commands", exists(dir, "on1", "on2"))
		require.NoError(t, receiver.Process.Kill())
		until(t, "its end", func() bool { return len(attached(q, shmq.Consumer)) == 0 })
		release(t, dir) // its commands live on
		next, _ := runCommand(t, q, `read x; echo $x $SHMQ_REDELIVERED`, "--until-eof")
		next.ends(0)
		require.Equal(t, "1 1\n2 1\n3 0\n", next.out.String())
	})
}

// A receiver that is killed while its command reads does not cut the record short: what the
// command can't tell from a whole one it would work on.
func TestKilledReceiverCutsNoRecord(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	record := strings.Repeat("x", 1<<20) // more than a pipe holds
	start(t, strings.NewReader(record), nil, "shmq-send", q).ends(0)
	receiver, dir := runCommand(t, q, `touch on; `+hold+`wc -c >n; mv n size`)
	until(t, "the command", exists(dir, "on"))
	require.NoError(t, receiver.Process.Kill())
	until(t, "its end", func() bool { return len(attached(q, shmq.Consumer)) == 0 })
	release(t, dir)
	until(t, "the rest of the command", exists(dir, "size"))
	require.Equal(t, strconv.Itoa(len(record)+1), strings.TrimSpace(readFile(dir, "size")))
}

// A record that can't be written in the format is like a command that fails, but is not tried.
func TestCommandForARecordThatIsNotMsgpack(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	sendBytes(t, q, "\xa1a", "\xc1 no msgpack", "\xa1b")
	receiver := start(t, nil, nil, "shmq-recv", q, "--exec", "cat", "--until-eof")
	require.Contains(t, receiver.ends(65), "record 2: bad data: it is not msgpack")
	require.Equal(t, "a\n", receiver.out.String())
	dead := queuePath(t)
	receiver = start(t, nil, nil, "shmq-recv", q, "--exec", "cat", "--until-eof", "--dead-letter", dead)
	receiver.wait(123)
	require.Equal(t, "b\n", receiver.out.String())
	start(t, nil, nil, "shmq", "requeue", dead).ends(0)
	require.Equal(t, "\xc1 no msgpack", string(rest(t, q, "--format", "raw")))
}

// A full queue for what failed keeps the record in its own queue until there is room,
// and a signal ends that.
func TestDeadLettersWaitForRoom(t *testing.T) {
	t.Parallel()
	q, dead := queuePath(t), queuePath(t)
	require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 4}))
	require.NoError(t, shmq.Create(dead, &shmq.Options{Slots: 2, SlotSize: 16384}))
	start(t, bytes.NewReader(numbers(1, 4)), nil, "shmq-send", q).ends(0)
	receiver := start(t, nil, nil, "shmq-recv", q, "--exec", "false", "--retries", "0", "--dead-letter", dead)
	until(t, "a full queue", waiting(dead, shmq.Producer))
	require.NoError(t, receiver.Process.Signal(syscall.SIGTERM))
	require.Contains(t, receiver.wait(143), fmt.Sprintf("a dead letter has to wait: queue %q is full", dead))
	require.Equal(t, "3\n4\n", string(rest(t, q)))
	start(t, nil, nil, "shmq", "requeue", dead).ends(0)
	require.Equal(t, "1\n2\n", string(rest(t, q)))
}

func readFile(dir, name string) string {
	b, _ := os.ReadFile(filepath.Join(dir, name)) // "" until it is there
	return string(b)
}
