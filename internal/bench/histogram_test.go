package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

func rowWithLatencies() Result {
	h := newHistogram()
	for i := range 10_000 {
		record(h, int64(100+i%50))
	}
	record(h, 5_000_000)
	return summarize(Case{Name: "round-trip/x", Kind: RoundTrip}, []rep{{ns: 125, hist: h}}, nil)
}

// The text is what HdrHistogram's own tools read: four columns, comments with a hash.
func TestHistogramTextParses(t *testing.T) {
	var out bytes.Buffer
	r := rowWithLatencies()
	require.NoError(t, WriteHistogram(&out, r))

	var values, percentiles []float64
	var last []string
	for in := bufio.NewScanner(&out); in.Scan(); {
		line := in.Text()
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" || strings.Contains(line, "Percentile") {
			continue
		}
		fields := strings.Fields(line)
		require.Len(t, fields, 4, line)
		v, err := strconv.ParseFloat(fields[0], 64)
		require.NoError(t, err)
		p, err := strconv.ParseFloat(fields[1], 64)
		require.NoError(t, err)
		values, percentiles, last = append(values, v), append(percentiles, p), fields
	}
	require.IsNonDecreasing(t, values)
	require.IsNonDecreasing(t, percentiles)
	require.InDelta(t, 5_000_000, values[len(values)-1], 5000)
	require.Equal(t, []string{"1.000000", "10001", "inf"}, last[1:])
}

func TestRecordTakesWhatClocksCanShow(t *testing.T) {
	h := newHistogram()
	record(h, -30)
	record(h, math.MaxInt64)
	require.Equal(t, int64(2), h.TotalCount())
	require.Equal(t, int64(0), h.Min())
	require.InEpsilon(t, maxLatency, h.Max(), 0.001)
}

func TestReportsPlotTheirLatencies(t *testing.T) {
	var out bytes.Buffer
	rep := Report{Results: []Result{rowWithLatencies(), {Case: "throughput/x"}}}
	cases := []Case{{Name: "round-trip/x"}, {Name: "throughput/x"}}
	require.NoError(t, rep.PlotPercentiles(&out, cases))
	require.Contains(t, out.String(), "<svg")
	require.Contains(t, out.String(), "round-trip/x")
	require.NotContains(t, out.String(), "throughput/x")
	require.Error(t, rep.PlotPercentiles(&out, cases[1:]))
}

func TestPlotHasRoomForWhatIsPlotted(t *testing.T) {
	some, err := Plotted(Cases(), false)
	require.NoError(t, err, "without a choice there is a plot all the same")
	for _, c := range some {
		require.Equal(t, OpenLoop, c.Kind)
	}
	_, err = Plotted(Cases(), true)
	require.ErrorIs(t, err, shmq.ErrOption, "too many")
	_, err = Plotted(nil, true)
	require.ErrorIs(t, err, shmq.ErrOption)

	var rep Report
	var cases []Case
	for i := range maxCurves {
		r := rowWithLatencies()
		r.Case = fmt.Sprint("case-", i)
		rep.Results, cases = append(rep.Results, r), append(cases, Case{Name: r.Case, Kind: OpenLoop})
	}
	_, err = Plotted(cases, true)
	require.NoError(t, err)
	require.NoError(t, rep.PlotPercentiles(io.Discard, cases))
}

func TestSweepsPlotEachSeries(t *testing.T) {
	for _, s := range Sweeps() {
		var found Report
		for _, c := range s.Cases() {
			r := summarize(c, []rep{{ns: 10}}, nil)
			r.Percentiles = &Percentiles{P50: 20}
			found.Results = append(found.Results, r)
		}
		var out bytes.Buffer
		require.NoError(t, s.Plot(&out, &found), s.Name)
		for _, line := range s.Series {
			require.Contains(t, out.String(), line.Name)
		}
		require.Error(t, s.Plot(&out, &Report{}), "nothing was measured")
	}
}

func TestTableRows(t *testing.T) {
	var out bytes.Buffer
	table := Table{&out}
	require.NoError(t, table.Header())
	r := rowWithLatencies()
	r.Limit = &Limit{LimitNs: 50, Ratio: 2.5}
	r.Note = "a note"
	require.NoError(t, table.Row(r))
	require.NoError(t, table.Row(Result{Case: "shell/x", Skipped: "not measured: no such command"}))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Equal(t, []string{"CASE", "NS/OP", "OPS/S", "P50", "P90", "P99", "P99.9", "MAX", "LIMIT", "RATIO", "GB/S"}, strings.Fields(lines[0]))
	require.Equal(t, "round-trip/x 125 8,000,000 125 145 149 149 "+count(r.Max)+" 50.0 2.50 - a note", strings.Join(strings.Fields(lines[1]), " "))
	require.Equal(t, "shell/x not measured: no such command", strings.Join(strings.Fields(lines[2]), " "))
}

func TestNumbersForPeople(t *testing.T) {
	require.Equal(t, "1,234,567 999 1,000 0", fmt.Sprint(count(1234567), " ", count(999), " ", count(1000), " ", count(0)))
	require.Equal(t, "6.3", digits(6.25001))
	require.Equal(t, "1,235", digits(1234.6))
	require.Equal(t, "0", allocs(0.0002))
	require.Equal(t, "1.50", allocs(1.5))
}
