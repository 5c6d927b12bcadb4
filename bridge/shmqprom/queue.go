package shmqprom

import (
	"errors"
	"io/fs"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/looks"
	"github.com/shmq/shmq/internal/metrics"
	"github.com/shmq/shmq/internal/sys"
)

// state is what is remembered of a queue from one collection to the next.
type state struct {
	err      error // why it could not be described
	creation string
	counts   counts

	survey *shmq.Info // of the last walk over the slots
	walked time.Time
	took   time.Duration // the walk
}

// walkShare: a walk over the slots costs the participants a cache miss a slot, so none begins
// before that many times as long has passed as the last one took.
const walkShare = 100

// queue adds what can be said of a queue.
func (c *Collector) queue(f *file, processes *sys.Processes, out chan<- prometheus.Metric) {
	q := c.queues[f.Path]
	if q == nil {
		q = &state{}
	}
	info, err := q.look(f, processes)
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fail.ErrUnfinished) {
		return // removed just now
	}
	c.changed(f, q, err)
	c.queues[f.Path] = q
	add := c.adder(f, out)
	if err != nil {
		metrics.Down(add)
		add(queueError, 1, q.reason(err))
		return
	}
	info.Name, info.Path = f.Name, f.Path
	if q.creation != info.CreationID {
		q.creation, q.counts = info.CreationID, counts{}
	}
	q.counts.see(info)
	metrics.Queue(info, add)
	for _, role := range []shmq.Role{shmq.Producer, shmq.Consumer} {
		add(waits, float64(q.counts.waits[role]), role.String())
		add(wakes, float64(q.counts.wakes[role]), role.String())
	}
	add(surveyAge, time.Since(q.walked).Seconds())
	n := len(info.Participants)
	switch {
	case !c.options.Participants:
	case c.told+n > c.options.MaxParticipants:
		f.dir.untold += n
	default:
		c.told += n
		metrics.Participants(info, add)
	}
}

// changed reports a queue whose error is not that of the last look.
func (c *Collector) changed(f *file, q *state, err error) {
	was := q.err
	q.err = err
	if c.options.Changed == nil || err == nil && was == nil {
		return
	}
	switch {
	case err == nil:
		c.options.Changed(f.Path, nil)
	case was == nil || q.reason(was) != q.reason(err):
		c.options.Changed(f.Path, told(f, err))
	}
}

// reason names the kind of an error. What was a queue, and is none any more, was overwritten:
// that is no file of a user who put it there under a queue's name.
func (q *state) reason(err error) string {
	r := reason(err)
	if r == "not_queue" && q.creation != "" {
		return "overwritten"
	}
	return r
}

// look describes the queue: with a walk over its slots if one is due, else with what the
// last one told.
func (q *state) look(f *file, processes *sys.Processes) (_ *shmq.Info, err error) {
	w, err := watch(f)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	looks.Share(w, processes)
	if q.survey != nil && time.Since(q.walked) < walkShare*q.took {
		info, err := w.Glance()
		if err != nil {
			return nil, err
		}
		if info.CreationID == q.survey.CreationID {
			remember(info, q.survey)
			return info, nil
		}
	}
	start := time.Now()
	info, err := w.Stat()
	if err != nil {
		return nil, err
	}
	q.walked = time.Now()
	q.took = q.walked.Sub(start)
	q.survey = &shmq.Info{
		CreationID: info.CreationID, Records: info.Records, Claimed: info.Claimed, Leased: info.Leased,
		Orphans: info.Orphans, OldestSent: info.OldestSent, Uncounted: info.Uncounted,
		Subscriptions: info.Subscriptions,
	}
	for _, p := range info.Participants {
		if p.Holds != nil {
			q.survey.Participants = append(q.survey.Participants, p)
		}
	}
	return info, nil
}

// remember fills in what a glance leaves out.
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
	for _, old := range from.Participants {
		for i := range info.Participants {
			p := &info.Participants[i]
			if old.Seat == p.Seat && old.Attached.Equal(p.Attached) && (!p.HeldSince.IsZero() || !p.Alive) {
				p.Holds = old.Holds
			}
		}
	}
}

// counts add up what seats forget when they are taken again. Queues keep sums of what was
// sent and received, but none of sleeps and wakes; so of a participant that ended, what it
// counted since the collection before counts until another has its seat.
type counts struct {
	waits, wakes map[shmq.Role]uint64
	seats        map[int]seat
}

// seat is the latest look at a seat.
type seat struct {
	pid          int
	attached     int64
	waits, wakes uint64
}

func (c *counts) see(info *shmq.Info) {
	if c.seats == nil {
		c.waits, c.wakes, c.seats = map[shmq.Role]uint64{}, map[shmq.Role]uint64{}, map[int]seat{}
	}
	for _, all := range [][]shmq.Participant{info.Left, info.Participants} {
		for i := range all {
			p := &all[i]
			was, now := c.seats[p.Seat], seat{p.PID, p.Attached.UnixNano(), p.Waits, p.Wakes}
			if was.pid != now.pid || was.attached != now.attached {
				was = seat{}
			}
			if now.waits >= was.waits {
				c.waits[p.Role] += now.waits - was.waits
			}
			if now.wakes >= was.wakes {
				c.wakes[p.Role] += now.wakes - was.wakes
			}
			c.seats[p.Seat] = now
		}
	}
}
