//go:build linux

package crew

import (
	"fmt"
	"strings"
	"testing"

	"github.com/shmq/shmq/internal/testaccount"
)

// hopAccount is what the lives of a hop did.
type hopAccount struct {
	testaccount.Complaints
	name    string
	deaths  int
	sent    map[int]testaccount.SentBy // by life
	ends    map[int]int64
	numbers map[uint64]int64    // of the copies that it may have sent
	takes   []testaccount.Taken // of the copies that it took, in the order in which it did
	taken   []int64             // and their numbers
}

// add takes over a journal. A worker that has gone on to the next parcel has sent the one before, and
// acknowledged it. Of the last one that is not known, unless the worker chose its death itself.
func (h *hopAccount) add(t *testing.T, l *hopLife, start bool) {
	es := entries(t, l.journal)
	h.ends[l.number] = l.ended
	if l.plan != "" {
		h.deaths++
	}
	var sends []int64
	began := l.began
	for _, e := range es {
		switch e.kind {
		case attached, failed:
		case try:
			sends = append(sends, e.a)
		case took:
			flag := testaccount.Fresh
			if e.flag {
				flag = testaccount.Redelivered
			}
			h.takes = append(h.takes, testaccount.Taken{
				ID: e.id, From: began, At: e.at, Life: l.number, Flag: flag, Fate: testaccount.Acked, Final: true,
			})
			h.taken = append(h.taken, e.a)
			if !start {
				sends = append(sends, e.a)
			}
		}
		began = e.at
	}
	n := uint64(len(sends))
	by := testaccount.SentBy{Sent: n, Tried: n}
	point, _, _ := strings.Cut(string(l.plan), ":")
	if last := len(h.takes) - 1; point != "" && last >= 0 && h.takes[last].Life == l.number {
		// The start notes that it sends when it has acknowledged what it took before.
		if open := es[len(es)-1].kind == took; open && point == "killed" {
			h.takes[last].Fate = testaccount.Acking
		} else if open {
			h.takes[last].Fate = testaccount.Held
		}
	}
	switch {
	case n == 0, point == "", point == "sent":
	case point == "killed" && (!start || es[len(es)-1].kind == try):
		by.Sent = n - 1
	case point == "taken" && !start:
		by = testaccount.SentBy{Sent: n - 1, Tried: n - 1}
	}
	h.sent[l.number] = by
	for seq, number := range sends[:by.Tried] {
		h.numbers[testaccount.NewID(l.number, uint64(seq))] = number
	}
}

// follow settles the account of the queue from hop h to the next one.
func (h *hopAccount) follow(next *hopAccount) {
	a := testaccount.New()
	a.Sent, a.Takes = h.sent, append(a.Takes, next.takes...)
	a.Ends = make([]int64, 1+max(most(h.ends), most(next.ends)))
	for life, at := range next.ends {
		a.Ends[life] = at
	}
	a.Check()
	for _, c := range a.List {
		h.Complain("%s to %s: %s", h.name, next.name, c)
	}
	again, before := 0, int64(-1)
	for i, t := range next.takes {
		if t.Flag == testaccount.Redelivered {
			again++
		}
		number, known := h.numbers[t.ID]
		if known && number != next.taken[i] {
			h.Complain("%s to %s: %s was parcel %d, and came as %d", h.name, next.name, testaccount.Describe(t.ID), number, next.taken[i])
		}
		// One parcel is open at a time, so that a successor begins where its predecessor ended.
		if next.taken[i] < before {
			h.Complain("%s to %s: parcel %d came behind parcel %d", h.name, next.name, next.taken[i], before)
		}
		before = max(before, next.taken[i])
	}
	if again > next.deaths {
		h.Complain("%s to %s: %d parcels came again, for %d deaths", h.name, next.name, again, next.deaths)
	}
}

func most(ends map[int]int64) (n int) {
	for life := range ends {
		n = max(n, life)
	}
	return n
}

// copies returns the copies that a hop took, each once.
func (h *hopAccount) copies() int {
	seen := map[uint64]bool{}
	for _, t := range h.takes {
		seen[t.ID] = true
	}
	return len(seen)
}

// settle returns what is wrong: parcels that did not come back, and on each queue all that is no
// at-least-once delivery in order. A death adds a copy at most.
func (r *ring) settle() (complaints []string) {
	var hops []*hopAccount
	for i, h := range r.hops {
		a := &hopAccount{name: h.name, sent: map[int]testaccount.SentBy{}, ends: map[int]int64{}, numbers: map[uint64]int64{}}
		for _, l := range h.lives {
			a.add(r.t, l, i == 0)
		}
		hops = append(hops, a)
	}
	in := r.total
	var said []string
	for i, h := range hops {
		next := hops[(i+1)%len(hops)]
		h.follow(next)
		out := next.copies()
		if out > in+h.deaths {
			h.Complain("%s sent %d copies of the %d that it had, and died %d times", h.name, out, in, h.deaths)
		}
		said = append(said, fmt.Sprintf("%s died %d times, %d copies to %s", h.name, h.deaths, out, next.name))
		in = out
		complaints = append(complaints, h.List...)
	}
	r.t.Logf("%s", strings.Join(said, "; "))
	back := make([]bool, r.total)
	for _, number := range hops[0].taken {
		back[number] = true
	}
	missing := 0
	for number, is := range back {
		if is {
			continue
		}
		if missing++; missing <= 10 {
			complaints = append(complaints, fmt.Sprintf("parcel %d did not come back; it was seen by %s", number, r.seen(hops, int64(number))))
		}
	}
	if missing > 0 {
		complaints = append(complaints, fmt.Sprintf("%d parcels did not come back", missing))
	}
	return complaints
}

// seen says which lives had a parcel.
func (r *ring) seen(hops []*hopAccount, number int64) string {
	var by []string
	for _, h := range hops {
		for i, n := range h.taken {
			if n == number {
				by = append(by, fmt.Sprintf("%s %d", h.name, h.takes[i].Life))
			}
		}
	}
	return strings.Join(by, ", ")
}
