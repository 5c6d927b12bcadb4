//go:build linux

package storm

import (
	"slices"
	"time"

	"github.com/shmq/shmq/internal/testaccount"
)

// quiet collects the waits of participants, and the times in which one had to wait:
// while a participant was stopped, or there was no peer, or the machine stood still.
type quiet struct {
	excuses []span
	readers []span            // excuses for others than producers: they wait for no reader
	lives   map[string][]span // by role and subscription, from attachment to end
	waits   map[string][]span // by role
	// contended are waits for a subscription that another process had.
	contended []contention
}

type contention struct {
	of string // the subscription, as in lives
	span
}

func (q *quiet) add(s span) { q.excuses = append(q.excuses, s) }

func (q *quiet) lived(l *life) {
	if q.lives == nil {
		q.lives, q.waits = map[string][]span{}, map[string][]span{}
	}
	j := l.journal
	if from := j.attached.Load(); from != 0 {
		q.lives[l.role+l.name] = append(q.lives[l.role+l.name], between(from, l.ended))
	}
	for _, w := range j.waits {
		if w.From != 0 {
			q.waited(l, w)
		}
	}
	if since := j.since.Load(); since != 0 && since < l.ended {
		q.waited(l, between(since, l.ended))
	}
}

func (q *quiet) waited(l *life, w span) {
	if from := l.journal.attached.Load(); l.name != "" && (from == 0 || w.From < from) {
		q.contended = append(q.contended, contention{l.role + l.name, w})
		return
	}
	q.waits[l.role] = append(q.waits[l.role], w)
}

// sharing says whom each role can wait for.
var sharing = map[string][]string{producing: {consuming}, consuming: {producing}}

// longest returns the longest wait for which there is no excuse.
func (q *quiet) longest(peers map[string][]string) time.Duration {
	n := int64(0)
	for role, peers := range peers {
		excuses := slices.Clone(q.excuses)
		if role != producing {
			excuses = append(excuses, q.readers...)
		}
		for _, peer := range peers {
			excuses = append(excuses, testaccount.Without(q.lives[peer])...)
		}
		testaccount.Merge(&excuses)
		for _, w := range q.waits[role] {
			n = max(n, w.Length()-testaccount.Overlap(w, excuses))
		}
	}
	for _, w := range q.contended {
		excuses := append(append(slices.Clone(q.excuses), q.readers...), q.lives[w.of]...)
		testaccount.Merge(&excuses)
		n = max(n, w.Length()-testaccount.Overlap(w.span, excuses))
	}
	return time.Duration(n)
}
