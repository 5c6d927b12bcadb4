package bench

import (
	"fmt"
	"io"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shmq/shmq/internal/plot"
)

// maxLatency bounds the histograms. A longer time counts as this.
const maxLatency = int64(10 * time.Minute)

// newHistogram returns a histogram of nanoseconds, exact to three digits.
func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, maxLatency, 3) }

// record notes a latency. Clocks of two processes can be some ten nanoseconds apart,
// so it may come out negative.
func record(h *hdrhistogram.Histogram, ns int64) {
	_ = h.RecordValue(min(max(ns, 0), maxLatency)) // in range, so it can't fail
}

// WriteHistogram writes the row's latencies as percentiles, in the text that tools for
// HdrHistogram read. Values are in nanoseconds.
func WriteHistogram(w io.Writer, r Result) error {
	if _, err := fmt.Fprintf(w, "#[%s, nanoseconds]\n", r.Case); err != nil {
		return err
	}
	_, err := r.Histogram.PercentilesPrint(w, 5, 1)
	return err
}

// Curve returns the row's latency by percentile, as a fraction, for a plot.
func (r Result) Curve() plot.Series {
	line := plot.Series{Name: r.Case}
	for _, b := range r.Histogram.CumulativeDistributionWithTicks(10) {
		line.Points = append(line.Points, plot.Point{X: b.Quantile / 100, Y: max(1, float64(b.ValueAt))})
	}
	return line
}
