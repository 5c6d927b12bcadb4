//go:build linux

package cli_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
)

var (
	openProducer = testagent.OpenProducer
	openConsumer = testagent.OpenConsumer
)

func TestPeekShowsEachStateAndWhoHoldsIt(t *testing.T) {
	t.Parallel()
	for _, consumers := range []shmq.Multiplicity{shmq.One, shmq.Many} {
		q := queuePath(t)
		require.NoError(t, shmq.Create(q, &shmq.Options{Consumers: consumers}))
		p, c := openProducer(t, q), openConsumer(t, q, nil)
		for _, r := range []string{"\xa3one", "\xa3two", "\xc1\x00"} {
			require.NoError(t, p.TrySend([]byte(r)))
		}
		_, err := p.TryReserve(3000)
		require.NoError(t, err)
		l, err := c.TryLease()
		require.NoError(t, err)
		me := regexp.QuoteMeta(fmt.Sprintf("%d (%.23s)", os.Getpid(), filepath.Base(os.Args[0])))
		out := ran(t, 0, "shmq", "peek", q)
		require.Regexp(t, `(?m)^0 +leased +4 +1 +0 +-  `+me+` +"one"$`, out)
		require.Regexp(t, `(?m)^1 +waiting +4 +1 +0 +-  - +"two"$`, out)
		require.Regexp(t, `(?m)^2 +waiting +2 +1 +0 +-  - +not msgpack: c100$`, out)
		require.Regexp(t, `(?m)^3 +writing +- +3 +0 +-  `+me+`$`, out)

		var all []map[string]any
		for _, line := range strings.Split(strings.TrimSpace(ran(t, 0, "shmq", "peek", q, "--json")), "\n") {
			var v map[string]any
			require.NoError(t, json.Unmarshal([]byte(line), &v))
			all = append(all, v)
		}
		require.Len(t, all, 4)
		require.EqualValues(t, os.Getpid(), all[0]["holder"].(map[string]any)["pid"])
		require.Equal(t, "wQA=", all[2]["data_base64"])
		require.NotContains(t, all[2], "data")
		require.NotContains(t, all[3], "size_bytes")
		refused := start(t, nil, nil, "shmq", "peek", q, "--format", "json")
		require.Contains(t, refused.ends(65), "position 2 is not msgpack")
		require.Equal(t, "\"one\"\n\"two\"\n", refused.out.String())

		l.Release()
		if consumers == shmq.Many {
			require.Regexp(t, `(?m)^0 +orphaned +4 +1 +0 +-  - +"one"$`, ran(t, 0, "shmq", "peek", q, "-n", "1"))
		}
		l, err = c.TryLease()
		require.NoError(t, err)
		require.Regexp(t, `(?m)^0 +leased +4 +1 +1  `, ran(t, 0, "shmq", "peek", q, "-n", "1"))
		l.Ack()
		require.Regexp(t, `(?m)\n1 +waiting`, ran(t, 0, "shmq", "peek", q, "-n", "1"))
	}
}

// A look writes records that come while no consumer takes them, in order and once, and takes
// nothing; SIGINT ends it like the other tools.
func TestTailFollowsUntilASignal(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	p := openProducer(t, q)
	send := func(s string) { require.NoError(t, p.TrySend(append([]byte{0xa0 + byte(len(s))}, s...))) }
	send("old")
	send("last")
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	follow := start(t, nil, write, "shmq", "tail", q, "-n", "1")
	require.NoError(t, write.Close())
	lines := make(chan string)
	go func() {
		defer close(lines)
		buf := make([]byte, 1000)
		for {
			n, err := read.Read(buf)
			if err != nil {
				return
			}
			lines <- string(buf[:n])
		}
	}()
	next := func(want string) {
		t.Helper()
		select {
		case got := <-lines:
			require.Equal(t, want, got)
		case <-time.After(patience):
			t.Fatal("nothing follows")
		}
	}
	next("last\n")
	send("one")
	next("one\n")
	reserved, err := p.TryReserve(4)
	require.NoError(t, err)
	copy(reserved, "\xa3two")
	require.NoError(t, p.Commit(4))
	next("two\n")
	require.NoError(t, follow.Process.Signal(syscall.SIGINT))
	require.Empty(t, follow.ends(130))
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Equal(t, 4, info.Records)
}

// Records that were received between two looks are counted.
func TestTailSaysWhatItMissed(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 64}))
	p, c := openProducer(t, q), openConsumer(t, q, nil)
	require.NoError(t, p.TrySend([]byte("\xa5first")))
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer out.Close()
	written := func() string {
		b, err := os.ReadFile(out.Name())
		require.NoError(t, err)
		return string(b)
	}
	follow := start(t, nil, out, "shmq", "tail", q, "--until-eof")
	until(t, "the first record", func() bool { return written() == "first\n" })
	require.NoError(t, follow.Process.Signal(syscall.SIGSTOP)) // it can't look
	until(t, "a stopped process", func() bool { return testproc.State(follow.Process.Pid) == "T" })
	var got []byte
	for range 1000 {
		got, err = c.Receive(context.Background(), got)
		require.NoError(t, err)
		require.NoError(t, p.TrySend([]byte("\xa4next")))
	}
	require.NoError(t, p.Close())
	require.NoError(t, follow.Process.Signal(syscall.SIGCONT))
	select {
	case err := <-follow.done:
		follow.done <- err
		require.NoError(t, err)
	case <-time.After(patience):
		t.Fatal("tail does not end")
	}
	require.Equal(t, "first\nnext\n", written())
	notice := fmt.Sprintf("shmq tail: queue %q: ", q)
	require.Equal(t, notice+"records are received faster than this can look; some are not shown\n"+
		notice+"999 records passed unseen, or fewer if some took several slots\n", follow.stderr.String())
}

// mapped says that a process has opened the queue.
func mapped(pid int, q string) func() bool {
	return func() bool {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
		return strings.Contains(string(b), q)
	}
}

func TestTailOfARemovedQueueEnds(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	require.NoError(t, shmq.Create(q, nil))
	follow := start(t, nil, nil, "shmq", "tail", q)
	until(t, "a mapping", mapped(follow.Process.Pid, q))
	require.NoError(t, shmq.Remove(q))
	require.Contains(t, follow.ends(66), "was removed")
}

// A claim that a dead sender left and no participant has cleaned up is no reason to wait.
func TestTailPassesWhatADeadSenderLeft(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	p := openProducer(t, q)
	require.NoError(t, p.TrySend([]byte("\xa3one")))
	path, err := shmq.Path(q)
	require.NoError(t, err)
	// The words of a claim at position 1, by a seat that no participant has.
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	g := layout.Geometry{Seats: shmq.DefaultSeats, Slots: shmq.DefaultSlots, AreaSize: shmq.DefaultSlotSize}
	word := binary.LittleEndian.AppendUint64(nil, uint64(layout.ClaimedWord(1, 1, 100, g.Shift())))
	_, err = f.WriteAt(word, int64(g.SlotOffset()+layout.SlotSize))
	require.NoError(t, err)
	_, err = f.WriteAt([]byte{layout.SeatDirty}, layout.SeatOffset+100*layout.SeatSize)
	require.NoError(t, err)
	require.NoError(t, p.TrySend([]byte("\xa3two")))
	require.Contains(t, ran(t, 0, "shmq", "peek", q), "0 (), dead")
	require.Equal(t, "one\ntwo\n", ran(t, 0, "shmq", "tail", q, "--count", "2"))
}

func TestTailEndsWithItsReader(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	require.NoError(t, shmq.Create(q, nil))
	read, write, err := os.Pipe()
	require.NoError(t, err)
	follow := start(t, nil, write, "shmq", "tail", q)
	require.NoError(t, write.Close())
	require.NoError(t, read.Close())
	follow.ends(141)
}

// A record that a receiver holds is left out of a dump, and said to be, unless asked for.
func TestDumpLeavesOutWhatReceiversHold(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	p, c := openProducer(t, q), openConsumer(t, q, nil)
	for _, r := range []string{"\xa3one", "\xa3two"} {
		require.NoError(t, p.TrySend([]byte(r)))
	}
	l, err := c.TryLease()
	require.NoError(t, err)
	_, err = p.TryReserve(10)
	require.NoError(t, err)
	dumped := func(flags ...string) (records, stderr string) {
		d := start(t, nil, nil, "shmq", append([]string{"dump", q}, flags...)...)
		stderr = d.ends(0)
		load := start(t, &d.out, nil, "shmq", "load", q+".copy")
		load.ends(0)
		return ran(t, 0, "shmq-recv", q+".copy", "--until-eof"), stderr
	}
	records, stderr := dumped()
	require.Equal(t, "two\n", records)
	require.Contains(t, stderr, ": 1 record, 4 B; left out: 1 record in the hands of receivers (--leased); left out: 1 claims")
	records, stderr = dumped("--leased")
	require.Equal(t, "one\ntwo\n", records)
	require.Contains(t, stderr, ": 2 records, 8 B; left out: 1 claims")
	l.Release()
	records, _ = dumped()
	require.Equal(t, "one\ntwo\n", records)
	_, stderr = dumped("--take")
	require.Contains(t, stderr, "2 records")
	_, err = c.TryLease()
	require.ErrorIs(t, err, shmq.ErrEmpty)
}

// A dump whose reader does not read can be interrupted, and takes nothing.
func TestDumpThatBlocksIsInterrupted(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	sender := start(t, bytes.NewReader(numbers(1, 4000)), nil, "shmq-send", q)
	sender.ends(0)
	for _, flag := range []string{"--leased", "--take"} {
		read, write, err := os.Pipe()
		require.NoError(t, err)
		d := start(t, nil, write, "shmq", "dump", q, flag)
		require.NoError(t, write.Close())
		until(t, "output", func() bool {
			n, err := unix.IoctlGetInt(int(read.Fd()), unix.TIOCINQ)
			return err == nil && n > 3000
		})
		require.NoError(t, d.Process.Signal(syscall.SIGTERM))
		d.ends(143)
		require.NoError(t, read.Close())
	}
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Positive(t, info.Records+info.Orphans)
	require.Equal(t, []int{0, 0}, []int{info.Leased, info.Claimed})
}

// A claim of a sender shows nothing of a record, and is none of those that were asked for.
func TestPeekCountsRecordsThatItShows(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	require.NoError(t, shmq.Create(q, nil))
	holding(t, q, shmq.Producer, 10)
	start(t, bytes.NewReader(numbers(1, 3)), nil, "shmq-send", q).ends(0)
	require.Equal(t, "1\n2\n", ran(t, 0, "shmq", "peek", q, "--format", "lines", "-n", "2"))
	require.Equal(t, "1\n2\n3\n", ran(t, 0, "shmq", "peek", q, "--format", "lines"))
	require.Regexp(t, `(?s)^POSITION .*writing[^\n]*\n[^\n]*waiting[^\n]*"1"\n$`, ran(t, 0, "shmq", "peek", q, "-n", "2"))
}
