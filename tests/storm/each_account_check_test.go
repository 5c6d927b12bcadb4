//go:build linux

package storm

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

// Producer 1 sent three records and was killed while it sent a fourth. Process 2 got the first two by a
// durable subscription and was killed with the second; process 3 took it over.
func TestEachAccountFindsWhatIsWrong(t *testing.T) {
	take := func(seq uint64, life int, f flag, fate uint32, final bool) taken {
		return taken{ID: newID(1, seq), Life: life, Flag: f, Fate: fate, Final: final}
	}
	lives := func() (x, y *reading) {
		x = &reading{life: 2, attached: 10, ended: 100, maybe: noRecord, start: 1, takes: []taken{
			take(0, 2, fresh, acked, true), take(1, 2, fresh, held, false),
		}}
		y = &reading{life: 3, attached: 110, ended: 200, maybe: noRecord, start: 2, drained: true, position: 3, takes: []taken{
			take(1, 3, redelivered, acked, true), take(2, 3, fresh, acked, true),
		}}
		return x, y
	}
	for name, c := range map[string]struct {
		change    func(x, y *reading)
		complaint string
	}{
		"all is well":                       {func(x, y *reading) {}, ""},
		"a record in flight was sent":       {func(x, y *reading) { y.takes = append(y.takes, take(3, 3, fresh, acked, true)) }, ""},
		"one was in the hands of Receive":   {func(x, y *reading) { x.maybe = newID(1, 1); x.takes = x.takes[:1]; y.takes = y.takes[1:] }, ""},
		"it began too late":                 {func(x, y *reading) { x.takes = nil; y.takes = y.takes[1:] }, "began with 2"},
		"one is missing":                    {func(x, y *reading) { x.takes = x.takes[:1]; y.takes = y.takes[1:] }, "did not get record 1"},
		"the last one is missing":           {func(x, y *reading) { y.takes = y.takes[:1] }, "ended before record 2"},
		"one came again without a flag":     {func(x, y *reading) { y.takes[0].Flag = fresh }, "not flagged"},
		"one came again though it was done": {func(x, y *reading) { x.takes[1] = take(1, 2, fresh, acked, true) }, "had acknowledged it"},
		"one was flagged that nobody had":   {func(x, y *reading) { x.takes[0].Flag = redelivered }, "nobody had it"},
		"one did not come again":            {func(x, y *reading) { y.takes = y.takes[1:] }, "did not come again"},
		"one came twice":                    {func(x, y *reading) { y.takes = append(y.takes, take(2, 3, redelivered, acked, true)) }, "had acknowledged it"},
		"one that was never sent":           {func(x, y *reading) { y.takes = append(y.takes, take(4, 3, fresh, acked, true)) }, "nobody sent"},
		"one that was given back":           {func(x, y *reading) { y.takes[1].ID |= abortedBit }, "nobody sent"},
		"two had it at once":                {func(x, y *reading) { y.attached = 99 }, "had it while"},
		"one was lost":                      {func(x, y *reading) { x.laps = []lap{{0, 0, 1, 1}} }, "should have kept"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newEachAccount(shmq.Options{}, numbered)
			a.senders[1] = &sent{sentBy{Sent: 3, Tried: 4}, []mark{{5, 0}, {20, 1}}, 0, false}
			x, y := lives()
			c.change(x, y)
			a.subscriber("a", x)
			a.subscriber("a", y)
			requireComplaint(t, c.complaint, a.check())
		})
	}
}

// A single producer sent ten records; one subscriber got all, another lost those from 2 to 5.
func TestEachAccountCountsPositions(t *testing.T) {
	reads := func(life int, seqs ...uint64) *reading {
		r := &reading{life: life, attached: int64(life), ended: 100, maybe: noRecord, start: 101, drained: true, position: 110}
		for _, seq := range seqs {
			r.takes = append(r.takes, taken{ID: newID(1, seq), Life: life, Flag: fresh, Fate: acked, Final: true})
		}
		return r
	}
	for name, c := range map[string]struct {
		change    func(x, y *reading)
		complaint string
	}{
		"all is well":                          {func(x, y *reading) {}, ""},
		"it was told of too few":               {func(x, y *reading) { y.laps[0] = lap{2, 102, 105, 3} }, "misses 4 records"},
		"it was told of too many":              {func(x, y *reading) { y.laps[0] = lap{2, 102, 107, 5} }, "others at"},
		"it was told too late":                 {func(x, y *reading) { y.laps[0].after = 3 }, "others at"},
		"it was told another place":            {func(x, y *reading) { y.laps[0] = lap{2, 103, 107, 4} }, "stood at 102"},
		"it stands elsewhere":                  {func(x, y *reading) { y.position = 111 }, "1 are missing"},
		"the subscription says more":           {func(x, y *reading) { y.lost = 5 }, "the subscription says 5"},
		"the sum is not that of jumps":         {func(x, y *reading) { y.laps = []lap{{2, 102, 104, 2}, {2, 104, 106, 3}} }, "of 3 in all"},
		"one was missing and not told":         {func(x, y *reading) { x.takes = append(x.takes[:3], x.takes[4:]...) }, "misses 1 records"},
		"one came again, and not for a reason": {func(x, y *reading) { x.takes = append(x.takes, x.takes[9]) }, "not flagged"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newEachAccount(shmq.Options{Skip: true, Producers: shmq.One}, oneSlot)
			a.senders[1] = &sent{sentBy{Sent: 10, Tried: 10}, nil, 0, true}
			x, y := reads(2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9), reads(3, 0, 1, 6, 7, 8, 9)
			y.laps, y.lost = []lap{{2, 102, 106, 4}}, 4
			c.change(x, y)
			a.subscriber("", x)
			a.subscriber("", y)
			requireComplaint(t, c.complaint, a.check())
		})
	}
}

func requireComplaint(t *testing.T, want string, got []string) {
	t.Helper()
	if want == "" {
		require.Empty(t, got)
	} else {
		require.Contains(t, strings.Join(got, "\n"), want)
	}
}

// The heir of a durable subscription is told again, before anything else, what the holder before it may not
// have been told.
func TestEachAccountKnowsWhatIsToldAgain(t *testing.T) {
	for name, complaint := range map[string]string{"d": "", "": "stood at 106"} {
		a := newEachAccount(shmq.Options{Skip: true, Producers: shmq.One}, oneSlot)
		a.senders[1] = &sent{sentBy{Sent: 10, Tried: 10}, nil, 0, true}
		r := &reading{life: 3, attached: 3, ended: 100, maybe: noRecord, start: 107, position: 110, laps: []lap{{0, 102, 106, 4}}, lost: 4}
		for seq := uint64(6); seq < 10; seq++ {
			r.takes = append(r.takes, taken{ID: newID(1, seq), Life: 3, Flag: fresh, Fate: acked, Final: true})
		}
		a.subscriber(name, r)
		requireComplaint(t, complaint, a.check())
	}
}
