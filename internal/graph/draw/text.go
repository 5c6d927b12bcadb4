package draw

import (
	"io"
	"strings"

	"github.com/shmq/shmq/internal/cells"
	"github.com/shmq/shmq/internal/graph"
)

// TextOptions say how a drawing as text looks.
type TextOptions struct {
	Columns int  // of a line; 0 is 80
	ASCII   bool // no characters beyond ASCII
	Color   bool // also by colours
}

// narrow is the width below which queues and processes stand below each other.
const narrow = 64

// strokes are the characters of a drawing.
type strokes struct {
	across, down                       string
	topLeft, topRight, lowLeft, lowEnd string
	line, quiet, head, cut             string // of arrows: that moves, that does not; its end
	full, empty                        string // of a bar
}

var (
	lines = strokes{"─", "│", "╭", "╮", "╰", "╯", "─", "╌", "▶", "╳", "█", "░"}
	ascii = strokes{"-", "|", "+", "+", "+", "+", "-", ".", ">", "x", "#", "."}
)

// textDrawing is a drawing at work.
type textDrawing struct {
	out strings.Builder
	o   TextOptions
	s   *strokes
	g   *graph.Graph
	by  map[string]*graph.Process

	side, box int // columns of each side and of the box between them
}

// Text writes the graph as lines of text: each queue in a box, its producers on the left
// of it and its consumers on the right. A queue stands above those into which its consumers send.
func Text(w io.Writer, g *graph.Graph, o TextOptions) error {
	if o.Columns <= 0 {
		o.Columns = 80
	}
	d := &textDrawing{o: o, s: &lines, g: g, by: map[string]*graph.Process{}}
	if o.ASCII {
		d.s = &ascii
	}
	for i := range g.Processes {
		d.by[g.Processes[i].ID] = &g.Processes[i]
	}
	d.box = min(max(o.Columns*3/10, 24), 36)
	d.side = (o.Columns - d.box) / 2
	d.line("", "shmq map - "+title(g))
	if len(g.Queues) == 0 {
		d.line("", "no queues; a sender or receiver makes one, or: shmq create NAME")
	}
	for _, i := range order(g) {
		d.line("", "")
		d.queue(&g.Queues[i])
	}
	_, err := io.WriteString(w, d.out.String())
	return err
}

// line writes texts as a line. Each may be in a colour, and what does not fit is cut off.
func (d *textDrawing) line(pairs ...string) {
	room := d.o.Columns
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		text := cells.Cut(cells.Clean(pairs[i+1], false), room)
		if d.o.ASCII {
			text = cells.Clean(text, true)
		}
		room -= cells.Width(text)
		if pairs[i] != "" && d.o.Color && text != "" {
			text = pairs[i] + text + "\x1b[m"
		}
		b.WriteString(text)
	}
	d.out.WriteString(strings.TrimRight(b.String(), " ") + "\n")
}

// The colours.
const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	yellow = "\x1b[33m"
	red    = "\x1b[31m"
)

func colour(s graph.State) string {
	switch {
	case alarming(s):
		return red
	case s == graph.Asleep:
		return dim
	}
	return ""
}

// styled is a text in a colour.
type styled struct{ text, style string }

// edgeColour is colour, but an edge that holds the ring up is to be looked at, too.
func edgeColour(e *graph.Edge) string {
	if e.HoldsUp && !alarming(e.State) {
		return yellow
	}
	return colour(e.State)
}

// queue draws one queue with its edges.
func (d *textDrawing) queue(q *graph.Queue) {
	var in, out []*graph.Edge
	for i := range d.g.Edges {
		switch e := &d.g.Edges[i]; {
		case e.Queue != q.ID:
		case e.Kind == graph.Sends:
			in = append(in, e)
		case e.Kind == graph.Receives:
			out = append(out, e)
		}
	}
	if d.o.Columns < narrow {
		d.list(q, in, out)
	} else {
		d.block(q, in, out)
	}
	for _, warning := range q.Warnings {
		for _, text := range cells.Wrap(cells.Clean(warning, d.o.ASCII), max(d.o.Columns-2, 20)) {
			d.line(yellow, "  "+text)
		}
	}
}

// list draws a queue where there is no room for arrows.
func (d *textDrawing) list(q *graph.Queue, in, out []*graph.Edge) {
	d.line(bold, q.Name, boxColour(q), "  "+strings.TrimSpace(queueLabel(q)+"  "+stateText(q)))
	for _, e := range in {
		d.line(colour(e.State), "  from "+d.process(e)+"  "+edgeLabel(e))
	}
	for _, e := range out {
		d.line(edgeColour(e), "  to   "+strings.TrimSpace(d.process(e)+"  "+edgeLabel(e)+"  "+lagLabel(e)))
	}
}

func stateText(q *graph.Queue) string {
	if q.Error != "" {
		return ""
	}
	return q.State
}

func boxColour(q *graph.Queue) string {
	if q.Alert {
		return yellow
	}
	return ""
}

func (d *textDrawing) process(e *graph.Edge) string {
	return processLabel(d.by[e.Process])
}

// block draws a queue as a box, with an arrow for each edge.
func (d *textDrawing) block(q *graph.Queue, in, out []*graph.Edge) {
	inner := d.box - 4
	body := []string{cells.Left(cells.Clean(q.Name, d.o.ASCII), inner)}
	if q.Error != "" {
		for _, text := range cells.Wrap(cells.Clean(q.Error, d.o.ASCII), inner) {
			body = append(body, cells.Left(text, inner))
		}
	} else {
		body = append(body, d.bar(q, inner), cells.Left(queueLabel(q), inner))
		if q.State != "" {
			body = append(body, cells.Left(q.State, inner))
		}
	}
	var rights []styled
	for _, e := range out {
		rights = append(rights, styled{d.right(e), edgeColour(e)})
		if lag := lagLabel(e); lag != "" {
			rights = append(rights, styled{"  " + lag, edgeColour(e)})
		}
	}
	rows := max(len(body), len(in), len(rights))
	edge := func(from, to string) string { return from + strings.Repeat(d.s.across, d.box-2) + to }
	blank := strings.Repeat(" ", d.side)
	c := boxColour(q)
	d.line("", blank, c, edge(d.s.topLeft, d.s.topRight))
	for i := range rows {
		text, style := strings.Repeat(" ", inner), ""
		if i < len(body) {
			text = body[i]
		}
		if i == 0 {
			style = bold
		}
		left, leftStyle := blank, ""
		if i < len(in) {
			left, leftStyle = d.left(in[i]), colour(in[i].State)
		}
		right, rightStyle := "", ""
		if i < len(rights) {
			right, rightStyle = rights[i].text, rights[i].style
		}
		d.line(leftStyle, left, c, d.s.down+" ", style, text, c, " "+d.s.down, rightStyle, right)
	}
	d.line("", blank, c, edge(d.s.lowLeft, d.s.lowEnd))
}

// bar shows how full a queue is. One that is not empty shows, and only a full one is full.
func (d *textDrawing) bar(q *graph.Queue, n int) string {
	full := int(use(q) * float64(n))
	if q.Depth > 0 {
		full = max(full, 1)
	}
	return strings.Repeat(d.s.full, full) + strings.Repeat(d.s.empty, n-full)
}

// sides returns the columns for the name of a process and for its arrow.
func (d *textDrawing) sides() (name, arrow int) {
	arrow = min(max(d.side*11/20, 14), 24)
	return d.side - arrow - 1, arrow
}

func (d *textDrawing) left(e *graph.Edge) string {
	name, arrow := d.sides()
	return cells.Right(cells.Clean(d.process(e), d.o.ASCII), name) + " " + d.arrow(e, arrow)
}

func (d *textDrawing) right(e *graph.Edge) string {
	name, arrow := d.sides()
	return d.arrow(e, arrow) + " " + strings.TrimRight(cells.Left(cells.Clean(d.process(e), d.o.ASCII), name), " ")
}

// arrow returns an arrow of n columns, with its label in the middle. Records go over a solid
// one; over one that is cut nothing goes before its process is looked after.
func (d *textDrawing) arrow(e *graph.Edge, n int) string {
	stroke, head := d.s.line, d.s.head
	if alarming(e.State) {
		stroke, head = d.s.quiet, d.s.cut
	} else if e.State == graph.Asleep || e.State == graph.Kept || e.Rates != nil && e.Rates.Records == 0 {
		stroke = d.s.quiet
	}
	label := edgeLabel(e)
	if label != "" {
		label = " " + label + " "
	}
	label = cells.Cut(label, n-3)
	rest := n - 1 - cells.Width(label)
	return strings.Repeat(stroke, rest/2) + label + strings.Repeat(stroke, rest-rest/2) + head
}
