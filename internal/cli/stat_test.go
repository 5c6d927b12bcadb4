//go:build linux

package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

func TestStatRates(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 1 << 16, SlotSize: 64}))
	in, feed := pipe(t)
	sender := start(t, in, nil, "shmq-send", q)
	until(t, "the sender is there", func() bool { return len(attached(q, shmq.Producer)) == 1 })

	p := start(t, nil, nil, "shmq", "stat", q, "--interval", "500ms", "--json")
	sent := 0
	until(t, "it has looked twice", func() bool { // records go on all the time
		_, err := feed.WriteString("x\n")
		require.NoError(t, err)
		sent++
		return len(p.done) > 0
	})
	p.ends(0)
	until(t, "all is sent", func() bool { ps := attached(q, shmq.Producer); return len(ps) == 1 && int(ps[0].Records) == sent })
	var told struct {
		Records int
		Rates   struct {
			Interval float64 `json:"interval_seconds"`
			Sent     struct{ Records, Bytes float64 }
			Unseen   int
			SlotsIn  float64 `json:"slots_in"`

			Participants []struct {
				PID    int
				Change string
			}
		}
	}
	require.NoError(t, json.Unmarshal(p.out.Bytes(), &told))
	require.Positive(t, told.Records)
	require.GreaterOrEqual(t, told.Rates.Interval, 0.5)
	require.Positive(t, told.Rates.Sent.Records)
	require.InDelta(t, 2*told.Rates.Sent.Records, told.Rates.Sent.Bytes, 1e-6, "msgpack of x")
	require.Len(t, told.Rates.Participants, 1)
	require.Equal(t, sender.Process.Pid, told.Rates.Participants[0].PID)
	require.Equal(t, "stayed", told.Rates.Participants[0].Change)
	require.InDelta(t, told.Rates.Sent.Records, told.Rates.SlotsIn, 0.1*told.Rates.SlotsIn, "each look takes a moment")

	require.NoError(t, sender.Process.Signal(syscall.SIGTERM))
	sender.ends(143)
	out := outputOf(t, "shmq", "stat", q, "--interval", "0.05")
	require.Regexp(t, `(?m)^sent: +0 records and 0 B each second, 0 waits, 0 wakes$`, out)
	require.Contains(t, out, fmt.Sprintf("  %d records wait, and no consumer is attached\n", sent))
}

func TestStatRatesOfAQueueThatGoesAway(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 8, SlotSize: 64}))
	p := start(t, nil, nil, "shmq", "stat", q, "--interval", "1s")
	opened(t, p, q)
	require.NoError(t, shmq.Remove(q))
	require.Contains(t, p.ends(66), "removed between")
}

func TestStatRatesEndWithASignal(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 8, SlotSize: 64}))
	p := start(t, nil, nil, "shmq", "stat", q, "--interval", "1h")
	opened(t, p, q)
	require.NoError(t, p.Process.Signal(syscall.SIGINT))
	p.ends(130)
	require.Empty(t, p.out.String())
}

// opened waits until a process has the queue mapped.
func opened(t *testing.T, p *process, q string) {
	t.Helper()
	until(t, "it has opened the queue", func() bool {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", p.Process.Pid))
		return err == nil && strings.Contains(string(b), q)
	})
}
