//go:build linux

package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testmetrics"
)

func TestPrometheusMetrics(t *testing.T) {
	t.Parallel()
	q := filepath.Join(t.TempDir(), `odd "name\`)
	require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 8, SlotSize: 64, Seats: 4}))
	sendBytes(t, q, "a", "b", "c", "d", "e", "f")
	taker, sender := holding(t, q, shmq.Consumer, 2), holding(t, q, shmq.Producer, 100)
	dead := holding(t, q, shmq.Consumer, 1)
	dead.kill()
	taker.stop(q)

	m := testmetrics.Parse(t, outputOf(t, "shmq", "stat", "--prometheus", q))
	queue := fmt.Sprintf(`queue="%s"`, strings.ReplaceAll(strings.ReplaceAll(q, `\`, `\\`), `"`, `\"`))
	for name, want := range map[string]float64{
		"shmq_up": 1, "shmq_slots": 8, "shmq_slot_size_bytes": 64, "shmq_seats": 4, "shmq_tail_slots_total": 8,
		"shmq_head_slots_total": 3, "shmq_depth_slots": 5, "shmq_records_waiting": 3, "shmq_claims_open": 1,
		"shmq_records_leased": 2, "shmq_records_orphaned": 1, "shmq_claims_skipped_total": 0, "shmq_records_sent_total": 6,
		"shmq_records_received_total": 0, "shmq_records_uncounted": 0, "shmq_full": 1,
		"shmq_stream_begun": 1, "shmq_stream_finished": 0,
	} {
		require.Contains(t, m, name)
		require.Equal(t, map[string]float64{queue: want}, m[name].Samples, name)
	}
	require.Equal(t, map[string]float64{
		queue + `,role="producer",alive="true"`: 1, queue + `,role="producer",alive="false"`: 0,
		queue + `,role="consumer",alive="true"`: 1, queue + `,role="consumer",alive="false"`: 1,
	}, m["shmq_participants"].Samples)
	require.Equal(t, map[string]float64{queue + `,role="producer"`: 0, queue + `,role="consumer"`: 1}, m["shmq_participants_stopped"].Samples)
	label := func(seat int, role string, p *process) string {
		return fmt.Sprintf(`%s,seat="%d",role="%s",pid="%d",command="holder"`, queue, seat, role, p.Process.Pid)
	}
	a, b, c := label(0, "consumer", taker), label(1, "producer", sender), label(2, "consumer", dead)
	require.Equal(t, map[string]float64{a: 2, b: 2, c: 1}, m["shmq_participant_held_slots"].Samples)
	require.Equal(t, map[string]float64{a: 1, b: 1, c: 0}, m["shmq_participant_alive"].Samples)
	require.Equal(t, map[string]float64{a: 1, b: 0, c: 0}, m["shmq_participant_stopped"].Samples)
	require.Equal(t, map[string]float64{a: 0, b: 0, c: 0}, m["shmq_participant_records_total"].Samples)
	require.Len(t, m["shmq_participant_held_since_timestamp_seconds"].Samples, 3)
}

func TestPrometheusOfSeveralQueues(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good, other, bad := filepath.Join(dir, "shmq.a"), filepath.Join(dir, "shmq.b"), filepath.Join(dir, "shmq.bad")
	for _, q := range []string{good, other} {
		require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 8, SlotSize: 64}))
	}
	require.NoError(t, os.WriteFile(bad, []byte("no queue"), 0o600))

	// By name: twice is once, and what fails is told when the others are printed.
	p := start(t, nil, nil, "shmq", "stat", "--prometheus", good, bad, other, good)
	require.Contains(t, p.ends(65), "bad")
	m := testmetrics.Parse(t, p.out.String())
	require.Equal(t, map[string]float64{`queue="` + good + `"`: 1, `queue="` + bad + `"`: 0, `queue="` + other + `"`: 1}, m["shmq_up"].Samples)
	require.Len(t, m["shmq_slots"].Samples, 2)

	// All there are.
	p = startWith(t, []string{"SHMQ_DIR=" + dir}, "shmq", "stat", "--prometheus")
	p.ends(0)
	m = testmetrics.Parse(t, p.out.String())
	require.Equal(t, map[string]float64{`queue="a"`: 1, `queue="bad"`: 0, `queue="b"`: 1}, m["shmq_up"].Samples)
	p = startWith(t, []string{"SHMQ_DIR=" + t.TempDir()}, "shmq", "stat", "--prometheus")
	p.ends(0)
	require.Empty(t, p.out.String())
}
