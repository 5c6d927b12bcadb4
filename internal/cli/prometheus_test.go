//go:build linux

package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

// family is a metric as a scraper sees it: samples by their labels, as they stand.
type family struct {
	kind    string
	samples map[string]float64
}

var (
	headLine   = regexp.MustCompile(`^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$`)
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\} (\S+)$`)
)

// parseMetrics demands what the text format 0.0.4 demands, and HELP and TYPE of all.
func parseMetrics(t *testing.T, text string) map[string]*family {
	t.Helper()
	require.True(t, text == "" || strings.HasSuffix(text, "\n"))
	families := map[string]*family{}
	helped, now := "", ""
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if line == "" {
			continue
		}
		if h := headLine.FindStringSubmatch(line); h != nil {
			if h[1] == "HELP" {
				helped = h[2]
				continue
			}
			require.Equal(t, helped, h[2], "TYPE follows HELP")
			require.NotContains(t, families, h[2], "a family stands together")
			require.Contains(t, []string{"gauge", "counter"}, h[3])
			require.Equal(t, h[3] == "counter", strings.HasSuffix(h[2], "_total"), "name of %s", h[2])
			now = h[2]
			families[now] = &family{h[3], map[string]float64{}}
			continue
		}
		s := sampleLine.FindStringSubmatch(line)
		require.NotNil(t, s, "line %q", line)
		require.Equal(t, now, s[1], "a sample stands below its TYPE")
		v, err := strconv.ParseFloat(s[3], 64)
		require.NoError(t, err)
		require.NotContains(t, families[now].samples, s[2], "a series stands there once")
		families[now].samples[s[2]] = v
	}
	return families
}

func TestPrometheusMetrics(t *testing.T) {
	t.Parallel()
	q := filepath.Join(t.TempDir(), `odd "name\`)
	require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 8, SlotSize: 64, Seats: 4}))
	sendBytes(t, q, "a", "b", "c", "d", "e", "f")
	taker, sender := holding(t, q, shmq.Consumer, 2), holding(t, q, shmq.Producer, 100)
	dead := holding(t, q, shmq.Consumer, 1)
	dead.kill()
	taker.stop(q)

	m := parseMetrics(t, outputOf(t, "shmq", "stat", "--prometheus", q))
	queue := fmt.Sprintf(`queue="%s"`, strings.ReplaceAll(strings.ReplaceAll(q, `\`, `\\`), `"`, `\"`))
	for name, want := range map[string]float64{
		"shmq_up": 1, "shmq_slots": 8, "shmq_slot_size_bytes": 64, "shmq_seats": 4, "shmq_tail_slots_total": 8,
		"shmq_head_slots_total": 3, "shmq_depth_slots": 5, "shmq_records_waiting": 3, "shmq_claims_open": 1,
		"shmq_takes_leased": 2, "shmq_takes_orphaned": 0, "shmq_claims_skipped_total": 0, "shmq_full": 1,
		"shmq_stream_begun": 1, "shmq_stream_finished": 0,
	} {
		require.Contains(t, m, name)
		require.Equal(t, map[string]float64{queue: want}, m[name].samples, name)
	}
	require.Equal(t, map[string]float64{
		queue + `,role="producer",alive="true"`: 1, queue + `,role="producer",alive="false"`: 0,
		queue + `,role="consumer",alive="true"`: 1, queue + `,role="consumer",alive="false"`: 1,
	}, m["shmq_participants"].samples)
	require.Equal(t, map[string]float64{queue + `,role="producer"`: 0, queue + `,role="consumer"`: 1}, m["shmq_participants_stopped"].samples)
	label := func(seat int, role string, p *process) string {
		return fmt.Sprintf(`%s,seat="%d",role="%s",pid="%d",command="holder"`, queue, seat, role, p.Process.Pid)
	}
	a, b, c := label(0, "consumer", taker), label(1, "producer", sender), label(2, "consumer", dead)
	require.Equal(t, map[string]float64{a: 2, b: 2, c: 1}, m["shmq_participant_held_slots"].samples)
	require.Equal(t, map[string]float64{a: 1, b: 1, c: 0}, m["shmq_participant_alive"].samples)
	require.Equal(t, map[string]float64{a: 1, b: 0, c: 0}, m["shmq_participant_stopped"].samples)
	require.Equal(t, map[string]float64{a: 0, b: 0, c: 0}, m["shmq_participant_records_total"].samples)
	require.Len(t, m["shmq_participant_held_since_timestamp_seconds"].samples, 3)
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
	m := parseMetrics(t, p.out.String())
	require.Equal(t, map[string]float64{`queue="` + good + `"`: 1, `queue="` + bad + `"`: 0, `queue="` + other + `"`: 1}, m["shmq_up"].samples)
	require.Len(t, m["shmq_slots"].samples, 2)

	// All there are.
	p = startWith(t, []string{"SHMQ_DIR=" + dir}, "shmq", "stat", "--prometheus")
	p.ends(0)
	m = parseMetrics(t, p.out.String())
	require.Equal(t, map[string]float64{`queue="a"`: 1, `queue="bad"`: 0, `queue="b"`: 1}, m["shmq_up"].samples)
	p = startWith(t, []string{"SHMQ_DIR=" + t.TempDir()}, "shmq", "stat", "--prometheus")
	p.ends(0)
	require.Empty(t, p.out.String())
}
