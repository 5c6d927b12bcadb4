//go:build linux

package cli_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/layout"
)

// leaves attaches as a consumer that takes a record, and dies without a word: its
// locks are gone, and its seat and its lease are as it left them.
func leaves(t *testing.T, q string) {
	t.Helper()
	path, err := shmq.Path(q)
	require.NoError(t, err)
	c, err := consumer.OpenRaw(q, nil)
	require.NoError(t, err)
	_, err = c.TryLease()
	require.NoError(t, err)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.NoError(t, os.WriteFile(path, before, 0o600))
}

func TestGcKeepsWhatTheDeadHeld(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SHMQ_DIR", dir)
	p := openProducer(t, "q")
	require.NoError(t, p.TrySend([]byte("\xa3one")))
	require.NoError(t, p.Close())
	leaves(t, "q")
	info, err := shmq.Stat("q")
	require.NoError(t, err)
	require.Equal(t, []int{0, 0, 1}, []int{info.Records, info.Leased, info.Orphans})
	require.Regexp(t, `(?m)^q +1 +0 of many +0 of many +1 `, ran(t, 0, "shmq", "ls"))
	require.Regexp(t, `(?m)^q .* kept +1 record in it`, ran(t, 0, "shmq", "gc", "--older-than", "0"))
	require.Regexp(t, `(?m)^q .* would remove `, ran(t, 0, "shmq", "gc", "--older-than", "0", "--with-records", "--dry-run"))
	require.Equal(t, "1 record dropped, 4 B\n", ran(t, 0, "shmq", "drain", "q"))
	require.Regexp(t, `(?m)^q .* removed `, ran(t, 0, "shmq", "gc", "--older-than", "0"))
}

// The age is that of the last attachment, by whatever clock; one to come is now.
func TestGcGoesByTheLastAttachment(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SHMQ_DIR", dir)
	require.NoError(t, shmq.Create("q", nil))
	require.NoError(t, openProducer(t, "q").Close())
	f, err := os.OpenFile(filepath.Join(dir, "shmq.q"), os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	attached := func(ago time.Duration) {
		b := binary.LittleEndian.AppendUint64(nil, uint64(time.Now().Add(-ago).UnixNano()))
		_, err := f.WriteAt(b, layout.SeatOffset+layout.SeatAttached)
		require.NoError(t, err)
	}
	attached(-time.Hour)
	require.Regexp(t, `(?m)^q .* 0s +kept +not older than 1h30m$`, ran(t, 0, "shmq", "gc", "--older-than", "90m"))
	attached(time.Minute)
	// The queue was made later than that.
	require.Regexp(t, `(?m)^q .* kept +not older than 30s$`, ran(t, 0, "shmq", "gc", "--older-than", "30s"))
}

func TestDrainTellsWhatOthersHold(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	p, c := openProducer(t, q), openConsumer(t, q, nil)
	for _, r := range []string{"\xa3one", "\xa3two", "\xa1x"} {
		require.NoError(t, p.TrySend([]byte(r)))
	}
	l, err := c.TryLease()
	require.NoError(t, err)
	me := fmt.Sprintf("pid %d (%.23s)", os.Getpid(), filepath.Base(os.Args[0]))
	require.Equal(t, "2 records dropped, 6 B\n1 record left in the hands of "+me+"\n", ran(t, 0, "shmq", "drain", q))
	var d struct {
		Leased  int
		Holders []shmq.Holder
	}
	require.NoError(t, json.Unmarshal([]byte(ran(t, 0, "shmq", "drain", q, "--json")), &d))
	require.Equal(t, 1, d.Leased)
	require.Equal(t, os.Getpid(), d.Holders[0].PID)
	l.Release()
	require.Equal(t, "1 record dropped, 4 B\n", ran(t, 0, "shmq", "drain", q))
}

func TestDrainThatWaitsTellsWhatItDropped(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	p := openProducer(t, q)
	require.NoError(t, p.TrySend([]byte("\xa3one")))
	d := start(t, nil, nil, "shmq", "drain", q, "--until-eof")
	until(t, "a drained queue", waiting(q, shmq.Consumer))
	require.NoError(t, d.Process.Signal(os.Interrupt))
	d.ends(130)
	require.Equal(t, "1 record dropped, 4 B\n", d.out.String())
}

// Where each consumer gets every record, what counts is what a receiver that comes later
// still gets, and whom the queue owes something: not what the slowest subscription has left.
func TestGcOfQueuesOfWhichEachConsumerGetsEveryRecord(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SHMQ_DIR", dir)
	for name, args := range map[string][]string{
		"keep": {"--slots", "64", "--keep", "32"}, "skip": {"--slots", "16", "--slow", "skip"},
		"audited": {"--slots", "64"}, "empty": {"--slots", "64"}, "left": {"--slots", "64"},
	} {
		ran(t, 0, "shmq", append([]string{"create", name, "--consumers", "each"}, args...)...)
	}
	start(t, bytes.NewReader(numbers(1, 20)), nil, "shmq-send", "keep").ends(0)
	start(t, bytes.NewReader(numbers(1, 20)), nil, "shmq-send", "skip").ends(0)
	ran(t, 0, "shmq-recv", "audited", "--subscription", "audit", "--until-empty")
	// A durable subscription that has acknowledged everything, in a queue that still has it.
	start(t, bytes.NewReader(numbers(1, 3)), nil, "shmq-send", "audited").ends(0)
	require.Equal(t, "1\n2\n3\n", ran(t, 0, "shmq-recv", "audited", "--subscription", "audit", "--until-empty"))
	ran(t, 0, "shmq-recv", "left", "--subscription", "gone", "--until-empty")
	ran(t, 0, "shmq", "unsubscribe", "left", "gone")

	for _, args := range [][]string{{"--dry-run"}, nil} {
		out := ran(t, 0, "shmq", append([]string{"gc", "--older-than", "0"}, args...)...)
		require.Regexp(t, `(?m)^keep .* kept +20 records in it; see --with-records$`, out)
		require.Regexp(t, `(?m)^skip .* kept +16 records in it; see --with-records$`, out)
		require.Regexp(t, `(?m)^audited .* kept +durable subscription "audit"; see shmq unsubscribe$`, out)
		require.Regexp(t, `(?m)^empty .* (would remove|removed) +nobody is attached, 0 records$`, out)
		require.Regexp(t, `(?m)^left .* (would remove|removed) +nobody is attached, 0 records$`, out)
	}
	require.Regexp(t, `(?m)"name":"keep","action":"would remove".*"records":20}$`, ran(t, 0, "shmq", "gc", "--older-than", "0", "--with-records", "--dry-run", "--json"))
	out := ran(t, 0, "shmq", "gc", "--older-than", "0", "--with-records")
	require.Regexp(t, `(?m)^audited .* kept +durable subscription "audit"`, out)
	require.Regexp(t, `(?m)^keep .* removed +nobody is attached, 20 records$`, out)
	ran(t, 0, "shmq", "unsubscribe", "audited", "audit")
	require.Regexp(t, `(?m)^audited .* kept +3 records in it`, ran(t, 0, "shmq", "gc", "--older-than", "0"))
}

// The numbers of a queue that the machine left in pieces mean little, and so does a 0.
func TestGcKeepsWhatIsToBeRebuilt(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SHMQ_DIR", dir)
	ran(t, 0, "shmq", "create", "q", "--checksum")
	p := openProducer(t, "q")
	// A copy of a queue in use is like one that was in use when the machine stopped.
	b, err := os.ReadFile(filepath.Join(dir, "shmq.q"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "shmq.copy"), b, 0o600))
	require.NoError(t, p.Close())
	info, err := shmq.Stat("copy")
	require.NoError(t, err)
	require.True(t, info.Broken)
	require.Regexp(t, `(?m)^copy .* kept +to be rebuilt; see shmq recover$`, ran(t, 0, "shmq", "gc", "--older-than", "0", "--with-records"))
	ran(t, 0, "shmq", "recover", "copy")
	require.Regexp(t, `(?m)^copy .* removed +nobody is attached, 0 records$`, ran(t, 0, "shmq", "gc", "--older-than", "0"))
}
