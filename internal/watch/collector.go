package watch

import (
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/flow"
	"github.com/shmq/shmq/internal/looks"
	"github.com/shmq/shmq/internal/name"
	"github.com/shmq/shmq/internal/sys"
)

// Collector looks at queues again and again. It is for one goroutine at a time.
//
// Its cost to the participants: a glance reads a dozen lines of the header and two of
// each seat, and each line read has to be fetched back by its writer, some 100 ns. For
// ten participants and a look a second that is about 2 us a second. A walk over the
// slots reads a line a slot and costs the participants as many misses: 4096 slots
// 0.4 ms, a million 100 ms. So all queues get glances, and only the one that is looked
// at closely gets walks, and those at which no consumer receives: there only a walk tells what
// was handed out before and waits to be handed out again, unless a walk would allocate the queue's
// memory. None begins before a hundred times
// as long has passed as the last one took. Asking the kernel about a lock takes the file's lock list
// for the time of a query, once for each seat in use.
type Collector struct {
	names  []string // empty for all
	queues map[string]*watched
}

const walkShare = 100

// watched is a queue that is open.
type watched struct {
	watcher *shmq.Watcher
	sparse  bool // a walk would allocate it
	last    *shmq.Info
	at      time.Time

	survey *shmq.Info // of the last walk
	walked time.Time
	took   time.Duration
}

// New returns a collector for the queues of these names, or for all if there are none.
func New(names []string) *Collector {
	var once []string
	for _, name := range names {
		if !slices.Contains(once, name) {
			once = append(once, name)
		}
	}
	return &Collector{names: once, queues: map[string]*watched{}}
}

// Look looks at all queues, and closer at the ones that closer says.
func (c *Collector) Look(closer func(name string) bool) ([]Look, error) {
	names := c.names
	if len(names) == 0 {
		var err error
		if names, err = name.All(); err != nil {
			return nil, err
		}
	}
	for name := range c.queues {
		if !slices.Contains(names, name) {
			c.drop(name)
		}
	}
	var all []Look
	processes := sys.NewProcesses()
	for _, name := range names {
		l := c.one(name, closer(name), processes)
		if len(c.names) == 0 && errors.Is(l.Err, fs.ErrNotExist) {
			continue // removed just now
		}
		all = append(all, l)
	}
	return all, nil
}

// one looks at one queue, which it opens if that is not done yet.
func (c *Collector) one(queue string, closer bool, processes *sys.Processes) Look {
	q := c.queues[queue]
	if q != nil && q.watcher.Removed() {
		c.drop(queue)
		q = nil
	}
	if q == nil {
		w, err := shmq.Watch(queue)
		if err != nil {
			return Look{Name: queue, Err: err}
		}
		q = &watched{watcher: w, sparse: name.Sparse(queue)}
		c.queues[queue] = q
	}
	l := Look{Name: queue}
	looks.Share(q.watcher, processes)
	l.Info, l.Err = q.look(closer)
	looks.Share(q.watcher, nil) // Walk comes later
	if l.Err != nil {
		c.drop(queue)
		return l
	}
	now := time.Now()
	if q.last != nil {
		l.Flow = flow.Between(q.last, l.Info, now.Sub(q.at))
	}
	q.last, q.at = l.Info, now
	l.Walked, l.Counted = q.walked, q.survey == l.Info
	return l
}

// Walk looks closer at one queue that Look has shown, without a new measure of the flow:
// it would be over next to no time.
func (c *Collector) Walk(l *Look) {
	if q := c.queues[l.Name]; q != nil && l.Err == nil && time.Since(q.walked) > walkShare*q.took {
		if info, err := q.look(true); err == nil {
			l.Info, l.Walked, l.Counted = info, q.walked, true
		}
	}
}

// look is a walk if one is wanted and due, else a glance with what the last walk told.
func (q *watched) look(closer bool) (*shmq.Info, error) {
	start := time.Now()
	if closer && start.Sub(q.walked) >= walkShare*q.took {
		info, err := q.watcher.Stat()
		q.survey, q.walked = info, time.Now()
		q.took = q.walked.Sub(start)
		return info, err
	}
	info, err := q.watcher.Glance()
	if err == nil && !closer && !q.sparse && nobodyReceives(info) && start.Sub(q.walked) >= walkShare*q.took {
		return q.look(true)
	}
	if err == nil && closer && q.survey != nil {
		remember(info, q.survey)
	}
	return info, err
}

// nobodyReceives reports whether no consumer is attached that could go on.
func nobodyReceives(i *shmq.Info) bool {
	return !slices.ContainsFunc(i.Participants, func(p shmq.Participant) bool {
		return p.Role == shmq.Consumer && p.Alive && !p.Stopped && !p.Frozen
	})
}

// remember fills in what a glance leaves out from a former look.
func remember(info, from *shmq.Info) {
	info.Records, info.Claimed, info.Leased, info.Orphans = from.Records, from.Claimed, from.Leased, from.Orphans
	info.OldestSent, info.Uncounted = from.OldestSent, from.Uncounted
	for _, old := range from.Subscriptions {
		for i := range info.Subscriptions {
			if s := &info.Subscriptions[i]; old.Entry == s.Entry && old.Since.Equal(s.Since) {
				s.Records, s.Bytes, s.Handed = old.Records, old.Bytes, old.Handed
			}
		}
	}
	for i := range info.Participants {
		p := &info.Participants[i]
		for _, old := range from.Participants {
			// The holds of a participant that holds nothing any more are no news.
			if old.Seat == p.Seat && old.Attached.Equal(p.Attached) && (!p.HeldSince.IsZero() || !p.Alive) {
				p.Holds = old.Holds
			}
		}
	}
}

func (c *Collector) drop(name string) {
	_ = c.queues[name].watcher.Close() // it was open for reading only
	delete(c.queues, name)
}

// Close closes the queues.
func (c *Collector) Close() {
	for name := range c.queues {
		c.drop(name)
	}
}
