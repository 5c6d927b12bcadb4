package draw

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/shmq/shmq/internal/cells"
	"github.com/shmq/shmq/internal/graph"
)

// styleSheet has what is light first; a viewer that knows no colour scheme takes that. Colours
// say nothing that a word does not say too.
const styleSheet = `text { font: 12px system-ui, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif; fill: #57606a }
.paper { fill: #ffffff }
.title { font-size: 16px; font-weight: 600; fill: #1f2328 }
.name { font-size: 13px; font-weight: 600; fill: #1f2328 }
.process { fill: #f6f8fa; stroke: #afb8c1 }
.queue { fill: #ddf4ff; stroke: #54aeff }
.alert .queue { fill: #fff8c5; stroke: #d4a72c }
.error .queue { fill: #ffebe9; stroke: #ff8182; stroke-dasharray: 5 3 }
.room { fill: #ffffff; stroke: #54aeff; stroke-opacity: 0.6 }
.level { fill: #0969da }
.alert .room { stroke: #d4a72c }
.alert .level { fill: #bf8700 }
.edge { fill: none; stroke: #2da44e; stroke-linecap: round }
.head { fill: #2da44e }
.asleep .edge { stroke: #8c959f; stroke-dasharray: 1 5 }
.asleep .head { fill: #8c959f }
.halted .edge { stroke: #cf222e; stroke-dasharray: 6 4; stroke-linecap: butt }
.halted .head { fill: #cf222e }
.rate { font-size: 11px; paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round }
.halted .rate, .halted .state { fill: #cf222e; font-weight: 600 }
.alert .state, .warning, .holdsup .rate { fill: #7d4e00 }
.holdsup .edge { stroke: #bf8700 }
.holdsup .head { fill: #bf8700 }
.dot { fill: #2da44e }
.asleep .dot { fill: #8c959f }
.halted .dot { fill: #cf222e }
@media (prefers-color-scheme: dark) {
text { fill: #9198a1 }
.paper { fill: #0d1117 }
.title, .name { fill: #f0f6fc }
.process { fill: #161b22; stroke: #3d444d }
.queue { fill: #0c2d4d; stroke: #1f6feb }
.alert .queue { fill: #341a00; stroke: #9e6a03 }
.error .queue { fill: #3c0d12; stroke: #b62324 }
.room { fill: #0d1117 }
.level { fill: #388bfd }
.alert .level { fill: #d29922 }
.rate { stroke: #0d1117 }
.edge { stroke: #3fb950 }
.head, .dot { fill: #3fb950 }
.asleep .edge { stroke: #6e7681 }
.asleep .head, .asleep .dot { fill: #6e7681 }
.halted .edge { stroke: #f85149 }
.halted .head, .halted .dot, .halted .rate, .halted .state { fill: #ff7b72 }
.alert .state, .warning, .holdsup .rate { fill: #e3b341 }
.holdsup .edge { stroke: #d29922 }
.holdsup .head { fill: #d29922 }
}
`

// SVG writes the graph as a picture that stands alone: processes and queues in layers, records flow
// from left to right.
func SVG(w io.Writer, g *graph.Graph) error {
	l := place(g)
	notes := warnings(g, int((l.width-2*margin)/6.4))
	height := l.height + margin
	if len(l.nodes) == 0 {
		notes, height = []string{"no queues; a sender or receiver makes one, or: shmq create NAME"}, headRoom
	}
	height += float64(len(notes)) * 18
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%[1]s" height="%[2]s" role="img">`+"\n", num(l.width), num(height))
	fmt.Fprintf(&b, "<title>%s</title>\n<style>\n%s</style>\n", escape("shmq map: "+title(g)), styleSheet)
	fmt.Fprintf(&b, `<rect class="paper" width="%s" height="%s"/>`+"\n", num(l.width), num(height))
	text(&b, "title", margin, 34, "", ellipsis("shmq map: "+title(g), int((l.width-2*margin)/8.6)))
	for _, w := range l.wires {
		drawWire(&b, w)
	}
	for _, n := range l.nodes {
		if n.process != nil {
			drawProcess(&b, n)
		} else {
			drawQueue(&b, n)
		}
	}
	for i, note := range notes {
		text(&b, "warning", margin, height-margin/2-float64(len(notes)-1-i)*18, "", note)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// warnings returns what stands below the picture, in lines of n columns.
func warnings(g *graph.Graph, n int) (lines []string) {
	for i := range g.Queues {
		for _, w := range g.Queues[i].Warnings {
			lines = append(lines, cells.Wrap(cells.Clean(g.Queues[i].Name+": "+w, false), n)...)
		}
	}
	return lines
}

// group is the class of what is drawn in a state.
func group(s graph.State) string {
	switch {
	case alarming(s):
		return "halted"
	case s == graph.Asleep, s == graph.Kept:
		return "asleep"
	}
	return "alive"
}

// edgeGroup is group, but an edge that holds the ring up is to be looked at, too.
func edgeGroup(e *graph.Edge) string {
	if e.HoldsUp && !alarming(e.State) {
		return "holdsup"
	}
	return group(e.State)
}

func drawProcess(b *strings.Builder, n *node) {
	p := n.process
	fmt.Fprintf(b, "<g class=\"%s\">\n<title>%s</title>\n", group(p.State), escape(processTitle(p)))
	rect(b, "process", n.x, n.y, n.width, n.height, 12)
	fmt.Fprintf(b, `<circle class="dot" cx="%s" cy="%s" r="4.5"/>`+"\n", num(n.x+17), num(n.middle()))
	text(b, "name", n.x+31, n.middle()-3, "", ellipsis(command(p), 15))
	text(b, "state", n.x+31, n.middle()+13, "", processState(p))
	b.WriteString("</g>\n")
}

func processTitle(p *graph.Process) string {
	if p.State == graph.Kept {
		return "durable subscription " + command(p) + ", which no process has"
	}
	return fmt.Sprintf("%s, pid %d, uid %d, %s", command(p), p.PID, p.UID, p.State)
}

func processState(p *graph.Process) string {
	if p.State == graph.Kept {
		return string(p.State)
	}
	return fmt.Sprintf("%d %s", p.PID, p.State)
}

func drawQueue(b *strings.Builder, n *node) {
	q := n.queue
	class, lines := "calm", []string{queueLabel(q)}
	switch {
	case q.Error != "":
		class, lines = "error", cells.Wrap(cells.Clean(q.Error, false), 26)
		lines = lines[:min(len(lines), 2)]
	case q.Alert:
		class = "alert"
	}
	fmt.Fprintf(b, "<g class=\"%s\">\n<title>%s</title>\n", class, escape(strings.TrimSpace(q.Name+": "+queueLabel(q)+" "+stateText(q))))
	rect(b, "queue", n.x, n.y, n.width, n.height, 5)
	height := boxHeight(q)
	top := n.middle() - height/2
	text(b, "name", n.x+14, top+22, "", ellipsis(q.Name, 20))
	for i, line := range lines {
		text(b, "", n.x+14, top+40+float64(i)*16, "", ellipsis(line, 26))
	}
	if q.Error == "" {
		if q.State != "" {
			text(b, "state", n.x+14, top+56, "", ellipsis(q.State, 26))
		}
		rect(b, "room", n.x+14, top+height-20, n.width-28, 8, 4)
		if q.Depth > 0 {
			rect(b, "level", n.x+14, top+height-20, max((n.width-28)*use(q), 8), 8, 4)
		}
	}
	b.WriteString("</g>\n")
}

// boxHeight is the height of what is written in a queue's box.
func boxHeight(q *graph.Queue) float64 {
	if stateText(q) != "" {
		return queueHeight + 16
	}
	return queueHeight
}

const headLength = 9.0 // of an arrow's head

// drawWire draws an edge as curves from layer to layer, with its label at the process.
func drawWire(b *strings.Builder, w *wire) {
	e := w.edge
	first, last := w.way[0], w.way[len(w.way)-1]
	x, y := first.x+first.width, w.start.y
	endX, endY := last.x, w.end.y
	headX, headY, turn := endX, endY, -1.0
	if w.back {
		headX, headY, turn = x, y, 1
		x += headLength - 1
	} else {
		endX -= headLength - 1
	}
	var path strings.Builder
	fmt.Fprintf(&path, "M%s %s", num(x), num(y))
	to := func(nx, ny float64) {
		bend := (nx - x) / 2
		fmt.Fprintf(&path, "C%s %s %s %s %s %s", num(x+bend), num(y), num(nx-bend), num(ny), num(nx), num(ny))
		x, y = nx, ny
	}
	for _, n := range w.way[1 : len(w.way)-1] {
		to(n.x-queueWidth/2, n.middle())
		fmt.Fprintf(&path, "H%s", num(n.x+queueWidth/2))
		x = n.x + queueWidth/2
	}
	to(endX, endY)
	class := edgeGroup(e)
	if class == "alive" && e.Rates != nil && e.Rates.Records == 0 {
		class = "asleep" // nothing moves
	}
	fmt.Fprintf(b, "<g class=\"%s\">\n", class)
	fmt.Fprintf(b, `<path class="edge" stroke-width="%s" d="%s"/>`+"\n", num(thickness(e)), path.String())
	fmt.Fprintf(b, `<path class="head" d="M%s %sl%s -4.5v9z"/>`+"\n", num(headX), num(headY), num(turn*headLength))
	for i, label := range []string{edgeLabel(e), lagLabel(e)} {
		y := -5 + float64(i)*18 // above the line, and below it
		switch {
		case label == "":
		case first.process != nil:
			text(b, "rate", first.x+first.width+13, w.start.y+y, "", label)
		default:
			text(b, "rate", last.x-13, w.end.y+y, "end", label)
		}
	}
	b.WriteString("</g>\n")
}

// thickness tells much from little: a hair for nothing, one more for each factor of ten.
func thickness(e *graph.Edge) float64 {
	if e.Rates == nil || e.Rates.Records <= 0 {
		return 1.4
	}
	return min(1.6+0.55*math.Log10(1+e.Rates.Records), 5.5)
}

func rect(b *strings.Builder, class string, x, y, width, height, round float64) {
	fmt.Fprintf(b, `<rect class="%s" x="%s" y="%s" width="%s" height="%s" rx="%s"/>`+"\n", class, num(x), num(y), num(width), num(height), num(round))
}

// text writes a text that starts at x, or ends there if the anchor is end.
func text(b *strings.Builder, class string, x, y float64, anchor, s string) {
	if anchor != "" {
		anchor = ` text-anchor="` + anchor + `"`
	}
	if class != "" {
		class = ` class="` + class + `"`
	}
	fmt.Fprintf(b, `<text%s x="%s" y="%s"%s>%s</text>`+"\n", class, num(x), num(y), anchor, escape(s))
}

// num writes a number with at most one decimal.
func num(v float64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0")
}

// ellipsis returns as much of a text as fits into n columns.
func ellipsis(s string, n int) string {
	if s = cells.Clean(s, false); cells.Width(s) > n {
		return cells.Cut(s, n-1) + "…"
	}
	return s
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(cells.Clean(s, false))) // a strings.Builder does not fail
	return b.String()
}
