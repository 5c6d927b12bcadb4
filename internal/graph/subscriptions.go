package graph

import (
	"fmt"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/watch"
)

// subscriptions says on the edges of a queue of which each consumer gets every record how far each is
// behind. A durable subscription that no process has gets an edge of its own.
func (b *builder) subscriptions(l *watch.Look) {
	for n := range l.Info.Subscriptions {
		s := &l.Info.Subscriptions[n]
		e := b.subscriber(l, s)
		if e == nil {
			continue
		}
		if e.Lag == nil {
			e.Lag = new(uint64)
		}
		*e.Lag = max(*e.Lag, s.Lag)
		e.HoldsUp = e.HoldsUp || l.Info.Full && s.Lag >= uint64(l.Info.Slots)
		if s.Durable {
			e.Subscriptions = append(e.Subscriptions, s.Name)
		}
	}
}

// subscriber returns the edge of a subscription; nil for one that is being made, or ends with a dead
// consumer.
func (b *builder) subscriber(l *watch.Look, s *shmq.Subscription) *Edge {
	queue := queueID(l.Name)
	switch {
	case s.Held && !s.Joining:
		for n := range l.Info.Participants {
			if p := &l.Info.Participants[n]; p.Seat == s.Seat && p.Role == shmq.Consumer {
				return b.edges[processID(p)+"<"+queue]
			}
		}
	case !s.Held && s.Durable:
		process := fmt.Sprintf("process:0:%s:%s", l.Name, s.Name)
		b.processes[process] = &Process{ID: process, Command: s.Name, State: Kept}
		e := &Edge{ID: process + "<" + queue, Kind: Receives, From: queue, To: process, Queue: queue, Process: process, Seats: []int{}, State: Kept}
		b.edges[e.ID] = e
		return e
	}
	return nil
}
