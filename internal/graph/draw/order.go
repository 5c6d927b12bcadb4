package draw

import "github.com/shmq/shmq/internal/graph"

// ranks are the layers of a graph, from 0: the way of the records goes from lower ones to
// higher ones, except for the edges that lead back in a circle.
type ranks struct {
	of   map[string]int
	back map[string]bool // edges, by ID, that are turned round
}

// rank lays nodes in layers, each right behind the last one that leads to it.
func rank(g *graph.Graph) *ranks {
	next := map[string][]*graph.Edge{}
	entered := map[string]bool{}
	for i := range g.Edges {
		e := &g.Edges[i]
		next[e.From] = append(next[e.From], e)
		entered[e.To] = true
	}
	var nodes []string // those first that nothing leads to
	for _, first := range []bool{true, false} {
		for i := range g.Processes {
			if entered[g.Processes[i].ID] != first {
				nodes = append(nodes, g.Processes[i].ID)
			}
		}
		for i := range g.Queues {
			if entered[g.Queues[i].ID] != first {
				nodes = append(nodes, g.Queues[i].ID)
			}
		}
	}
	r := &ranks{of: map[string]int{}, back: map[string]bool{}}
	const open, done = 1, 2
	state := map[string]int{}
	var sorted []string // a node behind all that it leads to
	type step struct {
		node string
		edge int
	}
	for _, n := range nodes {
		if state[n] != 0 {
			continue
		}
		state[n] = open
		for path := []step{{n, 0}}; len(path) > 0; { // no recursion: a graph can be deep
			s := &path[len(path)-1]
			if s.edge == len(next[s.node]) {
				state[s.node] = done
				sorted = append(sorted, s.node)
				path = path[:len(path)-1]
				continue
			}
			e := next[s.node][s.edge]
			s.edge++
			switch state[e.To] {
			case open:
				r.back[e.ID] = true
			case 0:
				state[e.To] = open
				path = append(path, step{e.To, 0})
			}
		}
	}
	for i := len(sorted) - 1; i >= 0; i-- {
		n := sorted[i]
		for _, e := range next[n] {
			if !r.back[e.ID] {
				r.of[e.To] = max(r.of[e.To], r.of[n]+1)
			}
		}
	}
	// A process that only sends stands right before its queues, and a queue without producers right
	// before its consumers.
	for n, out := range next {
		if entered[n] || len(out) == 0 {
			continue
		}
		least := r.of[out[0].To]
		for _, e := range out {
			least = min(least, r.of[e.To])
		}
		r.of[n] = max(least-1, 0)
	}
	return r
}

// order returns the indices of the queues, each before those that lie behind it, and those without
// participants last.
func order(g *graph.Graph) (indices []int) {
	r := rank(g)
	used := map[string]bool{}
	for i := range g.Edges {
		used[g.Edges[i].Queue] = true
	}
	deepest := 0
	for i := range g.Queues {
		deepest = max(deepest, r.of[g.Queues[i].ID])
	}
	for depth := range deepest + 1 {
		for i := range g.Queues {
			if id := g.Queues[i].ID; used[id] && r.of[id] == depth {
				indices = append(indices, i)
			}
		}
	}
	for i := range g.Queues {
		if !used[g.Queues[i].ID] {
			indices = append(indices, i)
		}
	}
	return indices
}
