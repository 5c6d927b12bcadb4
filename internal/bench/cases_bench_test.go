//go:build linux

package bench_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/shmq/shmq/internal/bench"
)

// The benchmarks are the cases of `shmq bench`: their ends are processes of their own,
// on cores of their own.
//
//	go test -run '^$' -bench . -count 6 ./internal/bench
//
// Compare within one run, and with the bare cases in it. `shmq bench` does so itself, in
// turns, which is more exact.

func BenchmarkBare(b *testing.B)       { family(b, "bare") }
func BenchmarkRoundTrip(b *testing.B)  { family(b, "round-trip") }
func BenchmarkParked(b *testing.B)     { family(b, "parked") }
func BenchmarkThroughput(b *testing.B) { family(b, "throughput") }
func BenchmarkOneCore(b *testing.B)    { family(b, "one-core") }
func BenchmarkLarge(b *testing.B)      { family(b, "large") }
func BenchmarkTyped(b *testing.B)      { family(b, "typed") }
func BenchmarkOpenLoop(b *testing.B)   { family(b, "open-loop") }
func BenchmarkSelect(b *testing.B)     { family(b, "select") }
func BenchmarkAttach(b *testing.B)     { family(b, "attach") }

// BenchmarkShell counts lines.
func BenchmarkShell(b *testing.B) {
	dir := b.TempDir()
	build := exec.Command("go", "build", "-o", dir, "../../cmd/shmq-send", "../../cmd/shmq-recv")
	if out, err := build.CombinedOutput(); err != nil {
		b.Skipf("the commands can't be built: %v: %s", err, out)
	}
	b.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	family(b, "shell")
}

// family runs the cases of that name.
func family(b *testing.B, name string) {
	cases, err := bench.Select(bench.Cases(), []string{name})
	must(b, err)
	for _, c := range cases {
		if c.Name == name {
			benchmark(b, c)
			continue
		}
		b.Run(strings.TrimPrefix(c.Name, name+"/"), func(b *testing.B) { benchmark(b, c) })
	}
}

func benchmark(b *testing.B, c bench.Case) {
	b.StopTimer()
	s, err := bench.Open(b.Context(), c)
	if errors.Is(err, bench.ErrUnavailable) {
		b.Skip(err)
	}
	must(b, err)
	defer func() { must(b, s.Close()) }()
	_, err = s.Run(b.Context(), min(b.N, 1000), false) // it warms up
	must(b, err)
	b.StartTimer()
	sample, err := s.Run(b.Context(), b.N, false)
	b.StopTimer()
	must(b, err)
	ops := float64(sample.Ops)
	// The time that the ends have measured: b's own has the giving of orders in it.
	b.ReportMetric(float64(sample.Elapsed)/ops, "ns/op")
	switch {
	case c.Kind == bench.OpenLoop:
		b.ReportMetric(float64(sample.Percentile(50)), "p50-ns")
		b.ReportMetric(float64(sample.Percentile(99)), "p99-ns")
	case c.Kind == bench.Throughput && c.Slots > 0: // a queue of ours
		b.ReportMetric(float64(sample.SendAllocs)/ops, "send-allocs/op")
		b.ReportMetric(float64(sample.ReceiveAllocs)/ops, "receive-allocs/op")
	}
	if c.Payload >= 4096 {
		b.ReportMetric(float64(c.Payload)*ops/float64(sample.Elapsed), "GB/s")
	}
}

func must(b *testing.B, err error) {
	if err != nil {
		b.Helper()
		b.Fatal(err)
	}
}
