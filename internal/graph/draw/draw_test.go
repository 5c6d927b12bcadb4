package draw_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/cells"
	"github.com/shmq/shmq/internal/graph"
	"github.com/shmq/shmq/internal/graph/draw"
)

var update = flag.Bool("update", false, "write the golden files")

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// builder makes graphs.
type builder struct{ graph.Graph }

func newBuilder() *builder { return &builder{graph.Graph{Time: noon, Place: "/dev/shm"}} }

func (b *builder) process(pid int, command string, s graph.State) string {
	id := fmt.Sprintf("process:%d:1", pid)
	b.Processes = append(b.Processes, graph.Process{ID: id, PID: pid, Command: command, State: s})
	return id
}

func (b *builder) queue(q graph.Queue) string {
	q.ID = "queue:" + q.Name
	b.Queues = append(b.Queues, q)
	return q.ID
}

func (b *builder) edge(from, to string, rate float64, s graph.State) {
	e := graph.Edge{ID: from + ">" + to, Kind: graph.Sends, From: from, To: to, Queue: to, Process: from, State: s, Rates: &graph.Rates{Records: rate}}
	if strings.HasPrefix(from, "queue:") {
		e.Kind, e.Queue, e.Process = graph.Receives, from, to
	}
	b.Edges = append(b.Edges, e)
}

// shop is a graph as there are many: a chain of queues, a circle of requests and answers, each
// state, a queue that can't be described and one that no process uses.
func shop() *graph.Graph {
	b := newBuilder()
	web, till := b.process(100, "web", graph.Alive), b.process(101, "till", graph.Asleep)
	worker, slow := b.process(200, "worker", graph.Alive), b.process(201, "worker", graph.Stopped)
	printer, gone := b.process(300, "printer", graph.Frozen), b.process(301, "mailer", graph.Dead)
	answers := b.queue(graph.Queue{Name: "answers", Slots: 64})
	invoices := b.queue(graph.Queue{Name: "invoices", Slots: 8, Depth: 8, Records: 8, State: "full, 1 dead", Alert: true, Warnings: []string{"seat 2: consumer 301 (mailer) died; the next participant or `shmq recover invoices` frees its seat"}})
	orders := b.queue(graph.Queue{Name: "orders", Slots: 4096, Depth: 1024, Records: 1000, State: "1 stopped", Alert: true})
	b.queue(graph.Queue{Name: "spare", Slots: 8})
	b.queue(graph.Queue{Name: "torn", Error: "not a shmq queue", State: "error", Alert: true})
	b.edge(web, orders, 12345, graph.Alive)
	b.edge(till, orders, 0, graph.Asleep)
	b.edge(orders, worker, 9000, graph.Alive)
	b.edge(orders, slow, 0, graph.Stopped)
	b.edge(worker, invoices, 25, graph.Alive)
	b.edge(invoices, printer, 0, graph.Frozen)
	b.edge(invoices, gone, 3, graph.Dead)
	b.edge(worker, answers, 4, graph.Alive)
	b.edge(answers, web, 4, graph.Alive) // back
	return &b.Graph
}

func hostile() *graph.Graph {
	b := newBuilder()
	name := "<img src=x onerror=alert(1)>\"]; q9 [label=\\N\x1b[31m\u202e&lt;漢字\xff\n-->"
	p := b.process(7, "</title><script>\"\\G\"\x07", graph.Alive)
	b.edge(p, b.queue(graph.Queue{Name: name, Slots: 8, Warnings: []string{name}}), 1, graph.Alive)
	b.queue(graph.Queue{Name: "e", Error: name + "]]>", State: "error"})
	b.Place = name
	return &b.Graph
}

func written(t *testing.T, f func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, f(&b))
	return b.String()
}

func text(t *testing.T, g *graph.Graph, o draw.TextOptions) string {
	t.Helper()
	return written(t, func(w io.Writer) error { return draw.Text(w, g, o) })
}

func dot(t *testing.T, g *graph.Graph) string {
	t.Helper()
	return written(t, func(w io.Writer) error { return draw.DOT(w, g) })
}

func svg(t *testing.T, g *graph.Graph) string {
	t.Helper()
	return written(t, func(w io.Writer) error { return draw.SVG(w, g) })
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for name, got := range map[string]string{
		"shop.txt":        text(t, shop(), draw.TextOptions{}),
		"shop-wide.txt":   text(t, shop(), draw.TextOptions{Columns: 120}),
		"shop-narrow.txt": text(t, shop(), draw.TextOptions{Columns: 40}),
		"shop-ascii.txt":  text(t, shop(), draw.TextOptions{ASCII: true}),
		"shop-color.txt":  text(t, shop(), draw.TextOptions{Color: true}),
		"shop.dot":        dot(t, shop()),
		"shop.svg":        svg(t, shop()),
		"hostile.txt":     text(t, hostile(), draw.TextOptions{}),
		"hostile.dot":     dot(t, hostile()),
		"hostile.svg":     svg(t, hostile()),
		"empty.txt":       text(t, &graph.Graph{Place: "/dev/shm"}, draw.TextOptions{}),
		"empty.svg":       svg(t, &graph.Graph{Place: "/dev/shm"}),
	} {
		file := filepath.Join("testdata", name)
		if *update {
			require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(want), got, name)
	}
}

func TestTextFitsTheWidth(t *testing.T) {
	t.Parallel()
	for _, g := range []*graph.Graph{shop(), hostile()} {
		for columns := 20; columns < 200; columns++ {
			for line := range strings.Lines(text(t, g, draw.TextOptions{Columns: columns})) {
				line = strings.TrimSuffix(line, "\n")
				require.LessOrEqual(t, cells.Width(line), columns, "%q", line)
				require.Equal(t, cells.Clean(line, false), line)
			}
		}
		for _, r := range text(t, g, draw.TextOptions{ASCII: true}) {
			require.Less(t, r, rune(utf8.RuneSelf))
		}
	}
}

// Colours change nothing of what is said.
func TestColourIsOnlyColour(t *testing.T) {
	t.Parallel()
	coloured := text(t, shop(), draw.TextOptions{Color: true})
	require.Contains(t, coloured, "\x1b[31m")
	stripped := regexp.MustCompile("\x1b\\[[0-9]*m").ReplaceAllString(coloured, "")
	var lines []string
	for line := range strings.Lines(stripped) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	require.Equal(t, text(t, shop(), draw.TextOptions{}), strings.Join(lines, "\n")+"\n")
}

func TestQueuesStandAboveThoseBehindThem(t *testing.T) {
	t.Parallel()
	out := text(t, shop(), draw.TextOptions{})
	require.Less(t, strings.Index(out, "│ orders"), strings.Index(out, "│ invoices"))
	require.Less(t, strings.Index(out, "│ invoices"), strings.Index(out, "│ spare"))
}

// elements reads a picture as XML and returns its texts and the names of its elements.
func elements(t *testing.T, picture string) (texts []string, names map[string]int) {
	t.Helper()
	names = map[string]int{}
	d := xml.NewDecoder(strings.NewReader(picture))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts, names
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			names[token.Name.Local]++
			for _, a := range token.Attr {
				require.NotContains(t, a.Name.Local, "on", "a handler")
			}
		case xml.CharData:
			texts = append(texts, string(token))
		}
	}
}

func TestSVGIsWellFormedAndQuiet(t *testing.T) {
	t.Parallel()
	for _, g := range []*graph.Graph{shop(), hostile(), {}} {
		picture := svg(t, g)
		texts, names := elements(t, picture)
		for _, name := range []string{"script", "img", "a", "image", "foreignObject"} {
			require.Zero(t, names[name])
		}
		require.NotContains(t, picture, "url(")
		require.NotContains(t, picture, "NaN")
		require.Contains(t, picture, "prefers-color-scheme: dark")
		require.Equal(t, len(g.Edges)*2, names["path"], "each edge has a line and a head")
		if len(g.Queues) > 0 {
			require.Contains(t, strings.Join(texts, "\n"), cells.Clean(g.Queues[0].Name, false), "whole, as a tool tip")
		}
	}
}

var box = regexp.MustCompile(`<rect class="(?:process|queue)" x="([-0-9.]+)" y="([-0-9.]+)" width="([0-9.]+)" height="([0-9.]+)"`)

// Boxes neither overlap nor leave the picture, in graphs of any kind: chains, circles, many to many.
func TestBoxesStandApart(t *testing.T) {
	t.Parallel()
	for size := 1; size < 40; size++ {
		b := newBuilder()
		var processes, queues []string
		for i := range size {
			processes = append(processes, b.process(i, "p", graph.Alive))
			queues = append(queues, b.queue(graph.Queue{Name: fmt.Sprint(i), State: strings.Repeat("full", i%2)}))
		}
		for i := range size * 3 {
			b.edge(processes[i*7%size], queues[(i*5+i/size)%size], float64(i), graph.Alive)
			if i%3 != 0 {
				b.edge(queues[i*11%size], processes[(i+i/size)%size], 1, graph.Alive)
			}
		}
		picture := svg(t, &b.Graph)
		var width, height float64
		_, err := fmt.Sscanf(picture[strings.Index(picture, "viewBox"):], `viewBox="0 0 %f %f"`, &width, &height)
		require.NoError(t, err)
		var boxes [][4]float64
		for _, m := range box.FindAllStringSubmatch(picture, -1) {
			var r [4]float64
			for i := range r {
				_, err := fmt.Sscan(m[i+1], &r[i])
				require.NoError(t, err)
			}
			require.True(t, r[0] >= 0 && r[1] >= 0 && r[0]+r[2] <= width && r[1]+r[3] <= height, "%v in %vx%v", r, width, height)
			for _, o := range boxes {
				apart := r[0] >= o[0]+o[2] || o[0] >= r[0]+r[2] || r[1] >= o[1]+o[3] || o[1] >= r[1]+r[3]
				require.True(t, apart, "%v and %v of %d", r, o, size)
			}
			boxes = append(boxes, r)
		}
		require.Len(t, boxes, 2*size)
	}
}

// statement is a node or an edge of what DOT writes, with its quoted label.
var statement = regexp.MustCompile(`^\t(?:[pq]\d+|[pq]\d+ -> [pq]\d+) \[(?:[a-z]+=(?:"(?:[^"\\]|\\.)*"|[a-z]+)(?:, )?)+\];$`)

func TestDOTIsRead(t *testing.T) {
	t.Parallel()
	for _, g := range []*graph.Graph{shop(), hostile(), {}} {
		source := dot(t, g)
		n := 0
		for _, line := range strings.Split(source, "\n") {
			if statement.MatchString(line) {
				n++
			}
		}
		require.Equal(t, len(g.Processes)+len(g.Queues)+len(g.Edges), n, source)
		graphviz, err := exec.LookPath("dot")
		if err != nil {
			continue
		}
		cmd := exec.Command(graphviz, "-Tplain")
		cmd.Stdin = strings.NewReader(source)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		require.NoError(t, err, "%s", &stderr)
		require.Len(t, regexp.MustCompile(`(?m)^node `).FindAll(out, -1), len(g.Processes)+len(g.Queues))
		require.Len(t, regexp.MustCompile(`(?m)^edge `).FindAll(out, -1), len(g.Edges))
		if len(g.Processes) == 1 {
			require.Contains(t, string(out), `\\N`, "the name itself, not what it would stand for")
		}
	}
}
