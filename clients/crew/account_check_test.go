//go:build linux

package crew

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testaccount"
)

// journalOf writes a journal, an entry each tick.
func journalOf(t *testing.T, es ...entry) string {
	path := filepath.Join(t.TempDir(), "journal")
	var b []byte
	for i, e := range es {
		e.at = int64(10 * (i + 1))
		b = e.append(b)
	}
	require.NoError(t, os.WriteFile(path, b, 0o600))
	return path
}

// The start, life 1, sends parcels 0 to 2. Hop x takes two of them and is killed after it has sent the second one; its
// successor takes that again and the third. All come back.
func TestRingAccountFindsWhatIsWrong(t *testing.T) {
	tries := []entry{{kind: attached}, {kind: try, id: 1 << 32, a: 0}, {kind: try, id: 1<<32 | 1, a: 1}, {kind: try, id: 1<<32 | 2, a: 2}}
	take := func(life int, seq uint64, number int64, flag bool) entry {
		return entry{kind: took, id: testaccount.NewID(life, seq), a: number, flag: flag}
	}
	for name, c := range map[string]struct {
		back      []entry
		first     []entry
		second    []entry
		complaint string
	}{
		"all is well": {},
		"one did not come back": {
			back: []entry{take(2, 0, 0, false), take(2, 1, 1, false), take(3, 0, 1, false)}, complaint: "parcel 2 did not come back",
		},
		"one came again without a flag": {
			second: []entry{take(1, 1, 1, false), take(1, 2, 2, false)}, complaint: "not flagged",
		},
		"one came again though it was done": {
			second: []entry{take(1, 0, 0, true), take(1, 1, 1, true), take(1, 2, 2, false)}, complaint: "had acknowledged it",
		},
		"one came as another": {
			second: []entry{take(1, 1, 1, true), take(1, 2, 1, false)}, complaint: "was parcel 2, and came as 1",
		},
		"one came late": {
			first: []entry{take(1, 1, 1, false), take(1, 0, 0, false)}, complaint: "parcel 0 came behind parcel 1",
		},
		"one was not passed on": {
			back: []entry{take(2, 0, 0, false), take(2, 1, 1, false), take(3, 1, 2, false)}, complaint: "lost: record 0 of producer 3",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if c.back == nil {
				c.back = []entry{take(2, 0, 0, false), take(2, 1, 1, false), take(3, 0, 1, false), take(3, 1, 2, false)}
			}
			if c.first == nil {
				c.first = []entry{take(1, 0, 0, false), take(1, 1, 1, false)}
			}
			if c.second == nil {
				c.second = []entry{take(1, 1, 1, true), take(1, 2, 2, false)}
			}
			done := entry{kind: left}
			r := &ring{t: t, total: 3, hops: []*hop{
				{language: language{name: "start"}, lives: []*hopLife{
					{number: 1, journal: journalOf(t, append(append(append([]entry{}, tries...), c.back...), done)...), ended: 1000},
				}},
				{language: language{name: "x"}, lives: []*hopLife{
					{number: 2, journal: journalOf(t, append([]entry{{kind: attached}}, c.first...)...), plan: "sent:1", ended: 31},
					{number: 3, journal: journalOf(t, append(append([]entry{{}, {}, {}, {kind: attached}}, c.second...), done)...), ended: 1000},
				}},
			}}
			got := strings.Join(r.settle(), "\n")
			if c.complaint == "" {
				require.Empty(t, got)
			} else {
				require.Contains(t, got, c.complaint)
			}
		})
	}
}

// A single consumer that holds one record, has acknowledged a later one and dies: both may come again, flagged.
func TestStormAccountReadsJournals(t *testing.T) {
	l := &life{part: "consume", number: 2, ended: 1000, language: language{name: "x"}}
	id := func(seq uint64) uint64 { return testaccount.NewID(1, seq) }
	es := []entry{
		{kind: attached, at: 5}, {kind: wait, at: 10}, {kind: took, id: id(0), a: 10, at: 40}, {kind: acking, id: id(0), at: 41},
		{kind: acked, id: id(0), at: 42}, {kind: took, id: id(1), a: 43, at: 44}, {kind: took, id: id(2), a: 45, at: 46},
		{kind: acking, id: id(2), at: 47}, {kind: acked, id: id(2), at: 48}, {kind: acking, id: id(1), at: 49},
	}
	for _, single := range []bool{true, false} {
		a := newAccount(single)
		a.Ends = []int64{0, 0, 0}
		a.add(l, es)
		taken := func(seq uint64, from, at int64, fate testaccount.Fate, final bool) testaccount.Taken {
			return testaccount.Taken{ID: id(seq), From: from, At: at, Life: 2, Fate: fate, Final: final}
		}
		require.Equal(t, []testaccount.Taken{
			taken(0, 10, 40, testaccount.Acked, true), taken(1, 43, 44, testaccount.Acking, !single),
			taken(2, 45, 46, testaccount.Acked, !single),
		}, a.Takes)
		most, _ := a.longest(map[string]time.Duration{})
		require.Zero(t, most, "there was no producer")
		a.lives["produce"] = []testaccount.Span{{From: 0, To: 1000}}
		a.excuses = []testaccount.Span{{From: 15, To: 20}}
		most, _ = a.longest(map[string]time.Duration{})
		require.EqualValues(t, 25, most)
	}
	p := &life{part: "produce", number: 1, ended: 1000}
	a := newAccount(false)
	a.Ends = []int64{0, 0}
	a.add(p, []entry{{kind: try, count: 5}, {kind: sent, count: 3}, {kind: try, count: 4}})
	require.Equal(t, testaccount.SentBy{Sent: 3, Tried: 7}, a.Sent[1])
}
