package draw

import (
	"fmt"
	"io"
	"strings"

	"github.com/shmq/shmq/internal/cells"
	"github.com/shmq/shmq/internal/graph"
)

// DOT writes the graph in the language of Graphviz. The nodes are p0 and on for processes,
// and q0 and on for queues.
func DOT(w io.Writer, g *graph.Graph) error {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph shmq {\n\trankdir=LR;\n\tlabel=%s;\n\tlabelloc=t;\n", quote(title(g)))
	b.WriteString("\tnode [fontname=\"sans-serif\", fontsize=11, style=\"filled,rounded\", fillcolor=\"#eef2f7\", color=\"#57606a\"];\n" +
		"\tedge [fontname=\"sans-serif\", fontsize=9, color=\"#57606a\"];\n")
	id := map[string]string{}
	for i := range g.Processes {
		p := &g.Processes[i]
		id[p.ID] = fmt.Sprintf("p%d", i)
		look := ""
		switch {
		case alarming(p.State):
			look = `, color="#cf222e", fontcolor="#cf222e"`
		case p.State == graph.Asleep || p.State == graph.Kept:
			look = `, fontcolor="#6e7781"`
		}
		pid := ""
		if p.State != graph.Kept {
			pid = fmt.Sprint(p.PID)
		}
		fmt.Fprintf(&b, "\tp%d [shape=box, label=%s%s];\n", i, quote(command(p), pid, string(p.State)), look)
	}
	for i := range g.Queues {
		q := &g.Queues[i]
		id[q.ID] = fmt.Sprintf("q%d", i)
		look := `fillcolor="#ddf4ff"`
		if q.Alert {
			look = `fillcolor="#fff8c5", color="#9a6700"`
		}
		fmt.Fprintf(&b, "\tq%d [shape=cylinder, style=filled, label=%s, %s];\n", i, quote(append(append([]string{q.Name}, cells.Wrap(queueLabel(q), 40)...), stateText(q))...), look)
	}
	for i := range g.Edges {
		e := &g.Edges[i]
		look := ""
		switch {
		case alarming(e.State):
			look = `, style=dashed, color="#cf222e", fontcolor="#cf222e"`
		case e.HoldsUp:
			look = `, style=bold, color="#9a6700", fontcolor="#9a6700"`
		case e.State == graph.Asleep || e.State == graph.Kept:
			look = ", style=dashed"
		}
		fmt.Fprintf(&b, "\t%s -> %s [label=%s%s];\n", id[e.From], id[e.To], quote(edgeLabel(e), lagLabel(e)), look)
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// quote returns lines as one string of DOT. Graphviz reads escapes in a label, and entities of
// HTML, wherever they stand; so they are escaped too.
func quote(lines ...string) string {
	var kept []string
	for _, line := range lines {
		if line != "" {
			kept = append(kept, strings.NewReplacer(`\`, `\\`, `"`, `\"`, `&`, `&amp;`).Replace(cells.Clean(line, false)))
		}
	}
	return `"` + strings.Join(kept, `\n`) + `"`
}
