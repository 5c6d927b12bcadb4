package worker_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/worker"
)

// killable is a worker whose handlers say what they begin with, and never end.
func killable(c *testproc.Child) {
	c.Check(worker.Run(context.Background(), c.Args[0], &worker.Options[string]{Jobs: 2}, func(_ context.Context, r worker.Record[string]) error {
		c.Say("%s", r.Value)
		select {}
	}))
}

// A worker is killed in the middle of its handlers: their records, and those alone, come
// again, flagged.
func TestKilledWorkerLeavesItsRecords(t *testing.T) {
	eachSide(t, func(t *testing.T, q string) {
		send(t, q, "a", "b", "c")
		w := testproc.Start(t, "worker", q)
		w.Line()
		w.Line()
		w.Kill()
		var mu sync.Mutex
		got := map[string]int{}
		require.NoError(t, worker.Run(context.Background(), q, untilEOF(worker.Options[string]{}), func(_ context.Context, r worker.Record[string]) error {
			mu.Lock()
			defer mu.Unlock()
			got[r.Value] = r.Redelivered
			return nil
		}))
		require.Equal(t, map[string]int{"a": 1, "b": 1, "c": 0}, got)
	})
}

// bury is a worker half of whose records become dead letters; of the others it writes down
// the numbers.
func bury(c *testproc.Child) {
	out, err := os.OpenFile(c.Args[2], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	c.Check(err)
	o := &worker.Options[string]{Jobs: 3, DeadLetter: c.Args[1], Retries: 1, RetryAfter: time.Microsecond}
	o.Consumer.UntilEOF = true
	var once sync.Once
	c.Check(worker.Run(context.Background(), c.Args[0], o, func(_ context.Context, r worker.Record[string]) error {
		once.Do(func() { c.Say("works") })
		time.Sleep(time.Duration(len(r.Value)) * 100 * time.Microsecond) // some work
		if strings.HasPrefix(r.Value, "bad") {
			return errBad
		}
		_, err := fmt.Fprintf(out, "%d %s\n", r.Redelivered, r.Value)
		return err
	}))
	c.Say("done")
}

// Workers are killed at random, again and again. Each record was handled or has its dead
// letter; what was handled twice was flagged the second time.
func TestKilledWorkersLoseNothing(t *testing.T) {
	t.Parallel()
	kills, records := 20, 2000
	if testproc.Long() {
		kills, records = 300, 20_000
	}
	q := testagent.Queue(t, &shmq.Options{Slots: 1 << 16, SlotSize: 64})
	dead := testagent.Queue(t, &shmq.Options{Slots: 1 << 16, SlotSize: 4096})
	var vs []string
	for i := range records {
		vs = append(vs, fmt.Sprintf("%s %d", []string{"good", "bad"}[i%2], i))
	}
	send(t, q, vs...)
	file := filepath.Join(t.TempDir(), "handled")
	inHand := 0
	for range kills {
		w := testproc.Start(t, "bury", q, dead, file)
		if w.Line() == "done" {
			break // it was too fast
		}
		time.Sleep(rand.N(10 * time.Millisecond)) // at any moment
		w.Kill()
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		inHand += info.Leased + info.Orphans
	}
	last := testproc.Start(t, "bury", q, dead, file)
	require.Contains(t, last.Rest(), "done")

	handled, buried, again, flagged := map[string]int{}, map[string]int{}, 0, 0
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		redelivered, v, _ := strings.Cut(s.Text(), " ")
		if handled[v] > 0 {
			require.NotEqual(t, "0", redelivered, "%s was handled again and not flagged", v)
			again++
		}
		if redelivered != "0" {
			flagged++
		}
		handled[v]++
	}
	for _, l := range letters(t, dead) {
		v := string(l.Record[1:])
		if buried[v] > 0 {
			require.NotZero(t, l.Redelivered, "%s has a second letter, and is not flagged", v)
			again++
		}
		if l.Redelivered > 0 {
			flagged++
		}
		buried[v]++
	}
	for _, v := range vs {
		if strings.HasPrefix(v, "bad") {
			require.NotZero(t, buried[v], "%s was lost", v)
			require.Zero(t, handled[v])
		} else {
			require.NotZero(t, handled[v], "%s was lost", v)
			require.Zero(t, buried[v])
		}
	}
	require.NotZero(t, inHand, "no kill met a record in work")
	require.NotZero(t, flagged)
	t.Logf("%d kills with %d records in hand; %d records, %d flagged, %d twice", kills, inHand, records, flagged, again)
}
