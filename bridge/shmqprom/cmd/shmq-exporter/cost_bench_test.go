package main

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/seat"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/producer"
	"github.com/shmq/shmq/ring"
)

// slice is how long each part of a pair takes.
const slice = 2 * time.Second

// BenchmarkBesideAScraper measures what scrapes cost a producer and a consumer, which have a
// core each and pass on 48 bytes as fast as they can: in pairs of two seconds without scrapes
// and two with them, which part is first by turns. %slower is the median of the differences,
// ±% its standard error. A hundred scrapes a second show what one costs where one a second
// is lost in the noise: a hundredth, %slower/scrape. cpu-ms/scrape is what the exporter takes.
//
//	go test -run '^$' -bench BesideAScraper/one-to-one/every-10ms -benchtime 19x ./cmd/shmq-exporter
func BenchmarkBesideAScraper(b *testing.B) {
	for _, m := range []shmq.Multiplicity{shmq.One, shmq.Many} {
		for _, interval := range []time.Duration{time.Second, 10 * time.Millisecond} {
			b.Run(fmt.Sprintf("%v-to-%v/every-%v", m, m, interval), func(b *testing.B) { besideAScraper(b, m, interval) })
		}
	}
}

func besideAScraper(b *testing.B, m shmq.Multiplicity, interval time.Duration) {
	path := filepath.Join(shmq.Dir(), "shmq.q")
	require.NoError(b, shmq.Create(path, &shmq.Options{Producers: m, Consumers: m, Slots: 4096, SlotSize: 64}))
	b.Cleanup(func() { require.NoError(b, shmq.ForceRemove(path)) })
	receiver := testproc.Start(b, "pump", "receive", path, "1")
	sender := testproc.Start(b, "pump", "send", path, "0")
	b.Cleanup(func() { sender.Kill(); receiver.Kill() })
	e := start(b, "--dir", filepath.Dir(path), "--participants")
	w, err := shmq.Watch(path)
	require.NoError(b, err)
	b.Cleanup(func() { _ = w.Close() })
	received := func() uint64 {
		i, err := w.Glance()
		require.NoError(b, err)
		return i.Received
	}
	testproc.Until(b, func() bool { return received() > 1e6 })
	cpu, scrapes := e.scrape()["process_cpu_seconds_total{}"], 0
	// perRecord returns the time for each record, in nanoseconds.
	perRecord := func(scraped bool) float64 {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		before, at := received(), time.Now()
		for end := at.Add(slice); ; {
			select {
			case <-tick.C:
				if !scraped {
					continue
				}
				code, _, err := e.get()
				require.NoError(b, err)
				require.Equal(b, http.StatusOK, code)
				scrapes++
			case <-time.After(time.Until(end)):
				return float64(time.Since(at)) / float64(received()-before)
			}
		}
	}
	var alone, differences []float64
	for n := range b.N {
		var a, s float64
		if n%2 == 0 {
			a, s = perRecord(false), perRecord(true)
		} else {
			s, a = perRecord(true), perRecord(false)
		}
		alone = append(alone, a)
		differences = append(differences, 100*(s-a)/a)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(alone), "ns/record")
	b.ReportMetric(median(differences), "%slower")
	b.ReportMetric(standardError(differences), "±%")
	b.ReportMetric(median(differences)*interval.Seconds(), "%slower/scrape")
	b.ReportMetric(1e3*(e.scrape()["process_cpu_seconds_total{}"]-cpu)/float64(scrapes), "cpu-ms/scrape")
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// standardError estimates the standard error of the median by the quartiles.
func standardError(all []float64) float64 {
	sorted, n := slices.Sorted(slices.Values(all)), len(all)
	return 1.2533 * (sorted[3*n/4] - sorted[n/4]) / 1.349 / math.Sqrt(float64(n))
}

// pump is a process that sends, or receives, on a core of its own.
func pump(c *testproc.Child) {
	what, path := c.Args[0], c.Args[1]
	core, err := strconv.Atoi(c.Args[2])
	c.Check(err)
	var set unix.CPUSet
	set.Set(core)
	threads, err := os.ReadDir("/proc/self/task")
	c.Check(err)
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		c.Check(err)
		_ = unix.SchedSetaffinity(id, &set) // with one core there is nothing to pin to
	}
	ctx, record := context.Background(), make([]byte, 48)
	if what == "send" {
		p, err := producer.OpenRaw(path, &producer.Options{NoCreate: true})
		c.Check(err)
		for err == nil {
			err = p.Send(ctx, record)
		}
		c.Check(err)
	}
	in, err := consumer.OpenRaw(path, &consumer.Options{NoCreate: true})
	c.Check(err)
	for err == nil {
		record, err = in.Receive(ctx, record)
	}
	c.Check(err)
}

// BenchmarkThousandQueues is a scrape of a thousand queues, in each of which a hundred
// processes have a seat: the same in all.
//
//	go test -run '^$' -bench ThousandQueues -benchtime 10x ./cmd/shmq-exporter
func BenchmarkThousandQueues(b *testing.B) {
	const queues, processes = 1000, 100
	dir := shmq.Dir()
	options := &shmq.Options{Slots: 256, SlotSize: 64, Seats: 128, Timestamps: true}
	for i := range queues {
		path := filepath.Join(dir, fmt.Sprintf("shmq.%d", i))
		require.NoError(b, shmq.Create(path, options))
		b.Cleanup(func() { require.NoError(b, shmq.ForceRemove(path)) })
	}
	var all []*testproc.Proc
	for i := range processes {
		all = append(all, testproc.Start(b, "sit", dir, strconv.Itoa(queues), strconv.Itoa(i)))
	}
	b.Cleanup(func() {
		for _, p := range all {
			p.Kill()
		}
	})
	for _, p := range all {
		p.Expect("sits")
	}
	for _, flag := range []string{"--participants=false", "--participants"} {
		b.Run(flag, func(b *testing.B) {
			e := start(b, "--dir", dir, flag)
			scrape := func() string {
				code, body, err := e.get()
				require.NoError(b, err)
				require.Equal(b, http.StatusOK, code)
				return body
			}
			m := scrape() // the first maps files that were never read
			cpu := value(b, m, "process_cpu_seconds_total")
			for b.Loop() {
				m = scrape()
			}
			b.ReportMetric(1e3*(value(b, m, "process_cpu_seconds_total")-cpu)/float64(b.N), "cpu-ms/op")
			b.ReportMetric(1e3*value(b, m, "shmq_collect_duration_seconds"), "collect-ms")
			b.ReportMetric(float64(len(m))/1e6, "MB/answer")
			b.ReportMetric(peak(b, e.cmd.Process.Pid), "peak-MB")
			b.ReportMetric(value(b, m, fmt.Sprintf("shmq_queues_omitted{dir=%q,reason=\"time\"}", dir)), "omitted")
			b.ReportMetric(value(b, m, fmt.Sprintf("shmq_participants_omitted{dir=%q}", dir)), "untold")
			require.EqualValues(b, processes/2, value(b, m, `shmq_participants{alive="true",queue="999",role="producer"}`))
		})
	}
}

// value returns one sample of an answer that is too large to parse.
func value(b *testing.B, body, key string) float64 {
	b.Helper()
	_, after, ok := strings.Cut(body, "\n"+key+" ")
	require.True(b, ok, key)
	text, _, _ := strings.Cut(after, "\n")
	v, err := strconv.ParseFloat(text, 64)
	require.NoError(b, err)
	return v
}

// peak returns the most memory that a process has had, in MB.
func peak(b *testing.B, pid int) (n float64) {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(b, err)
	_, of, ok := strings.Cut(string(text), "\nVmHWM:")
	require.True(b, ok)
	_, err = fmt.Sscanf(of, "%f", &n)
	require.NoError(b, err)
	return n * 1024 / 1e6
}

// sit is a process that has a seat in each of many queues, as participants have it: the lock
// of a byte by a description of its own, and an entry. It maps none for longer than it
// writes that, for the limit of mappings.
func sit(c *testproc.Child) {
	queues, err := strconv.Atoi(c.Args[1])
	c.Check(err)
	n, err := strconv.Atoi(c.Args[2])
	c.Check(err)
	var held []*sys.File
	for i := range queues {
		path := filepath.Join(c.Args[0], fmt.Sprintf("shmq.%d", i))
		f, err := sys.Open(path, true, true)
		c.Check(err)
		ok, err := f.TryLock(seat.Byte(n), true)
		c.Check(err)
		if !ok {
			c.Fail("seat %d is taken", n)
		}
		held = append(held, f)
		q, err := mapped.Open(path, true)
		c.Check(err)
		q.Ring.Seat(n).Take(ring.Occupant{
			Role: layout.RoleProducer + uint32(n%2), PID: uint32(os.Getpid()), StartTime: sys.StartTime(),
			Attached: time.Now().UnixNano(), Command: "sit",
		})
		c.Check(q.Close())
	}
	c.Say("sits")
	for range c.Lines {
	}
	runtime.KeepAlive(held)
}
