package plot_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/plot"
)

var update = flag.Bool("update", false, "write the golden file anew")

// latencies is like what a histogram gives: many points, the last at 1.
func latencies(name string, scale float64) plot.Series {
	s := plot.Series{Name: name}
	for x := 1.0; x < 3e5; x *= 1.2 {
		s.Points = append(s.Points, plot.Point{X: 1 - 1/x, Y: scale * (80 + math.Pow(math.Log2(x), 3))})
	}
	return plot.Series{Name: name, Points: append(s.Points, plot.Point{X: 1, Y: scale * 9000})}
}

func small() []plot.Series {
	return []plot.Series{
		{Name: "ring", Points: []plot.Point{{X: 8, Y: 20}, {X: 1024, Y: 90}, {X: 65536, Y: 4000}}},
		{Name: "pipe", Points: []plot.Point{{X: 8, Y: 600}, {X: 1024, Y: 800}, {X: 65536, Y: 17000}}},
	}
}

func drawSmall(t *testing.T) []byte {
	var b bytes.Buffer
	require.NoError(t, plot.XY(&b, "a record", "size, bytes", "time, ns", small(), true, true))
	return b.Bytes()
}

func drawPercentiles(t *testing.T, series ...plot.Series) []byte {
	var b bytes.Buffer
	require.NoError(t, plot.Percentiles(&b, "round trip", series))
	return b.Bytes()
}

// element is any part of the picture, as an XML reader sees it.
type element struct {
	XMLName  xml.Name
	Class    string    `xml:"class,attr"`
	X        float64   `xml:"x,attr"`
	Y        float64   `xml:"y,attr"`
	Anchor   string    `xml:"text-anchor,attr"`
	D        string    `xml:"d,attr"`
	Dash     string    `xml:"stroke-dasharray,attr"`
	Text     string    `xml:",chardata"`
	Children []element `xml:",any"`
}

func parse(t *testing.T, svg []byte) element {
	var root element
	require.NoError(t, xml.Unmarshal(svg, &root))
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		_, err := d.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err, "nothing but one element, and all of it XML")
	}
	return root
}

func (e element) named(name string) (found []element) {
	for _, c := range e.Children {
		if c.XMLName.Local == name {
			found = append(found, c)
		}
		found = append(found, c.named(name)...)
	}
	return found
}

func (e element) texts() (texts []string) {
	for _, t := range e.named("text") {
		texts = append(texts, t.Text)
	}
	return texts
}

func (e element) legend() (rows []element) {
	for _, g := range e.named("g") {
		if g.Class == "legend" {
			rows = append(rows, g)
		}
	}
	return rows
}

// corners are all x and y of a path in absolute coordinates, M and L only.
func corners(t *testing.T, d string) (xs, ys []float64) {
	for i, f := range strings.Fields(strings.NewReplacer("M", " ", "L", " ").Replace(d)) {
		v, err := strconv.ParseFloat(f, 64)
		require.NoError(t, err)
		if i%2 == 0 {
			xs = append(xs, v)
		} else {
			ys = append(ys, v)
		}
	}
	return xs, ys
}

func TestGolden(t *testing.T) {
	const path = "testdata/small.svg"
	got := drawSmall(t)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func TestSameInputGivesSamePicture(t *testing.T) {
	for range 5 {
		require.Equal(t, drawSmall(t), drawSmall(t))
	}
}

func TestPercentileAxisCountsNines(t *testing.T) {
	texts := parse(t, drawPercentiles(t, latencies("a", 1))).texts()
	require.Subset(t, texts, []string{"0%", "50%", "90%", "99%", "99.9%", "99.99%", "99.999%", "100 ns", "1 us", "10 us"})
	require.NotContains(t, texts, "99.99999%")
}

func TestByteAxis(t *testing.T) {
	texts := parse(t, drawSmall(t)).texts()
	require.Subset(t, texts, []string{"8 B", "512 B", "32 KiB"})
}

func TestLinearYBeginsAtZero(t *testing.T) {
	var b bytes.Buffer
	s := []plot.Series{{Name: "s", Points: []plot.Point{{X: 1, Y: 9.1e6}, {X: 8, Y: 9.9e6}}}}
	require.NoError(t, plot.XY(&b, "", "producers", "records a second", s, false, false))
	require.Subset(t, parse(t, b.Bytes()).texts(), []string{"0", "2M", "10M", "1", "8"})
}

func TestLinesStayInThePicture(t *testing.T) {
	extreme := plot.Series{Name: "e", Points: []plot.Point{{X: 0, Y: 1e-3}, {X: math.Nextafter(1, 0), Y: 1e12}, {X: 1, Y: 1e12}}}
	for name, svg := range map[string][]byte{
		"many points":  drawPercentiles(t, latencies("a", 1), latencies("b", 900)),
		"extreme":      drawPercentiles(t, extreme),
		"maximum only": drawPercentiles(t, plot.Series{Name: "m", Points: []plot.Point{{X: 1, Y: 7}}}),
		"small":        drawSmall(t),
	} {
		lines := 0
		root := parse(t, svg)
		for _, p := range root.named("path") {
			if p.Class != "line c0" || strings.Contains(p.D, "H") {
				continue // the legend's
			}
			lines++
			xs, ys := corners(t, p.D)
			for i := range xs {
				require.True(t, xs[i] >= 84 && xs[i] <= 784 && ys[i] >= 48 && ys[i] <= 392, "%s: (%v, %v)", name, xs[i], ys[i])
			}
		}
		require.Equal(t, 1, lines, name)
	}
}

func TestLegendRowsDoNotOverlap(t *testing.T) {
	var series []plot.Series
	for i := range 16 {
		series = append(series, latencies(strings.Repeat("WM@ long name ", 1+i), float64(1+i)))
	}
	root := parse(t, drawPercentiles(t, series...))
	rows := root.legend()
	require.Len(t, rows, len(series))

	edge := 0.0 // of the lines
	for _, p := range root.named("path") {
		if strings.HasPrefix(p.Class, "line ") && !strings.Contains(p.D, "H") {
			xs, _ := corners(t, p.D)
			for _, x := range xs {
				edge = max(edge, x)
			}
		}
	}
	looks := map[string]bool{}
	for i, row := range rows {
		text := row.named("text")[0]
		require.Greater(t, text.X, edge, "the legend is beside the lines")
		require.Less(t, text.Y, 450.0)
		require.LessOrEqual(t, len([]rune(text.Text)), 30, "cut to what fits")
		if i > 0 {
			require.GreaterOrEqual(t, text.Y-rows[i-1].named("text")[0].Y, 15.0)
		}
		line := row.named("path")[0]
		looks[line.Class+line.Dash] = true
	}
	require.Len(t, looks, len(series), "each looks different")
}

func TestTickLabelsDoNotOverlap(t *testing.T) {
	deep := plot.Series{Name: "d", Points: []plot.Point{{X: 0, Y: 1}, {X: math.Nextafter(1, 0), Y: 1e90}}}
	for _, svg := range [][]byte{drawSmall(t), drawPercentiles(t, deep), drawPercentiles(t, latencies("a", 1))} {
		var lastEnd, lastTop float64
		lastTop = math.Inf(1)
		for _, l := range parse(t, svg).named("text") {
			half := 3.0 * float64(len(l.Text)) // a digit is six wide
			switch {
			case l.Y == 410:
				require.Greater(t, l.X-half, lastEnd, "%q", l.Text)
				lastEnd = l.X + half
			case l.Anchor == "end":
				require.Less(t, l.Y, lastTop, "%q", l.Text)
				lastTop = l.Y - 12
				require.Greater(t, l.X-2*half, 24.0, "%q meets the axis's label", l.Text)
			}
		}
		require.NotZero(t, lastEnd)
	}
}

func TestHostileNames(t *testing.T) {
	for _, name := range []string{
		`</text><script>alert(1)</script>`, `"><a href='x'>&amp;`, "]]>", "a\x00b\x1b[31m\n\t", "\xff\xfe",
		"\u202etxt", "", strings.Repeat("很长", 400), "<!-- --", "%s%d%!",
	} {
		s := plot.Series{Name: name, Points: []plot.Point{{X: 1, Y: 2}, {X: 2, Y: 3}}}
		var b bytes.Buffer
		require.NoError(t, plot.XY(&b, name, name, name, []plot.Series{s}, false, false))
		root := parse(t, b.Bytes())
		require.Empty(t, root.named("script"))
		require.Empty(t, root.named("a"))
		require.NotContains(t, b.String(), "\u202e")
		require.NotContains(t, b.String(), "MISSING")
		if len(name) < 20 && strings.HasPrefix(name, "<!") {
			require.Equal(t, name, root.legend()[0].named("text")[0].Text)
		}
	}
}

func TestRefused(t *testing.T) {
	one := func(x, y float64) []plot.Series {
		return []plot.Series{{Name: "s", Points: []plot.Point{{X: x, Y: y}}}}
	}
	xy := func(s []plot.Series, logX, logY bool) error {
		var b bytes.Buffer
		err := plot.XY(&b, "t", "x", "y", s, logX, logY)
		require.Zero(t, b.Len(), "nothing is written")
		return err
	}
	percentiles := func(s []plot.Series) error {
		var b bytes.Buffer
		err := plot.Percentiles(&b, "t", s)
		require.Zero(t, b.Len(), "nothing is written")
		return err
	}
	require.ErrorContains(t, xy(nil, false, false), "no series")
	require.ErrorContains(t, xy([]plot.Series{{Name: "empty"}}, false, false), `"empty" has no points`)
	require.ErrorContains(t, xy(make([]plot.Series, 17), false, false), "at most 16")
	require.ErrorContains(t, xy(one(math.NaN(), 1), false, false), "not a number")
	require.ErrorContains(t, xy(one(1, math.NaN()), false, false), "not a number")
	require.ErrorContains(t, xy(one(math.Inf(1), 1), false, false), "out of range")
	require.ErrorContains(t, xy(one(1e-200, 1), false, false), "out of range")
	require.ErrorContains(t, xy(one(0, 1), true, false), "not positive")
	require.ErrorContains(t, xy(one(1, -1), false, true), "not positive")
	require.ErrorContains(t, percentiles(nil), "no series")
	require.ErrorContains(t, percentiles(one(0.5, 0)), "not positive")
	require.ErrorContains(t, percentiles(one(-0.1, 5)), "fraction")
	require.ErrorContains(t, percentiles(one(99, 5)), "fraction")
}

func TestWriteErrorIsReturned(t *testing.T) {
	require.ErrorIs(t, plot.Percentiles(fullDisk{}, "t", []plot.Series{latencies("a", 1)}), errFull)
}

var errFull = errors.New("no space")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func FuzzXYIsXML(f *testing.F) {
	f.Add("name", "x, bytes", 1.0, 2.0, 3.0, 4.0, true, true)
	f.Add("<&>", "x", 0.0, 0.0, -1.0, 5e-324, false, false)
	f.Add("n", "bytes", 1e-100, 1e100, 1e100, 1e-100, true, true)
	f.Fuzz(func(t *testing.T, name, label string, x0, y0, x1, y1 float64, logX, logY bool) {
		var b bytes.Buffer
		s := []plot.Series{{Name: name, Points: []plot.Point{{X: x0, Y: y0}, {X: x1, Y: y1}}}}
		if plot.XY(&b, name, label, label, s, logX, logY) != nil {
			return
		}
		parse(t, b.Bytes())
		for _, bad := range []string{"NaN", "Inf"} {
			if !strings.Contains(name+label, bad) {
				require.NotContains(t, b.String(), bad)
			}
		}
	})
}
