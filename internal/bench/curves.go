package bench

import (
	"fmt"
	"io"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/plot"
)

// PlotPercentiles draws the latencies of the rows that have some, as SVG.
func (r *Report) PlotPercentiles(w io.Writer) error {
	var lines []plot.Series
	for _, row := range r.Results {
		if row.Histogram != nil {
			lines = append(lines, row.Curve())
		}
	}
	if len(lines) == 0 {
		return fmt.Errorf("%w: no case was measured that has latencies; name a round-trip or an open-loop", shmq.ErrOption)
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
