//go:build linux

package storm

import (
	"encoding/binary"

	"github.com/shmq/shmq/internal/testaccount"
)

// account is that of a queue of which each record goes to one consumer. Records too short for a number
// are counted.
type account struct {
	*testaccount.Account
	single  bool // the consumer: what it acknowledged can come again until all before is
	short   [shortSizes]shortCount
	aborted uint64
}

// shortCount counts the records of one size that carry no number.
type shortCount struct {
	sent, tried        uint64
	fresh, acked, last uint64 // handed out for the first time; acknowledged; and never to come again
	maybe              uint64 // acknowledged or not when their consumer was killed
}

func newAccount(single bool) *account { return &account{Account: testaccount.New(), single: single} }

// newLife numbers the lives from 1 on.
func (a *account) newLife(l *life) int { return a.NewLife(l.role == producing) }

func (a *account) add(l *life) {
	j := l.journal
	a.Ends[l.number] = l.ended
	if l.role == producing {
		a.Sent[l.number] = sentBy{Sent: j.sent.Load(), Tried: j.tried.Load()}
		a.aborted += j.aborted.Load()
		for i := range a.short {
			a.short[i].sent += j.shortSent[i].Load()
			a.short[i].tried += j.shortTried[i].Load()
		}
		return
	}
	final := j.final.Load()
	for i := range j.take[:j.takes.Load()] {
		t := &j.take[i]
		a.take(t.taken(l.number, !a.single || uint64(i) < final))
	}
	// Killed between the take and its count:
	if n := j.takes.Load(); n < maxTakes && j.take[n].fate.Load() != 0 {
		t := &j.take[n]
		a.take(t.taken(l.number, !a.single))
	}
	if j.receiving.Load() {
		a.receiving(j.buffer[:shortSizes])
	}
}

func (a *account) take(t taken) {
	if t.ID&shortBit == 0 {
		a.Takes = append(a.Takes, t)
		return
	}
	c := &a.short[t.ID&^shortBit]
	if t.Flag == fresh {
		c.fresh++
	}
	switch t.Fate {
	case acked:
		c.acked++
		if t.Final {
			c.last++
		}
	case acking:
		c.maybe++
	}
}

// receiving notes the record that begins with b, which Receive may have acknowledged.
func (a *account) receiving(b []byte) {
	id := binary.LittleEndian.Uint64(b)
	if p, ok := a.Sent[lifeOf(id)]; ok && (p.Tried == 0 || seqOf(id) < p.Tried) {
		a.Maybe[id] = true
		return
	}
	n := int(b[0]) - shortByte
	if n <= 0 || n >= shortSizes || b[n-1] != b[0] {
		n = 0 // of a record of no bytes, nothing is seen
	}
	a.short[n].maybe++
}

// check returns what is wrong.
func (a *account) check() []string {
	a.Check()
	for n, c := range a.short {
		if c.acked+c.maybe < c.sent {
			a.Complain("lost: of %d records of %d bytes that were sent, %d were acknowledged and %d perhaps", c.sent, n, c.acked, c.maybe)
		}
		if c.last > c.tried || c.fresh > c.tried {
			a.Complain("twice: %d records of %d bytes were sent at most, %d were acknowledged, %d handed out as new", c.tried, n, c.last, c.fresh)
		}
	}
	return a.List
}
