package shmq

import (
	"errors"
	"fmt"
	"time"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/retry"
	"github.com/shmq/shmq/internal/seat"
	"github.com/shmq/shmq/ring/inspect"
)

// Subscription describes a subscription of a queue of which each consumer gets every record.
type Subscription struct {
	Entry   int    `json:"entry"`          // in the table of the queue
	Name    string `json:"name,omitempty"` // of a durable one
	Durable bool   `json:"durable"`        // it stays when its holder is gone
	Joining bool   `json:"joining"`        // its holder is making it: only Position and Lag are told
	// Held: a living process has it. A durable one that is not held is kept; any other is
	// a dead consumer's, and goes when the next participant looks for dead ones.
	Held bool `json:"held"`
	// Seat, PID, Command, Stopped and Frozen are the holder's; Seat, PID and Command the last
	// one's if there is none, as far as no other participant has taken that seat.
	Seat    int    `json:"seat"`
	PID     int    `json:"pid,omitempty"`
	Command string `json:"command,omitempty"`
	Stopped bool   `json:"stopped"`
	Frozen  bool   `json:"frozen"`

	Since    time.Time `json:"since"`    // when it was made
	Position uint64    `json:"position"` // of the oldest record that it has not acknowledged
	Lag      uint64    `json:"lag_slots"`
	Records  int       `json:"lag_records"` // not acknowledged; of a lapped one, of those that are still there
	Bytes    uint64    `json:"lag_bytes"`   // payload of those
	// Handed are those of Records that were handed out: who takes the subscription over gets
	// them again, flagged.
	Handed int    `json:"handed_records"`
	Lost   uint64 `json:"lost_slots"` // positions at which it was lapped, in all; Options.Skip only
}

// addSubscriptions adds what there is where each consumer gets every record. What the queue
// holds is what the slowest subscription has not acknowledged.
func (info *Info) addSubscriptions(q *mapped.Queue, slots bool) {
	seats := map[int]*Participant{}
	for i := range info.Participants {
		seats[info.Participants[i].Seat] = &info.Participants[i]
	}
	info.Subscriptions = []Subscription{}
	info.Records, info.Leased, info.Orphans, info.OldestSent = 0, 0, 0, time.Time{}
	all := inspect.Subscriptions(q.Ring, slots)
	for i := range all {
		s := describeSubscription(q, &all[i])
		if p := seats[s.Seat]; p != nil && p.Role == Consumer && s.Held && !s.Joining {
			s.Stopped, s.Frozen = p.Stopped, p.Frozen
			if h := all[i].Handed; slots && h.Records > 0 {
				p.Holds = &h
			}
		}
		info.Subscriptions = append(info.Subscriptions, s)
	}
	info.Full = false
	if len(all) == 0 {
		return
	}
	slowest, s := &all[0], &info.Subscriptions[0]
	info.Full = !q.Header.Skip && slowest.Lag >= q.Header.Slots
	info.Records = s.Records - s.Handed
	info.OldestSent = unixTime(slowest.Oldest)
	if s.Held {
		info.Leased = s.Handed
	} else {
		info.Orphans, info.OldestSent = s.Handed, unixTime(slowest.OldestHanded)
	}
}

func describeSubscription(q *mapped.Queue, at *inspect.Subscription) Subscription {
	s := Subscription{
		Entry: at.Entry, Joining: at.Joining, Held: seat.Subscribed(q, at.Entry),
		Position: at.Position, Lag: at.Lag, Records: at.Records, Bytes: at.Bytes, Handed: at.Handed.Records,
	}
	if s.Joining {
		return s
	}
	e := q.Ring.Subscription(at.Entry)
	o := q.Ring.Seat(e.Seat()).Occupant()
	s.Durable, s.Since, s.Lost, s.Seat = e.Durable(), time.Unix(0, e.Since()).UTC(), e.Lost(), e.Seat()
	if s.Durable {
		s.Name = e.Name()
	}
	if Role(o.Role) == Consumer {
		s.PID, s.Command = int(o.PID), o.Command
	}
	return s
}

// Unsubscribe ends a durable subscription of the queue that info describes: producers wait for it
// no longer, and what it has not acknowledged it will not get. Errors: fs.ErrNotExist if there is
// no such subscription, or no such queue any more; ErrInUse while a process has it;
// ErrOption where consumers share the records; fs.ErrPermission.
func (info *Info) Unsubscribe(subscription string) error {
	return fail.In("unsubscribe from", info.Name, retry.Passing(func() (bool, error) {
		err := unsubscribe(info.Name, subscription)
		return passing(err) || errors.Is(err, fail.ErrPassing), err
	}))
}

func unsubscribe(name, subscription string) (err error) {
	q, err := mapped.Open(name, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	if !q.Header.Each {
		return fmt.Errorf("%w: its consumers share the records, so there are no subscriptions; make one with Consumers: Each (--consumers each)", ErrOption)
	}
	return q.Touch(func() error { return seat.Unsubscribe(q, subscription) })
}

// subscriptions notes those whose holders are dead, and the one that holds the ring up.
func (d *Diagnosis) subscriptions(q *mapped.Queue) error {
	slowest, lag := q.Ring.Slowest()
	for i := range q.Header.Subscriptions {
		s := q.Ring.Subscription(i)
		c := s.Cursor() // before the question: a process joins after it has the lock, and leaves before it drops that
		held, err := q.File.Locked(seat.SubscriptionByte(q, i))
		if err != nil {
			return err
		}
		n := Finding{Severity: Note, Kind: inspect.FaultSubscription, Offset: seat.SubscriptionByte(q, i)}
		switch o := q.Ring.Seat(s.Seat()).Occupant(); {
		case c == 0:
			continue
		case held && i == slowest && lag >= q.Header.Slots && !q.Header.Skip:
			n.Found = fmt.Sprintf("subscription %d, of pid %d (%s), is %d slots behind", i, o.PID, o.Command, lag)
			n.Means, n.Remedy = "producers wait for it", "find out why it does not go on: shmq stat "+d.Name+" tells whether it is stopped"
		case held || s.Cursor() != c:
			continue
		case !s.Kept():
			n.Found = fmt.Sprintf("subscription %d: its holder, pid %d (%s), died", i, o.PID, o.Command)
			n.Means, n.Remedy = "the next participant that attaches or waits ends it", "shmq recover "+d.Name+" does it at once"
		case i == slowest && lag >= q.Header.Slots && !q.Header.Skip:
			n.Found = fmt.Sprintf("subscription %q is %d slots behind, and nobody has it", s.Name(), lag)
			n.Means, n.Remedy = "producers wait for it", fmt.Sprintf("shmq recv %s --subscription %s goes on with it, shmq unsubscribe %[1]s %[2]s ends it", d.Name, s.Name())
		default:
			continue
		}
		d.Findings = append(d.Findings, n)
	}
	return nil
}
