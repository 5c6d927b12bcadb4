// Package draw draws a graph of processes and queues: as text, for Graphviz, and as SVG. Names,
// which others chose, drive neither a terminal nor a browser.
package draw

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/shmq/shmq/internal/cells"
	"github.com/shmq/shmq/internal/graph"
	"github.com/shmq/shmq/internal/words"
)

// title heads each drawing.
func title(g *graph.Graph) string {
	return fmt.Sprintf("%s, %s in %s", words.Number(len(g.Queues), "queue"), numberOfProcesses(g), g.Place)
}

func numberOfProcesses(g *graph.Graph) string {
	n := 0
	for i := range g.Processes {
		if g.Processes[i].State != graph.Kept {
			n++
		}
	}
	if n == 1 {
		return "1 process"
	}
	return fmt.Sprintf("%d processes", n)
}

// edgeLabel says what goes over an edge, or why nothing does.
func edgeLabel(e *graph.Edge) string {
	rate := ""
	if e.Rates != nil {
		rate = cells.Short(e.Rates.Records) + "/s"
	}
	switch {
	case e.State == graph.Alive:
		return rate
	case e.Rates != nil && e.Rates.Records > 0:
		return rate + " " + string(e.State)
	}
	return string(e.State)
}

// lagLabel says how far a subscription is behind, and first whether the ring is full behind it; ""
// where consumers share the records.
func lagLabel(e *graph.Edge) string {
	if e.Lag == nil {
		return ""
	}
	label := cells.Short(float64(*e.Lag)) + " behind"
	if e.HoldsUp {
		label = "holds up: " + label
	}
	if e.State != graph.Kept && len(e.Subscriptions) > 0 {
		label += ", " + strings.Join(e.Subscriptions, ", ")
	}
	return label
}

// processLabel names a process, or the subscription that it is kept for.
func processLabel(p *graph.Process) string {
	if p.State == graph.Kept {
		return command(p)
	}
	return fmt.Sprintf("%d %s", p.PID, command(p))
}

// queueLabel says what is in a queue, below its name.
func queueLabel(q *graph.Queue) string {
	if q.Error != "" {
		return q.Error
	}
	return fmt.Sprintf("%s, %d%%", words.Number(q.Records, "record"), int(100*use(q)))
}

// use is the share of a queue's slots that are in use, from 0 to 1.
func use(q *graph.Queue) float64 {
	return min(max(float64(q.Depth)/float64(max(q.Slots, 1)), 0), 1)
}

// alarming reports whether a state should be looked at.
func alarming(s graph.State) bool {
	return s == graph.Stopped || s == graph.Frozen || s == graph.Dead
}

// command names what a process runs.
func command(p *graph.Process) string { return cmp.Or(p.Command, "?") }
