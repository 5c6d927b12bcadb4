//go:build linux

package cli_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testproc"
)

// A requeue is killed at random, again and again. No record is lost; one is there twice at
// most for each kill.
func TestKilledRequeueLosesNothing(t *testing.T) {
	t.Parallel()
	kills, records := 15, 3000
	if testproc.Long() {
		kills, records = 200, 40_000
	}
	q, dead := queuePath(t), queuePath(t)
	require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 1 << 16, SlotSize: 64}))
	require.NoError(t, shmq.Create(dead, &shmq.Options{Slots: 1 << 16, SlotSize: 1024}))
	start(t, bytes.NewReader(numbers(1, records)), nil, "shmq-send", q).ends(0)
	start(t, nil, nil, "shmq-recv", q, "--until-eof", "--jobs", "16", "--batch", "256", "--retries", "0", "--dead-letter", dead, "--exec", "exit 1").wait(123)
	met := 0
	for range kills {
		before := waitingIn(t, q)
		requeue := start(t, nil, nil, "shmq", "requeue", dead)
		until(t, "a record, or the end", func() bool { return waitingIn(t, q) > before || waitingIn(t, dead) == 0 })
		time.Sleep(rand.N(2 * time.Millisecond)) // at any moment
		_ = requeue.Process.Kill()
		err := <-requeue.done
		requeue.done <- err
		if err != nil {
			met++
		}
	}
	start(t, nil, nil, "shmq", "requeue", dead).ends(0)
	require.Empty(t, rest(t, dead))
	got := strings.Fields(string(rest(t, q)))
	slices.Sort(got)
	all := len(got)
	got = slices.Compact(got)
	require.Len(t, got, records, "lost")
	require.LessOrEqual(t, all-records, met, "there twice")
	require.NotZero(t, met, "no kill met it at work")
	t.Logf("%d kills, %d records, %d twice", met, records, all-records)
}

func waitingIn(t *testing.T, q string) int {
	t.Helper()
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	return info.Records
}

// Records of one key are worked on one after the other, in their order, and those of
// others go by.
func TestKeyKeepsRecordsInOrder(t *testing.T) {
	t.Parallel()
	eachSide(t, func(t *testing.T, q string) {
		var in strings.Builder
		for i := range 12 {
			fmt.Fprintf(&in, `{"customer": %d, "n": %d}`+"\n", i%3, i)
		}
		in.WriteString(`{"customer": null, "n": 12}` + "\n" + `{"n": 13}` + "\n" + `"no map"` + "\n")
		start(t, strings.NewReader(in.String()), nil, "shmq-send", q, "--format", "json").ends(0)
		// The first of customer 0 waits for the gate; a lock tells of two at a time.
		receiver, dir := runCommand(t, q, `read x; k=${x%%,*}; k=${k##*:}; case $x in *customer*null*|*map*|'{"n"'*) echo "$x" >> free; exit;; esac
			mkdir lock$k || exit 9; case $x in *'"n":0}') `+hold+`;; esac; echo "$x" >> key$k; rmdir lock$k`,
			"--jobs", "3", "--key", "customer", "--format", "json", "--until-eof", "--retries", "0")
		lines := func(file string, n int) func() bool {
			return func() bool { return strings.Count(readFile(dir, file), "\n") == n }
		}
		until(t, "the other customers", lines("key1", 4))
		until(t, "the other customers", lines("key2", 4))
		until(t, "records without a key", lines("free", 3))
		require.Empty(t, readFile(dir, "key0"))
		release(t, dir)
		receiver.ends(0)
		for k := range 3 {
			want := ""
			for i := k; i < 12; i += 3 {
				want += fmt.Sprintf(`{"customer":%d,"n":%d}`+"\n", k, i)
			}
			require.Equal(t, want, readFile(dir, fmt.Sprintf("key%d", k)))
		}
	})
}
