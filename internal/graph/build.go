package graph

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/watch"
	"github.com/shmq/shmq/internal/words"
)

// Of returns the graph of looks at queues in a place, of a moment. reason says why a queue
// can't be described; nil is the error's own text.
func Of(place string, looks []watch.Look, now time.Time, reason func(error) string) *Graph {
	if reason == nil {
		reason = error.Error
	}
	b := builder{processes: map[string]*Process{}, edges: map[string]*Edge{}}
	g := &Graph{Time: now, Place: place, Processes: []Process{}, Queues: []Queue{}, Edges: []Edge{}}
	for i := range looks {
		l := &looks[i]
		if l.Err != nil {
			g.Queues = append(g.Queues, Queue{ID: queueID(l.Name), Name: l.Name, Error: reason(l.Err), State: "error", Alert: true, Warnings: []string{}})
			continue
		}
		g.Queues = append(g.Queues, queue(l, now))
		b.look(l)
	}
	for _, p := range b.processes {
		g.Processes = append(g.Processes, *p)
	}
	for _, e := range b.edges {
		g.Edges = append(g.Edges, *e)
	}
	slices.SortFunc(g.Processes, func(a, b Process) int { return cmp.Or(cmp.Compare(a.PID, b.PID), strings.Compare(a.ID, b.ID)) })
	slices.SortFunc(g.Queues, func(a, b Queue) int { return strings.Compare(a.Name, b.Name) })
	at := map[string]int{}
	for i := range g.Processes {
		at[g.Processes[i].ID] = i
	}
	slices.SortFunc(g.Edges, func(a, b Edge) int {
		return cmp.Or(strings.Compare(a.Queue, b.Queue), -strings.Compare(string(a.Kind), string(b.Kind)), cmp.Compare(at[a.Process], at[b.Process]))
	})
	return g
}

func queueID(name string) string { return "queue:" + name }

// processID names a process for good: a pid can be used again, and there may be one like it in
// another PID namespace.
func processID(p *shmq.Participant) string {
	return fmt.Sprintf("process:%d:%d", p.PID, p.StartTime)
}

func queue(l *watch.Look, now time.Time) Queue {
	i := l.Info
	q := Queue{
		ID: queueID(l.Name), Name: l.Name, CreationID: i.CreationID, Slots: i.Slots, Depth: i.Depth, Records: l.Records(),
		Producers: words.Alive(i, shmq.Producer), Consumers: words.Alive(i, shmq.Consumer), Warnings: words.Warnings(i, now),
	}
	if q.Warnings == nil {
		q.Warnings = []string{} // not null
	}
	q.State, q.Alert = words.QueueState(i)
	if l.Flow != nil {
		q.Sent, q.Received = ratesOf(&l.Flow.Sent), ratesOf(&l.Flow.Received)
	}
	return q
}

// builder gathers the seats of processes.
type builder struct {
	processes map[string]*Process
	edges     map[string]*Edge
}

func (b *builder) look(l *watch.Look) {
	for n := range l.Info.Participants {
		p := &l.Info.Participants[n]
		process, kind, arrow := processID(p), Sends, ">"
		from, to := process, queueID(l.Name)
		if p.Role == shmq.Consumer {
			kind, from, to, arrow = Receives, to, from, "<"
		}
		rates := l.RatesOf(p)
		state := stateOf(l.Info, p, rates != nil && rates.Records > 0)
		if was := b.processes[process]; was == nil {
			b.processes[process] = &Process{ID: process, PID: p.PID, UID: p.UID, Command: p.Command, State: state}
		} else {
			was.State = worst(was.State, state)
		}
		id := process + arrow + queueID(l.Name)
		e := b.edges[id]
		if e == nil {
			e = &Edge{ID: id, Kind: kind, From: from, To: to, Queue: queueID(l.Name), Process: process, State: state}
			b.edges[id] = e
		}
		e.State = worst(e.State, state)
		e.Seats = append(e.Seats, p.Seat)
		e.Records += p.Records
		e.Bytes += p.Bytes
		e.Rates = e.Rates.add(rates)
		if holds := words.Holds(p); holds != "" {
			e.Holds = strings.TrimPrefix(e.Holds+"; "+holds, "; ")
		}
	}
	b.subscriptions(l)
}

// stateOf says how a participant is. moved: it has moved records since the look before.
func stateOf(i *shmq.Info, p *shmq.Participant, moved bool) State {
	if s := words.State(p); s != "" {
		return State(s)
	}
	side := i.ProducersAsleep
	if p.Role == shmq.Consumer {
		side = i.ConsumersAsleep
	}
	if side && !moved {
		return Asleep
	}
	return Alive
}

// worst returns the state that is to be told of two.
func worst(a, b State) State {
	for _, s := range []State{Dead, Frozen, Stopped, Alive} {
		if a == s || b == s {
			return s
		}
	}
	return Asleep
}
