//go:build linux

package storm

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/shmq/shmq"
)

// eachAccount compares what producers sent with what each subscription got. The records of a
// producer come to a subscription in order. One that producers wait for misses none from the first
// one on, and that is no later than the first that a producer began to send after the
// subscription was there. One that is lapped misses no more than it was told; with a single producer, records
// of one slot each, all that it got and all that it was told it lost are the positions that
// there were.
type eachAccount struct {
	skip, oneSlot bool
	single        bool // the producer
	senders       map[int]*sent
	subs          map[string]*subscribed // durable ones by name, others by life
	order         []string
	lives         int
	complaints
}

// sent is what a producer's journal says.
type sent struct {
	sentBy
	marks   []mark
	aborted uint64
	ended   bool // by itself, and not killed
}

// subscribed is a subscription: the lives of those that had it, one after another.
type subscribed struct {
	name    string
	durable bool
	lives   []*reading
}

// reading is what a subscriber's journal says.
type reading struct {
	life            int
	attached, ended int64
	takes           []taken
	laps            []lap
	maybe           uint64 // the record in the hands of Receive when it was killed, or noRecord
	start           uint64 // position plus 1, or 0
	drained         bool
	position, lost  uint64 // of a drained one
}

const noRecord = math.MaxUint64

func newEachAccount(o shmq.Options, sizes string) *eachAccount {
	return &eachAccount{
		skip: o.Skip, oneSlot: sizes == oneSlot, single: o.Producers == shmq.One,
		senders: map[int]*sent{}, subs: map[string]*subscribed{},
	}
}

func (a *eachAccount) newLife(l *life) int {
	a.lives++
	if l.role == producing {
		a.senders[a.lives] = &sent{}
	}
	return a.lives
}

func (a *eachAccount) add(l *life) {
	j := l.journal
	if l.role == producing {
		*a.senders[l.number] = sent{
			sentBy{Sent: j.sent.Load(), Tried: j.tried.Load()}, slices.Clone(j.mark[:j.marks.Load()]), j.aborted.Load(), j.left.Load(),
		}
		return
	}
	r := &reading{
		life: l.number, attached: j.attached.Load(), ended: l.ended, laps: slices.Clone(j.lap[:j.laps.Load()]),
		maybe: noRecord, start: j.start.Load(), drained: j.end.known.Load(), position: j.end.position, lost: j.end.lost,
	}
	final := j.final.Load()
	n := j.takes.Load()
	if n < maxTakes && j.take[n].fate.Load() != 0 { // killed between the take and its count
		n++
	}
	for i := range j.take[:n] {
		t := &j.take[i]
		r.takes = append(r.takes, t.taken(l.number, uint64(i) < final))
	}
	if j.receiving.Load() {
		r.maybe = binary.LittleEndian.Uint64(j.buffer[:])
	}
	a.subscriber(l.name, r)
}

// subscriber adds a life of a subscription. One that never got it says nothing.
func (a *eachAccount) subscriber(name string, r *reading) {
	key := name
	if key == "" {
		key = fmt.Sprint(r.life)
	}
	if r.attached == 0 {
		return
	}
	if a.subs[key] == nil {
		a.subs[key] = &subscribed{name: "subscription " + key, durable: name != ""}
		a.order = append(a.order, key)
	}
	a.subs[key].lives = append(a.subs[key].lives, r)
}

// drained reports whether the last process that had a durable subscription came to the end.
func (a *eachAccount) drained(name string) bool {
	s := a.subs[name]
	return s != nil && s.lives[len(s.lives)-1].drained
}

func (a *eachAccount) count(s *stats) {
	s.lives += a.lives
	for _, p := range a.senders {
		s.sent += p.Sent
	}
	for _, sub := range a.subs {
		for _, r := range sub.lives {
			for _, t := range r.takes {
				s.delivered++
				if t.Flag == redelivered {
					s.redelivered++
				}
			}
			for _, l := range r.laps {
				s.lapped += l.to - l.from
			}
			if r.maybe != noRecord {
				s.maybe++
			}
		}
	}
}

func (a *eachAccount) check() []string {
	places := places{}
	totals := map[int]uint64{} // by producer, what those that came to the end found
	for _, key := range a.order {
		s := a.subs[key]
		slices.SortFunc(s.lives, func(x, y *reading) int { return int(x.attached - y.attached) })
		for i, r := range s.lives[1:] {
			if before := s.lives[i]; r.attached < before.ended {
				a.Complain("%s: process %d had it while %d did", s.name, r.life, before.life)
			}
		}
		c := &course{account: a, sub: s, next: map[int]uint64{}, first: map[int]uint64{}, last: map[uint64]taken{}}
		c.follow()
		if !a.skip {
			c.complete(totals)
		}
		for _, r := range s.lives {
			a.lost(s, r)
			if a.oneSlot && a.single {
				a.place(s, r, places)
			}
		}
	}
	return a.List
}

// course follows one subscription.
type course struct {
	account     *eachAccount
	sub         *subscribed
	first, next map[int]uint64   // by producer
	last        map[uint64]taken // by record
}

func (c *course) follow() {
	a := c.account
	var maybe []uint64
	for n, r := range c.sub.lives {
		missing := uint64(0)
		here := map[int]bool{} // producers of which this life had a record
		for _, t := range r.takes {
			p, seq := lifeOf(t.ID), seqOf(t.ID)
			from := a.senders[p]
			if from == nil || seq >= from.Tried {
				a.Complain("%s: nobody sent the record %#x that process %d got", c.sub.name, t.ID, r.life)
				continue
			}
			next, known := c.next[p]
			switch {
			case !known:
				c.first[p] = seq
			case seq < next:
				c.again(r, t)
			case seq > next:
				for ; next < seq; next++ {
					if !slices.Contains(maybe, newID(p, next)) {
						c.missed(r, newID(p, next))
						if here[p] {
							missing++
						}
					}
				}
			}
			if n == 0 && t.Flag == redelivered && c.last[t.ID].Life == 0 {
				a.Complain("%s: %s came flagged to process %d, and nobody had it before", c.sub.name, describe(t.ID), r.life)
			}
			c.next[p] = max(c.next[p], seq+1)
			c.last[t.ID] = t
			here[p] = true
		}
		told := uint64(0)
		for _, l := range r.laps {
			told += l.to - l.from
		}
		if missing > told {
			a.Complain("%s: process %d misses %d records, and was told of %d positions", c.sub.name, r.life, missing, told)
		}
		maybe = append(maybe, r.maybe)
		if p := lifeOf(r.maybe); r.maybe != noRecord && a.senders[p] != nil && c.next[p] == seqOf(r.maybe) {
			// It may have been acknowledged, and be the last.
			defer func() { c.next[p] = max(c.next[p], seqOf(r.maybe)+1) }()
		}
	}
}

func (c *course) missed(r *reading, id uint64) {
	if !c.account.skip {
		c.account.Complain("%s: process %d did not get %s", c.sub.name, r.life, describe(id))
	}
}

// again is for a record before the next one of its producer.
func (c *course) again(r *reading, t taken) {
	before, known := c.last[t.ID]
	switch {
	case t.Flag == fresh:
		c.account.Complain("%s: %s came to process %d, not flagged, after a later one", c.sub.name, describe(t.ID), r.life)
	case !known && len(c.sub.lives) == 1:
		c.account.Complain("%s: %s came to process %d after a later one", c.sub.name, describe(t.ID), r.life)
	case known && before.Fate == acked && before.Final:
		c.account.Complain("%s: %s came to process %d after %d had acknowledged it", c.sub.name, describe(t.ID), r.life, before.Life)
	case known && before.Life == r.life && before.Fate != released:
		c.account.Complain("%s: %s came twice to process %d", c.sub.name, describe(t.ID), r.life)
	}
}

// complete wants a subscription to begin early enough, and, if it was drained, to come to the end.
func (c *course) complete(totals map[int]uint64) {
	since := c.sub.lives[0].attached
	drained := c.sub.lives[len(c.sub.lives)-1].drained
	for p, s := range c.account.senders {
		i := slices.IndexFunc(s.marks, func(m mark) bool { return m.at > since })
		first, seen := c.first[p]
		if i >= 0 && s.marks[i].seq < s.Sent && (seen && first > s.marks[i].seq || !seen && drained) {
			c.account.Complain("%s: it was there before record %d of producer %d was sent, and began with %d (%v)", c.sub.name, s.marks[i].seq, p, first, seen)
		}
		if !drained || !seen {
			continue
		}
		if c.next[p] < s.Sent {
			c.account.Complain("%s: it ended before record %d of the %d that producer %d sent", c.sub.name, c.next[p], s.Sent, p)
		}
		if n, known := totals[p]; known && n != c.next[p] {
			c.account.Complain("%s: it got %d records of producer %d, another one %d", c.sub.name, c.next[p], p, n)
		}
		totals[p] = c.next[p]
	}
	if !drained {
		return
	}
	for id, t := range c.last {
		if t.Fate != acked && t.Fate != acking {
			c.account.Complain("%s: %s was handed out and not acknowledged, and did not come again", c.sub.name, describe(id))
		}
	}
}

// lost wants what a subscriber was told of its jumps to add up.
func (a *eachAccount) lost(s *subscribed, r *reading) {
	sum := uint64(0)
	for i, l := range r.laps {
		sum += l.to - l.from
		if i > 0 && l.lost-r.laps[i-1].lost != l.to-l.from {
			a.Complain("%s: process %d was told of %d lost in all, then of %d to %d, and of %d in all", s.name, r.life, r.laps[i-1].lost, l.from, l.to, l.lost)
		}
	}
	if len(r.laps) > 0 && !a.skip {
		a.Complain("%s: process %d lost %d positions, which producers should have kept", s.name, r.life, sum)
	}
	if !r.drained || s.durable || r.start == 0 || !a.oneSlot {
		return
	}
	if sum != r.lost {
		a.Complain("%s: process %d was told of %d positions that were lost; the subscription says %d", s.name, r.life, sum, r.lost)
	}
	void := int64(r.position - (r.start - 1) - uint64(len(r.takes)) - sum)
	most := int64(0) // positions that killed producers claimed, and reservations that were given back
	if !a.single {
		for _, p := range a.senders {
			most += int64(p.Tried - p.Sent + p.aborted)
			if !p.ended {
				most += 2
			}
		}
	}
	if void < 0 || void > most {
		a.Complain("%s: process %d went from %d to %d, got %d records and lost %d positions: %d are missing, of %d that may be void", s.name, r.life, r.start-1, r.position, len(r.takes), sum, void, most)
	}
}

// places has the position of each producer's first record.
type places map[int]uint64

// place wants each record of a reader to be where all others say, and each jump to begin and to
// end where it says.
func (a *eachAccount) place(s *subscribed, r *reading, places places) {
	if r.start == 0 {
		return
	}
	at, laps := r.start-1, r.laps
	if s.durable && len(laps) > 0 && laps[0].after == 0 && laps[0].to == at {
		laps = laps[1:] // of a holder before it, that may not have been told
	}
	for i := 0; i <= len(r.takes); i++ {
		for ; len(laps) > 0 && laps[0].after == uint64(i); laps = laps[1:] {
			if laps[0].from != at {
				a.Complain("%s: process %d was told of %d to %d, and stood at %d", s.name, r.life, laps[0].from, laps[0].to, at)
			}
			at = laps[0].to
		}
		if i == len(r.takes) {
			break
		}
		p, seq := lifeOf(r.takes[i].ID), seqOf(r.takes[i].ID)
		if first, known := places[p]; known && first+seq != at {
			a.Complain("%s: process %d got %s at %d, others at %d", s.name, r.life, describe(r.takes[i].ID), at, first+seq)
			return
		}
		places[p] = at - seq
		at++
	}
	if r.drained && at != r.position {
		a.Complain("%s: process %d ends at %d by what it got and lost; the subscription says %d", s.name, r.life, at, r.position)
	}
}
