package draw

import (
	"cmp"
	"slices"

	"github.com/shmq/shmq/internal/graph"
)

// Sizes in the picture, in its own units.
const (
	processWidth, processHeight = 156.0, 46.0
	queueWidth, queueHeight     = 196.0, 70.0
	bendHeight                  = 12.0 // of an edge that passes a layer
	rowGap, columnGap           = 18.0, 150.0
	portGap                     = 18.0 // between edges at the same side of a node
	margin                      = 28.0
	headRoom                    = 58.0
)

// node is a box of the picture, or where an edge passes a layer.
type node struct {
	process *graph.Process
	queue   *graph.Queue

	rank, at              int     // layer, and place in it from the top
	x, y                  float64 // top left corner
	width, height         float64
	before, after         []*node // neighbours in the layers beside
	leftPorts, rightPorts []*port // edges at its sides, from the top
	wish                  float64
}

func (n *node) middle() float64 { return n.y + n.height/2 }

// port is where an edge meets a node.
type port struct {
	towards *node // the next node of the edge's way
	y       float64
}

// wire is an edge with its way from left to right: the nodes at its ends, and between
// them those where it passes layers.
type wire struct {
	edge *graph.Edge
	way  []*node
	back bool // it leads from right to left

	start, end *port // at the first and at the last node of the way
}

// layout is where everything is.
type layout struct {
	nodes         []*node   // with boxes
	layers        [][]*node // all of them
	wires         []*wire
	alone         []*node // queues without participants
	width, height float64
}

// place finds a place for all nodes.
func place(g *graph.Graph) *layout {
	l := &layout{}
	r := rank(g)
	used := map[string]bool{}
	for i := range g.Edges {
		used[g.Edges[i].From], used[g.Edges[i].To] = true, true
	}
	by := map[string]*node{}
	add := func(n *node, id string) {
		l.nodes = append(l.nodes, n)
		if !used[id] {
			l.alone = append(l.alone, n)
			return
		}
		by[id] = n
		n.rank = r.of[id]
		l.into(n)
	}
	for i := range g.Processes {
		add(&node{process: &g.Processes[i], width: processWidth, height: processHeight}, g.Processes[i].ID)
	}
	for i := range g.Queues {
		add(&node{queue: &g.Queues[i], width: queueWidth, height: boxHeight(&g.Queues[i])}, g.Queues[i].ID)
	}
	for i := range g.Edges {
		l.wire(&g.Edges[i], by, r.back[g.Edges[i].ID])
	}
	for _, n := range l.nodes {
		n.height = max(n.height, float64(max(len(n.leftPorts), len(n.rightPorts))+1)*portGap)
	}
	l.sort()
	l.stack()
	l.ports()
	l.grid()
	return l
}

// into puts a node at the end of its layer.
func (l *layout) into(n *node) {
	for len(l.layers) <= n.rank {
		l.layers = append(l.layers, nil)
	}
	n.at = len(l.layers[n.rank])
	l.layers[n.rank] = append(l.layers[n.rank], n)
}

// wire lays an edge through the layers between its ends.
func (l *layout) wire(e *graph.Edge, by map[string]*node, back bool) {
	from, to := by[e.From], by[e.To]
	if from.rank > to.rank {
		from, to, back = to, from, true
	}
	w := &wire{edge: e, way: []*node{from}, back: back}
	last := from
	join := func(n *node) {
		last.after, n.before = append(last.after, n), append(n.before, last)
		w.way = append(w.way, n)
		last = n
	}
	for rank := from.rank + 1; rank < to.rank; rank++ {
		bend := &node{rank: rank, height: bendHeight}
		l.into(bend)
		join(bend)
	}
	join(to)
	w.start, w.end = &port{towards: w.way[1]}, &port{towards: w.way[len(w.way)-2]}
	from.rightPorts, to.leftPorts = append(from.rightPorts, w.start), append(to.leftPorts, w.end)
	l.wires = append(l.wires, w)
}

// sweeps is how often the layers are sorted by their neighbours.
const sweeps = 12

// sort orders the nodes of each layer by the mean place of their neighbours, to and fro, so that
// few edges cross.
func (l *layout) sort() {
	by := func(layer []*node, beside func(*node) []*node) {
		for _, n := range layer {
			n.wish = float64(n.at)
			if near := beside(n); len(near) > 0 {
				sum := 0.0
				for _, m := range near {
					sum += float64(m.at)
				}
				n.wish = sum / float64(len(near))
			}
		}
		slices.SortStableFunc(layer, func(a, b *node) int { return cmp.Compare(a.wish, b.wish) })
		for i, n := range layer {
			n.at = i
		}
	}
	for range sweeps {
		for _, layer := range l.layers {
			by(layer, func(n *node) []*node { return n.before })
		}
		for i := len(l.layers) - 1; i >= 0; i-- {
			by(l.layers[i], func(n *node) []*node { return n.after })
		}
	}
}

// stack gives the nodes of each layer their places: as near as can be to the middle of their
// neighbours, without one on another.
func (l *layout) stack() {
	x := margin
	for _, layer := range l.layers {
		widest, y := 0.0, 0.0
		for _, n := range layer {
			widest = max(widest, n.width)
		}
		for _, n := range layer {
			n.x, n.y = x+(widest-n.width)/2, y
			y += n.height + rowGap
		}
		x += widest + columnGap
	}
	for range sweeps {
		for _, layer := range l.layers {
			settle(layer, func(n *node) []*node { return n.before })
		}
		for i := len(l.layers) - 1; i >= 0; i-- {
			settle(l.layers[i], func(n *node) []*node { return n.after })
		}
	}
	for _, layer := range l.layers {
		settle(layer, func(n *node) []*node { return slices.Concat(n.before, n.after) })
	}
	least := 0.0
	if len(l.layers) > 0 {
		least = l.layers[0][0].y
	}
	for _, layer := range l.layers {
		least = min(least, layer[0].y)
	}
	for _, layer := range l.layers {
		for _, n := range layer {
			n.y += headRoom - least
			l.height = max(l.height, n.y+n.height)
		}
	}
	l.width = max(x-columnGap+margin, 3*(queueWidth+rowGap)+2*margin-rowGap)
}

// settle moves a layer's nodes towards the middles of their neighbours, keeps their order and lets
// none overlap, with the least sum of squares: nodes that would overlap become one
// block around the mean of their wishes.
func settle(layer []*node, beside func(*node) []*node) {
	type block struct {
		first, n int
		sum      float64 // of the wishes, less the offsets
	}
	var blocks []block
	mean := func(b block) float64 { return b.sum / float64(b.n) }
	offsets, offset := make([]float64, len(layer)), 0.0
	for i, n := range layer {
		wish := n.y
		if near := beside(n); len(near) > 0 {
			sum := 0.0
			for _, m := range near {
				sum += m.middle()
			}
			wish = sum/float64(len(near)) - n.height/2
		}
		offsets[i] = offset
		offset += n.height + rowGap
		b := block{i, 1, wish - offsets[i]}
		for len(blocks) > 0 && mean(blocks[len(blocks)-1]) > mean(b) {
			last := blocks[len(blocks)-1]
			blocks = blocks[:len(blocks)-1]
			b = block{last.first, last.n + b.n, last.sum + b.sum}
		}
		blocks = append(blocks, b)
	}
	for _, b := range blocks {
		for i := b.first; i < b.first+b.n; i++ {
			layer[i].y = mean(b) + offsets[i]
		}
	}
}

// ports spreads the edges over the sides of the nodes, in the order of what they lead to.
func (l *layout) ports() {
	for _, n := range l.nodes {
		for _, side := range [][]*port{n.leftPorts, n.rightPorts} {
			slices.SortStableFunc(side, func(a, b *port) int { return cmp.Compare(a.towards.middle(), b.towards.middle()) })
			for i, p := range side {
				p.y = n.middle() + portGap*(float64(i)-float64(len(side)-1)/2)
			}
		}
	}
}

// grid puts the queues without participants below the others, in rows.
func (l *layout) grid() {
	if len(l.alone) == 0 {
		return
	}
	top := headRoom
	if l.height > 0 {
		top = l.height + 2*rowGap
	}
	perRow := max(int((l.width-2*margin+rowGap)/(queueWidth+rowGap)), 1)
	for i, n := range l.alone {
		n.x = margin + float64(i%perRow)*(queueWidth+rowGap)
		n.y = top + float64(i/perRow)*(queueHeight+16+rowGap)
		l.height = max(l.height, n.y+n.height)
	}
}
