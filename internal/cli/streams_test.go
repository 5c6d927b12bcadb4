//go:build linux

package cli_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

// readme returns the two commands of README's first example, and what the second one
// is said to print.
func readme(t *testing.T) (send, recv, prints string) {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	m := regexp.MustCompile(`(?m)^\$ (.*shmq-send .*) &\n\$ (shmq-recv .*)\n(.*)$`).FindSubmatch(text)
	require.NotNil(t, m, "README has no example of that kind")
	return string(m[1]), string(m[2]), string(m[3])
}

// shellLines returns a start of shell lines that find our commands, and the queues in a
// directory of the test's own.
func shellLines(t *testing.T) func(line string) *process {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	bin, dir := t.TempDir(), t.TempDir()
	for _, name := range []string{"shmq-send", "shmq-recv"} {
		require.NoError(t, os.Symlink(self, filepath.Join(bin, name)))
	}
	return func(line string) *process {
		return startCmd(t, func(p *process) {
			p.Path, p.Args = "/bin/sh", []string{"sh", "-c", line}
			p.Env = append(p.Env, "PATH="+bin+":"+os.Getenv("PATH"), "SHMQ_DIR="+dir)
			p.Stdout, p.Stderr = &p.out, &p.stderr
		})
	}
}

// README's example, again and again on the same name, whichever side is first.
func TestReadmeExampleIsRepeatable(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("seq"); err != nil {
		t.Skip(err)
	}
	send, recv, prints := readme(t)
	run := shellLines(t)
	for round := range 200 {
		lines := []string{send, recv}
		first := rand.IntN(2)
		ps := make([]*process, 2)
		ps[first] = run(lines[first])
		time.Sleep(time.Duration(rand.IntN(4)) * rand.N(10*time.Millisecond)) // in any order, overlapping or not
		ps[1-first] = run(lines[1-first])
		require.Empty(t, ps[0].ends(0), "round %d", round)
		require.Empty(t, ps[1].ends(0), "round %d", round)
		require.Equal(t, prints, strings.TrimSpace(ps[1].out.String()), "round %d, command %d first", round, first)
	}
}

// Streams that follow each other without a pause, and receivers that do: each gets one.
func TestOverlappingStreamsStayApart(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"one", "many"} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			const rounds, each = 12, 5000
			q := queuePath(t)
			require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 1024, SlotSize: 64}))
			if side == "one" {
				require.NoError(t, shmq.Remove(q))
				require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 1024, SlotSize: 64, Producers: shmq.One, Consumers: shmq.One}))
			}
			done := make(chan struct{})
			go func() { // the sender, one stream after the other
				defer close(done)
				for i := range rounds {
					cmd := exec.Command(os.Args[0])
					cmd.Args = []string{"shmq-send", q, "--close"}
					cmd.Stdin = bytes.NewReader(numbers(i*each+1, (i+1)*each))
					if out, err := cmd.CombinedOutput(); err != nil {
						t.Errorf("%v: %s", err, out)
						return
					}
				}
			}()
			for i := range rounds {
				p := start(t, nil, nil, "shmq-recv", q, "--until-eof", "--strict")
				require.Empty(t, p.ends(0))
				requireSame(t, numbers(i*each+1, (i+1)*each), p.out.Bytes())
			}
			<-done
		})
	}
}

// Two receivers that were there share a stream, both are told its end, and neither gets
// anything of the next one.
func TestAllReceiversEndWithTheirStream(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	for range 5 {
		var rs []*process
		for range 3 {
			rs = append(rs, start(t, nil, nil, "shmq-recv", q, "--until-eof"))
		}
		until(t, "receivers", func() bool { return len(attached(q, shmq.Consumer)) == 3 })
		start(t, bytes.NewReader(numbers(1, 3000)), nil, "shmq-send", q, "--close").ends(0)
		lines := 0
		for _, r := range rs {
			require.Empty(t, r.ends(0))
			lines += bytes.Count(r.out.Bytes(), []byte("\n"))
		}
		require.Equal(t, 3000, lines)
	}
}

// A receiver that comes after an end that reached a receiver waits for the next stream.
func TestLateReceiverWaitsForTheNextStream(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	for range 2 {
		first := start(t, nil, nil, "shmq-recv", q, "--until-eof")
		until(t, "a receiver", waiting(q, shmq.Consumer))
		start(t, strings.NewReader("x\n"), nil, "shmq-send", q, "--close").ends(0)
		require.Empty(t, first.ends(0))
		late := start(t, nil, nil, "shmq-recv", q, "--until-eof")
		until(t, "a late one", waiting(q, shmq.Consumer))
		start(t, strings.NewReader("y\n"), nil, "shmq-send", q, "--close").ends(0)
		require.Empty(t, late.ends(0))
		require.Equal(t, "x\ny\n", first.out.String()+late.out.String())
	}
	// An empty stream that no receiver waited for has an end for the first one that comes.
	start(t, strings.NewReader(""), nil, "shmq-send", q, "--close").ends(0)
	require.Empty(t, start(t, nil, nil, "shmq-recv", q, "--until-eof").ends(0))
}

// Workers and plain receivers go on through ends.
func TestPlainReceiversGoOnThroughEnds(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"--jobs", "2", "--exec", "cat"}} {
		q := queuePath(t)
		start(t, strings.NewReader("1\n"), nil, "shmq-send", q, "--close").ends(0)
		p := start(t, nil, nil, "shmq-recv", append([]string{q}, args...)...)
		for n := range uint64(3) {
			until(t, "a record that is done", settled(q, n+1))
			if n == 1 {
				never, _ := pipe(t)
				sender := start(t, never, nil, "shmq-send", q)
				until(t, "a sender", func() bool { return len(attached(q, shmq.Producer)) == 1 })
				require.NoError(t, sender.Process.Kill()) // its end, too
				sender.done <- <-sender.done              // which the cleanup looks for
			}
			start(t, strings.NewReader("n\n"), nil, "shmq-send", q, "--close").ends(0)
		}
		until(t, "the last record", settled(q, 4))
		require.NoError(t, p.Process.Signal(syscall.SIGTERM))
		require.Empty(t, p.ends(143))
		require.Equal(t, "1\nn\nn\nn\n", p.out.String())
	}
}

// A sender that is killed, or that promised an end and failed, is no finished stream.
func TestBrokenOffStream(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		sig  syscall.Signal
		code int
	}{
		"killed":             {nil, syscall.SIGKILL, 0},
		"killed, strict":     {[]string{"--strict"}, syscall.SIGKILL, 76},
		"terminated":         {nil, syscall.SIGTERM, 0},
		"terminated, strict": {[]string{"--strict"}, syscall.SIGTERM, 76},
		"killed, command":    {[]string{"--exec", "cat", "--count", "1000000"}, syscall.SIGKILL, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := queuePath(t)
			require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 64, SlotSize: 64}))
			sender := start(t, &numbered{}, nil, "shmq-send", q, "--close")
			receiver := start(t, nil, nil, "shmq-recv", append([]string{q, "--until-eof"}, c.args...)...)
			until(t, "records", func() bool {
				ps := attached(q, shmq.Consumer)
				return len(ps) > 0 && ps[0].Records > 100
			})
			require.NoError(t, sender.Process.Signal(c.sig))
			line := receiver.ends(c.code)
			require.Contains(t, line, "the stream was broken off")
			require.Contains(t, line, strconv.Quote(q))
			lines := strings.Split(strings.TrimSpace(receiver.out.String()), "\n")
			for i, l := range lines { // all that was sent, and in order
				if want := "0." + strconv.Itoa(i); l != want {
					t.Fatalf("line %d is %q, want %q", i, l, want)
				}
			}
			start(t, strings.NewReader("new\n"), nil, "shmq-send", q, "--close").ends(0)
			again := start(t, nil, nil, "shmq-recv", append([]string{q, "--until-eof"}, c.args...)...)
			require.Empty(t, again.ends(0), "the next stream is whole")
			require.Equal(t, "new\n", again.out.String())
		})
	}
}

// Strict wants a mark; without it a stream that all senders left in order is at its end.
func TestStrictWantsAMark(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		send, recv []string
		code       int
	}{
		{[]string{"--close"}, []string{"--strict"}, 0}, {nil, []string{"--strict"}, 76}, {nil, nil, 0},
	} {
		q := queuePath(t)
		start(t, strings.NewReader("a\n"), nil, "shmq-send", append(c.send, q)...).ends(0)
		p := start(t, nil, nil, "shmq-recv", append(c.recv, q, "--until-eof")...)
		require.Equal(t, c.code == 0, p.ends(c.code) == "")
		require.Equal(t, "a\n", p.out.String())
	}
	require.Contains(t, start(t, nil, nil, "shmq-recv", queuePath(t), "--strict").ends(64), "--until-eof")
}

// A sender that is refused never was one: no receiver ends because of it, and a stream that was
// at its end stays so.
func TestRefusedSenderIsNone(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	require.NoError(t, shmq.Create(q, nil))
	receiver := start(t, nil, nil, "shmq-recv", q, "--until-eof")
	until(t, "a receiver", waiting(q, shmq.Consumer))
	refuse := func() {
		for _, args := range [][]string{{"--sync", "each"}, {"--slots", "8"}, {"--checksum"}} {
			start(t, strings.NewReader("never\n"), nil, "shmq-send", append([]string{q}, args...)...).ends(64)
		}
	}
	refuse()
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.False(t, info.Begun)
	start(t, strings.NewReader("a\n"), nil, "shmq-send", q, "--close").ends(0)
	require.Empty(t, receiver.ends(0))
	require.Equal(t, "a\n", receiver.out.String())
	refuse()
	info, err = shmq.Stat(q)
	require.NoError(t, err)
	require.True(t, info.Finished)
	require.Empty(t, rest(t, q))
}

// D leases ten records in a batch and is killed, B inherits them and hands out one: C is
// not at the end while nine are left.
func TestNoReceiverEndsWhileRecordsAreLeft(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	start(t, bytes.NewReader(numbers(1, 10)), nil, "shmq-send", q, "--close").ends(0)
	never, _ := pipe(t)
	d := start(t, never, nil, "holder", q, "consumer", "10")
	until(t, "a batch", func() bool {
		info, err := shmq.Stat(q)
		return err == nil && info.Leased == 10
	})
	require.NoError(t, d.Process.Kill())
	d.done <- <-d.done
	b := start(t, nil, nil, "shmq-recv", q, "--until-eof", "--exec", "echo $$ >/dev/null; cat; sleep 0.1")
	until(t, "B at work", func() bool {
		info, err := shmq.Stat(q)
		// D, which is dead, holds records as well until B has them.
		return err == nil && info.Leased > 0 && info.Orphans == 0 && len(info.Participants) == 1 && info.Participants[0].PID == b.Process.Pid
	})
	c := start(t, nil, nil, "shmq-recv", q, "--until-eof", "--timeout", "0.3")
	require.Contains(t, c.ends(124), "no record came", "it was told an end")
	require.Empty(t, b.ends(0))
	requireSame(t, numbers(1, 10), b.out.Bytes())
}
