package bench

import (
	"errors"
	"fmt"
	"io"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/plot"
)

// maxCurves is how many lines a plot has room for.
const maxCurves = 16

// Plotted returns those of the cases whose latencies a plot shows: the open loops where
// the user has not chosen the cases, otherwise all that have latencies. Errors: there are
// none, or too many.
func Plotted(cases []Case, chosen bool) (some []Case, err error) {
	for _, c := range cases {
		if c.Kind == OpenLoop || chosen && c.Latency() {
			some = append(some, c)
		}
	}
	switch {
	case len(some) == 0:
		return nil, fmt.Errorf("%w: none of the cases has latencies; name a round-trip or an open-loop", shmq.ErrOption)
	case len(some) > maxCurves:
		return nil, fmt.Errorf("%w: %d latencies are too many for a plot; name %d cases at most", shmq.ErrOption, len(some), maxCurves)
	}
	return some, nil
}

// PlotPercentiles draws the latencies of the cases that were measured, as SVG.
func (r *Report) PlotPercentiles(w io.Writer, cases []Case) error {
	var lines []plot.Series
	for _, row := range r.Results {
		if _, err := find(cases, row.Case); err == nil && row.Histogram != nil {
			lines = append(lines, row.Curve())
		}
	}
	if len(lines) == 0 {
		return errors.New("there is nothing to plot: all cases with latencies were skipped")
	}
	return plot.Percentiles(w, "Latency by percentile", lines)
}

// Plot draws the figures that belong to the sweep, as SVG: nanoseconds for a record,
// and of an open loop the median latency.
func (s Sweep) Plot(w io.Writer, r *Report) error {
	rows := map[string]Result{}
	for _, row := range r.Results {
		rows[row.Case] = row
	}
	var lines []plot.Series
	for _, series := range s.Series {
		line := plot.Series{Name: series.Name}
		for i, c := range series.Cases {
			row, ok := rows[c.Name]
			if !ok {
				continue // skipped
			}
			y := row.NsPerOp
			if c.Kind == OpenLoop {
				y = float64(max(1, row.P50))
			}
			line.Points = append(line.Points, plot.Point{X: series.X[i], Y: y})
		}
		if len(line.Points) > 0 {
			lines = append(lines, line)
		}
	}
	return plot.XY(w, s.Title, s.XLabel, "ns", lines, s.LogX, true)
}
