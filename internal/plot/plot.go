// Package plot draws line plots as SVG: latency by percentile, and one measure against
// another. The pictures have no background and are legible on white and on dark.
package plot

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// Point is one value of a series.
type Point struct{ X, Y float64 }

// Series is a line with a name. Its points are joined in the order given.
type Series struct {
	Name   string
	Points []Point
}

// maxMagnitude bounds the values, and its inverse those that are not zero, so that a sum
// of a few does not overflow nor a share of one vanish.
const maxMagnitude = 1e100

// Percentiles draws latencies as the plots of HdrHistogram do: X is a percentile as a
// fraction, 0 to 1, on a log axis of 1/(1-X), and Y is nanoseconds on a log axis. The
// maximum, at X = 1, has no place on such an axis: it is drawn at the right end.
//
// It fails, and writes nothing, if there is no series or one without points, if a value
// is no number, or a percentile or a latency is out of range.
func Percentiles(w io.Writer, title string, series []Series) error {
	c, err := percentileChart(title, series)
	if err != nil {
		return err
	}
	return c.write(w)
}

// XY draws Y against X. An axis that is not a log axis is linear, and the linear Y axis
// begins at zero. An axis whose label ends with "bytes" has ticks in B, KiB and so on.
//
// It fails, and writes nothing, if there is no series or one without points, if a value
// is no number, or is not positive and belongs to a log axis.
func XY(w io.Writer, title, xLabel, yLabel string, series []Series, logX, logY bool) error {
	c, err := xyChart(title, xLabel, yLabel, series, logX, logY)
	if err != nil {
		return err
	}
	return c.write(w)
}

func percentileChart(title string, series []Series) (*chart, error) {
	if err := check(series, false, true); err != nil {
		return nil, err
	}
	moved := make([]Series, len(series))
	last := 10.0 // the axis shows up to 90% at least
	for i, s := range series {
		moved[i] = Series{s.Name, make([]Point, len(s.Points))}
		for j, p := range s.Points {
			if p.X < 0 || p.X > 1 {
				return nil, fmt.Errorf("plot: series %q: percentile %v is not a fraction from 0 to 1", s.Name, p.X)
			}
			moved[i].Points[j] = Point{1 / (1 - p.X), p.Y}
			if p.X < 1 {
				last = max(last, 1/(1-p.X))
			}
		}
	}
	x := percentileAxis(last)
	for _, s := range moved {
		for j := range s.Points {
			s.Points[j].X = min(s.Points[j].X, x.hi)
		}
	}
	_, y := extent(moved)
	return &chart{title, "percentile", "latency", x, decadeAxis(y.lo, y.hi, nanoseconds), moved}, nil
}

func xyChart(title, xLabel, yLabel string, series []Series, logX, logY bool) (*chart, error) {
	if err := check(series, logX, logY); err != nil {
		return nil, err
	}
	x, y := extent(series)
	if !logY {
		y.lo, y.hi = min(y.lo, 0), max(y.hi, 0)
	}
	return &chart{title, xLabel, yLabel, newAxis(x, xLabel, logX), newAxis(y, yLabel, logY), series}, nil
}

func newAxis(r span, label string, log bool) axis {
	bytes := strings.HasSuffix(label, "bytes")
	switch {
	case log && bytes:
		return doublingAxis(r.lo, r.hi, byteSize)
	case log:
		return decadeAxis(r.lo, r.hi, number)
	case bytes:
		return linearAxis(r.lo, r.hi, binaryStep, byteSize)
	default:
		return linearAxis(r.lo, r.hi, decimalStep, number)
	}
}

func check(series []Series, logX, logY bool) error {
	if len(series) == 0 {
		return errors.New("plot: no series")
	}
	if len(series) > maxSeries {
		return fmt.Errorf("plot: %d series, at most %d can be told apart", len(series), maxSeries)
	}
	for _, s := range series {
		if len(s.Points) == 0 {
			return fmt.Errorf("plot: series %q has no points", s.Name)
		}
		for _, p := range s.Points {
			if err := errors.Join(checkValue(p.X, logX), checkValue(p.Y, logY)); err != nil {
				return fmt.Errorf("plot: series %q: point (%v, %v): %w", s.Name, p.X, p.Y, err)
			}
		}
	}
	return nil
}

func checkValue(v float64, log bool) error {
	switch {
	case math.IsNaN(v):
		return errors.New("not a number")
	case math.Abs(v) > maxMagnitude, v != 0 && math.Abs(v) < 1/maxMagnitude:
		return errors.New("out of range")
	case log && v <= 0:
		return errors.New("not positive, on a log axis")
	}
	return nil
}

// span is the least and the greatest of some values.
type span struct{ lo, hi float64 }

func extent(series []Series) (x, y span) {
	first := series[0].Points[0]
	x, y = span{first.X, first.X}, span{first.Y, first.Y}
	for _, s := range series {
		for _, p := range s.Points {
			x = span{min(x.lo, p.X), max(x.hi, p.X)}
			y = span{min(y.lo, p.Y), max(y.hi, p.Y)}
		}
	}
	return x, y
}
