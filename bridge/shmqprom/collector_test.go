package shmqprom_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"

	"github.com/shmq/shmq/bridge/shmqprom"
)

// gather returns the samples, as NAME{label="value",...}.
func gather(t testing.TB, c prometheus.Collector) map[string]float64 {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	require.NoError(t, r.Register(c))
	families, err := r.Gather()
	require.NoError(t, err)
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			v := m.GetGauge().GetValue()
			if f.GetType() == dto.MetricType_COUNTER {
				v = m.GetCounter().GetValue()
			}
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			all[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = v
		}
	}
	return all
}

func collector(t testing.TB, o shmqprom.Options) *shmqprom.Collector {
	t.Helper()
	c, err := shmqprom.New(&o)
	require.NoError(t, err)
	return c
}

func create(t testing.TB, path string) {
	t.Helper()
	require.NoError(t, shmq.Create(path, &shmq.Options{Slots: 16, SlotSize: 64, Seats: 8, Timestamps: true}))
}

// subscribed makes a queue of which each consumer gets every record, full behind a durable subscription that
// no process has.
func subscribed(t testing.TB, path string) {
	t.Helper()
	require.NoError(t, shmq.Create(path, &shmq.Options{Consumers: shmq.Each, Slots: 16, SlotSize: 64, Seats: 8}))
	c, err := consumer.OpenRaw(path, &consumer.Options{Subscription: "audit"})
	require.NoError(t, err)
	require.NoError(t, c.Close())
	send(t, path, 16)
}

func send(t testing.TB, path string, n int) {
	t.Helper()
	p, err := producer.OpenRaw(path, nil)
	require.NoError(t, err)
	for range n {
		require.NoError(t, p.TrySend([]byte("x")))
	}
	require.NoError(t, p.Close())
}

func receive(t testing.TB, path string, n int) {
	t.Helper()
	c, err := consumer.OpenRaw(path, nil)
	require.NoError(t, err)
	for range n {
		leases := make([]consumer.Lease, 1)
		got, err := c.TryLeaseBatch(leases)
		require.NoError(t, err)
		require.Equal(t, 1, got)
		leases[0].Ack()
	}
	require.NoError(t, c.Close())
}

// Counters go on over the ends of participants, one of which takes the seat of the other.
func TestCountersSurviveParticipants(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	q := filepath.Join(dir, "shmq.q")
	create(t, q)
	c := collector(t, shmqprom.Options{Dirs: []string{dir}})
	for round := 1; round <= 3; round++ {
		send(t, q, 5)
		receive(t, q, 2)
		m := gather(t, c)
		require.EqualValues(t, 5*round, m[`shmq_records_sent_total{queue="q"}`])
		require.EqualValues(t, 2*round, m[`shmq_records_received_total{queue="q"}`])
		require.EqualValues(t, 1, m[`shmq_up{queue="q"}`])
		require.EqualValues(t, 0, m[`shmq_participants{alive="true",queue="q",role="producer"}`])
		require.Contains(t, m, `shmq_waits_total{queue="q",role="consumer"}`)
		require.Contains(t, m, `shmq_oldest_record_age_seconds{queue="q"}`)
	}
}

// Queues come and go, in several directories; each has the directory as a label.
func TestQueuesComeAndGo(t *testing.T) {
	t.Parallel()
	a, b, absent := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "absent")
	c := collector(t, shmqprom.Options{Dirs: []string{a, b, a, absent}})
	create(t, filepath.Join(a, "shmq.q"))
	create(t, filepath.Join(b, "shmq.q"))
	m := gather(t, c)
	require.EqualValues(t, 1, m[fmt.Sprintf("shmq_up{dir=%q,queue=\"q\"}", a)])
	require.EqualValues(t, 1, m[fmt.Sprintf("shmq_up{dir=%q,queue=\"q\"}", b)])
	require.EqualValues(t, 1, m[fmt.Sprintf("shmq_directory_up{dir=%q}", a)])
	require.EqualValues(t, 0, m[fmt.Sprintf("shmq_directory_up{dir=%q}", absent)])

	require.NoError(t, os.Remove(filepath.Join(b, "shmq.q")))
	create(t, filepath.Join(b, "shmq.new"))
	m = gather(t, c)
	require.NotContains(t, m, fmt.Sprintf("shmq_up{dir=%q,queue=\"q\"}", b))
	require.EqualValues(t, 1, m[fmt.Sprintf("shmq_up{dir=%q,queue=\"new\"}", b)])
}

// Whatever other users put into the directory, the good queue is described, each bad one
// has its reason, and no link is followed.
func TestHostileFilesHarmNothing(t *testing.T) {
	t.Parallel()
	dir, elsewhere := t.TempDir(), t.TempDir()
	at := func(name string) string { return filepath.Join(dir, "shmq."+name) }
	create(t, at("good"))
	create(t, filepath.Join(elsewhere, "shmq.q"))
	require.NoError(t, os.Symlink(filepath.Join(elsewhere, "shmq.q"), at("link")))
	require.NoError(t, os.Symlink("/dev/zero", at("device")))
	require.NoError(t, syscall.Mkfifo(at("fifo"), 0o600))
	require.NoError(t, os.Mkdir(at("folder"), 0o700))
	require.NoError(t, os.WriteFile(at("text"), []byte("no queue"), 0o600))
	require.NoError(t, os.WriteFile(at("empty"), nil, 0o600))
	good, err := os.ReadFile(at("good"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(at("cut"), good[:len(good)/2], 0o600))
	broken := append([]byte(nil), good...)
	for i := 8; i < 200; i++ {
		broken[i] ^= 0xa5
	}
	require.NoError(t, os.WriteFile(at("broken"), broken, 0o600))
	forged := "a\"} 1\nshmq_up{queue=\"forged"
	for _, name := range []string{forged, "\xff\xfe", `quote"d`, `back\slash`, "{}", "<img src=x onerror=alert(1)>", "fd:3", "sysv:0x7ffffff1", "sysv:5"} {
		if !strings.Contains(name, "/") {
			require.NoError(t, os.WriteFile(at(name), good, 0o600))
		}
	}
	var told []string
	c := collector(t, shmqprom.Options{Dirs: []string{dir}, Participants: true, Changed: func(path string, err error) {
		require.Error(t, err)
		require.NotContains(t, err.Error(), "/proc/self/fd")
		told = append(told, path)
	}})
	m := gather(t, c)
	require.EqualValues(t, 1, m[`shmq_up{queue="good"}`])
	for name, reason := range map[string]string{
		"link": "not_queue", "device": "not_queue", "fifo": "not_queue", "folder": "not_queue", "text": "not_queue", "cut": "truncated",
	} {
		require.EqualValues(t, 0, m[fmt.Sprintf("shmq_up{queue=%q}", name)], name)
		if name == "cut" {
			continue // truncated or damaged: what is left of the header says
		}
		require.EqualValues(t, 1, m[fmt.Sprintf("shmq_queue_error{queue=%q,reason=%q}", name, reason)], name)
	}
	for _, name := range []string{"cut", "broken", "empty", "sysv:0x7ffffff1"} {
		require.EqualValues(t, 0, m[fmt.Sprintf("shmq_up{queue=%q}", name)], name)
	}
	// A copy of a good queue is one, with its name as it is.
	for _, name := range []string{`quote"d`, `back\slash`, "{}", "<img src=x onerror=alert(1)>", "fd:3"} {
		require.EqualValues(t, 1, m[fmt.Sprintf("shmq_up{queue=%q}", name)], name)
	}
	for key := range m {
		require.NotContains(t, key, "forged") // control characters: no queue can have that name
	}
	n := len(told)
	require.Greater(t, n, 5)
	gather(t, c)
	require.Len(t, told, n, "an error that is not new is not told again")
}

// Queues that are known to be good are not crowded out, and what was left out is counted.
func TestLimits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	create(t, filepath.Join(dir, "shmq.z"))
	c := collector(t, shmqprom.Options{Dirs: []string{dir}, MaxQueues: 2})
	gather(t, c)
	for i := range 5 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("shmq.a%d", i)), nil, 0o600))
	}
	m := gather(t, c)
	require.EqualValues(t, 1, m[`shmq_up{queue="z"}`])
	require.EqualValues(t, 4, m[fmt.Sprintf(`shmq_queues_omitted{dir=%q,reason="limit"}`, dir)])

	// Without any time, nothing is described, and that is told.
	c = collector(t, shmqprom.Options{Dirs: []string{dir}, Budget: time.Nanosecond})
	m = gather(t, c)
	require.EqualValues(t, 6, m[fmt.Sprintf(`shmq_queues_omitted{dir=%q,reason="time"}`, dir)])
}

// Of more participants than the limit none are told of in part of a queue, and it is counted.
func TestLimitOfParticipants(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, q := range []string{"shmq.a", "shmq.b", "shmq.c"} {
		create(t, filepath.Join(dir, q))
		for range 2 {
			p, err := producer.OpenRaw(filepath.Join(dir, q), nil)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, p.Close()) })
		}
	}
	c := collector(t, shmqprom.Options{Dirs: []string{dir}, Participants: true, MaxParticipants: 5})
	for range 2 {
		m := gather(t, c)
		told := 0
		for key := range m {
			if strings.HasPrefix(key, "shmq_participant_alive{") {
				told++
			}
		}
		require.Equal(t, 4, told)
		require.EqualValues(t, 2, m[fmt.Sprintf("shmq_participants_omitted{dir=%q}", dir)])
		require.EqualValues(t, 2, m[`shmq_participants{alive="true",queue="c",role="producer"}`])
	}
}

func TestDirectoriesThatCannotBeLabels(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"", "a\nb", "\xff"} {
		_, err := shmqprom.New(&shmqprom.Options{Dirs: []string{dir}})
		require.ErrorContains(t, err, "directory")
	}
}
