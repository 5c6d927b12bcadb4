//go:build linux

package crew

import (
	"fmt"
	"slices"
	"time"

	"github.com/shmq/shmq/internal/testaccount"
)

// waiting is a call of a life that waited.
type waiting struct {
	testaccount.Span
	by   string
	kind string // part and language
}

// account is that of a storm: of the records, by the journals of all that took part, and of the waits.
type account struct {
	*testaccount.Account
	single  bool // the consumer: what it acknowledged can come again until all before is
	excuses []testaccount.Span
	turns   []testaccount.Span            // excuses of producers
	lives   map[string][]testaccount.Span // by part, from attachment to end
	waits   map[string][]waiting
	langs   map[string]int // takes and records sent, by language and part
}

func newAccount(single bool) *account {
	return &account{
		Account: testaccount.New(), single: single,
		lives: map[string][]testaccount.Span{}, waits: map[string][]waiting{}, langs: map[string]int{},
	}
}

// add takes over a journal of a life that is over.
func (a *account) add(l *life, es []entry) {
	a.Ends[l.number] = l.ended
	since := int64(0) // when the call began that waits, or 0
	for _, e := range es {
		if e.kind == attached {
			a.lives[l.part] = append(a.lives[l.part], testaccount.Span{From: e.at, To: l.ended})
		}
		if since != 0 {
			a.waited(l, since, e.at)
		}
		since = 0
		if e.kind == wait {
			since = e.at
		}
	}
	if since != 0 && since < l.ended {
		a.waited(l, since, l.ended)
	}
	if l.part == "produce" {
		a.addSent(l, es)
	} else {
		a.addTaken(l, es)
	}
}

func (a *account) waited(l *life, from, to int64) {
	a.waits[l.part] = append(a.waits[l.part], waiting{testaccount.Span{From: from, To: to}, fmt.Sprintf("%s %d in %s", l.part, l.number, l.name), l.part + " in " + l.name})
}

func (a *account) addSent(l *life, es []entry) {
	var by testaccount.SentBy
	for _, e := range es {
		switch e.kind {
		case try:
			by.Tried = by.Sent + uint64(e.count)
		case sent:
			by.Sent += uint64(e.count)
			by.Tried = by.Sent
		}
	}
	a.Sent[l.number] = by
	a.langs[l.name+" sent"] += int(by.Sent)
}

func (a *account) addTaken(l *life, es []entry) {
	first := len(a.Takes)
	open := map[uint64]int{} // the take of a record that is held
	given := 0               // released by a single consumer, and not handed out to it again
	final := first
	for _, e := range es {
		switch e.kind {
		case took:
			flag := testaccount.Fresh
			if e.flag {
				flag = testaccount.Redelivered
			}
			open[e.id] = len(a.Takes)
			given = max(0, given-1) // what was released comes before anything new
			a.Takes = append(a.Takes, testaccount.Taken{
				ID: e.id, From: e.a, At: e.at, Life: l.number, Flag: flag, Fate: testaccount.Held, Final: true,
			})
		case acking:
			a.Takes[open[e.id]].Fate = testaccount.Acking
		case acked:
			a.Takes[open[e.id]].Fate = testaccount.Acked
			delete(open, e.id)
			if len(open) == 0 && given == 0 {
				final = len(a.Takes) // a single consumer's head is behind nothing that was acknowledged
			}
		case releasing:
			a.Takes[open[e.id]].Fate = testaccount.Released
			delete(open, e.id)
			given++
		}
	}
	if a.single {
		for i := final; i < len(a.Takes); i++ {
			a.Takes[i].Final = false
		}
	}
	a.langs[l.name+" took"] += len(a.Takes) - first
}

// died notes a death, which others find out about within a heartbeat. A producer that had the turn of
// a large record keeps other producers back for as long as that lasts.
func (a *account) died(l *life) {
	a.excuses = append(a.excuses, testaccount.Span{From: l.ended, To: l.ended + int64(heartbeat)})
	if l.part == "produce" {
		a.turns = append(a.turns, testaccount.Span{From: l.ended, To: l.ended + int64(heartbeat+turn)})
	}
}

// longest returns the longest wait for which there is no excuse, and whose it was. Excuses are a
// participant that was stopped, or that died just now, no peer, and a machine that stood still.
func (a *account) longest(most map[string]time.Duration) (wait time.Duration, by string) {
	n := int64(0)
	for part, peer := range map[string]string{"produce": "consume", "consume": "produce"} {
		excuses := append(slices.Clone(a.excuses), testaccount.Without(a.lives[peer])...)
		if part == "produce" {
			excuses = append(excuses, a.turns...)
		}
		testaccount.Merge(&excuses)
		for _, w := range a.waits[part] {
			rest := w.Length() - testaccount.Overlap(w.Span, excuses)
			most[w.kind] = max(most[w.kind], time.Duration(rest))
			if rest > n {
				n, by = rest, fmt.Sprintf("%s, of %v from %d to %d", w.by, time.Duration(w.Length()), w.From, w.To)
			}
		}
	}
	return time.Duration(n), by
}
