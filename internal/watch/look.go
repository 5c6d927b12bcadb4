// Package watch looks at queues again and again. It only reads.
package watch

import (
	"slices"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/flow"
)

// Look is what is known of a queue after a look: Err, or Info.
type Look struct {
	Name string
	Err  error
	Info *shmq.Info
	// Flow is what went on since the look before, nil at the first.
	Flow *flow.Flow
	// Walked is when the slots were last looked at, zero for never: how old the numbers
	// are that only they tell.
	Walked time.Time
	// Counted: the slots were looked at this time.
	Counted bool
}

// Records returns how many records are in the queue: waiting, to be delivered again, or in
// a consumer's hands. A glance tells by what was counted, which may be off by what killed
// participants had not counted; so it does not say so of a queue in which nothing is.
func (l *Look) Records() int {
	i := l.Info
	if l.Counted {
		return i.Records + i.Leased + i.Orphans
	}
	busy := slices.ContainsFunc(i.Participants, func(p shmq.Participant) bool { return !p.Alive || !p.HeldSince.IsZero() })
	if i.Depth == 0 && !busy {
		return 0
	}
	return max(int(int64(i.Sent-i.Received-i.Torn)), 0)
}

// Use returns the share of the slots between head and tail, from 0 to 1.
func (l *Look) Use() float64 { return float64(l.Info.Depth) / float64(max(l.Info.Slots, 1)) }

// RatesOf returns what a participant did since the look before, nil if that is not known.
func (l *Look) RatesOf(p *shmq.Participant) *flow.Rates {
	if l.Flow == nil {
		return nil
	}
	for n := range l.Flow.Participants {
		if r := &l.Flow.Participants[n]; r.Seat == p.Seat && r.PID == p.PID && r.Change != flow.Left {
			return &r.Rates
		}
	}
	return nil
}
