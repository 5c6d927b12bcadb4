package top

import (
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/flow"
	"github.com/shmq/shmq/internal/name"
)

// look is what is known of a queue after a look: Err, or Info.
type look struct {
	name string
	err  error
	info *shmq.Info
	// flow is what went on since the look before, nil at the first.
	flow *flow.Flow
	// walked is when the slots were last looked at, zero for never: how old the numbers
	// are that only they tell.
	walked time.Time
	// counted: the slots were looked at this time.
	counted bool
}

// collector looks at queues again and again.
//
// Its cost to the participants: a glance reads a dozen lines of the header and two of
// each seat, and each line read has to be fetched back by its writer, some 100 ns. For
// ten participants and a look a second that is about 2 us a second. A walk over the
// slots reads a line a slot and costs the participants as many misses: 4096 slots
// 0.4 ms, a million 100 ms. So all queues get glances, and only the one that is looked
// at closely gets walks, and those at which no consumer receives: there only a walk tells what
// was handed out before and waits to be handed out again. None begins before a hundred times
// as long has passed as the last one took. Asking the kernel about a lock takes the file's lock list
// for the time of a query, once for each seat in use.
type collector struct {
	names  []string // empty for all
	queues map[string]*watched
}

const walkShare = 100

// watched is a queue that is open.
type watched struct {
	watcher *shmq.Watcher
	last    *shmq.Info
	at      time.Time

	survey *shmq.Info // of the last walk
	walked time.Time
	took   time.Duration
}

func newCollector(names []string) *collector {
	var once []string
	for _, name := range names {
		if !slices.Contains(once, name) {
			once = append(once, name)
		}
	}
	return &collector{names: once, queues: map[string]*watched{}}
}

// look looks at all queues, and closer at the ones that closer says.
func (c *collector) look(closer func(name string) bool) ([]look, error) {
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
	var looks []look
	for _, name := range names {
		l := c.one(name, closer(name))
		if len(c.names) == 0 && errors.Is(l.err, fs.ErrNotExist) {
			continue // removed just now
		}
		looks = append(looks, l)
	}
	return looks, nil
}

// one looks at one queue, which it opens if that is not done yet.
func (c *collector) one(name string, closer bool) look {
	q := c.queues[name]
	if q != nil && q.watcher.Removed() {
		c.drop(name)
		q = nil
	}
	if q == nil {
		w, err := shmq.Watch(name)
		if err != nil {
			return look{name: name, err: err}
		}
		q = &watched{watcher: w}
		c.queues[name] = q
	}
	l := look{name: name}
	l.info, l.err = q.look(closer)
	if l.err != nil {
		c.drop(name)
		return l
	}
	now := time.Now()
	if q.last != nil {
		l.flow = flow.Between(q.last, l.info, now.Sub(q.at))
	}
	q.last, q.at = l.info, now
	l.walked, l.counted = q.walked, q.survey == l.info
	return l
}

// walk looks closer at one queue that look has shown, without a new measure of the flow:
// it would be over next to no time.
func (c *collector) walk(l *look) {
	if q := c.queues[l.name]; q != nil && l.err == nil && time.Since(q.walked) > walkShare*q.took {
		if info, err := q.look(true); err == nil {
			l.info, l.walked, l.counted = info, q.walked, true
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
	if err == nil && !closer && nobodyReceives(info) && start.Sub(q.walked) >= walkShare*q.took {
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

func (c *collector) drop(name string) {
	_ = c.queues[name].watcher.Close() // it was open for reading only
	delete(c.queues, name)
}

func (c *collector) close() {
	for name := range c.queues {
		c.drop(name)
	}
}
