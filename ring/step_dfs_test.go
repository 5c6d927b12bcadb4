//go:build shmqstep

package ring_test

import (
	"hash/maphash"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
)

// explorer walks all schedules of a plan, depth first: it runs the plan again for
// each, and repeats the choices of the last run up to the last one that has
// another way to go. A state that was seen before is not followed again. The search
// takes for the state the shared memory and all that each participant has read.
type explorer struct {
	preemptions int // times that a participant is interrupted before it is done
	path        []choice
	depth       int
	seen        map[uint64]struct{}
	seed        maphash.Seed
}

type choice struct{ at, of int }

// choose returns which of n ways this run goes.
func (e *explorer) choose(n int) int {
	if e.depth == len(e.path) {
		e.path = append(e.path, choice{0, n})
	}
	e.depth++
	return e.path[e.depth-1].at
}

// next turns to the next schedule, and reports whether there is one.
func (e *explorer) next() bool {
	e.path, e.depth = e.path[:e.depth], 0
	for n := len(e.path) - 1; n >= 0; n-- {
		if e.path[n].at++; e.path[n].at < e.path[n].of {
			e.path = e.path[:n+1]
			return true
		}
	}
	return false
}

// run runs w along the path, and reports false when it came to a state that was
// seen before.
func (e *explorer) run(w *world) bool {
	var now *life
	fresh := false // now was switched to and has not moved since
	left := e.preemptions
	var able []*life
	for w.failure == nil {
		able = able[:0]
		for _, l := range w.lives {
			if l != now && !l.task.Done {
				able = append(able, l)
			}
		}
		if now == nil || now.task.Done {
			if len(able) == 0 {
				w.finish()
				return true
			}
			now, fresh = able[e.choose(len(able))], true
			continue
		}
		ways := 1
		mortal := w.deaths < w.plan.deaths && now.history != 0
		if mortal {
			ways++
		}
		if !fresh && left > 0 {
			ways += len(able)
		}
		way := 0
		if ways > 1 {
			if e.depth == len(e.path) && e.known(w, now, left) {
				return false
			}
			way = e.choose(ways)
		}
		switch {
		case way == 0:
			w.step(now)
			fresh = false
		case way == 1 && mortal:
			w.kill(now)
			now = nil
		default:
			left--
			now, fresh = able[len(able)-(ways-way)], true
		}
	}
	return true
}

// known reports whether the state was seen before, and notes it.
func (e *explorer) known(w *world, now *life, left int) bool {
	b, g := w.region.Bytes, w.geo
	h := uint64(left)<<8 | uint64(w.deaths)
	for off := layout.HotTail; off <= layout.HotSkipped; off += layout.LineSize {
		h = mix(h, uint64(off), w.region.Hot(uint64(off)))
	}
	h = mix(h, maphash.Bytes(e.seed, b[g.SlotOffset():][:g.Slots*layout.SlotSize]),
		maphash.Bytes(e.seed, b[g.DataOffset():][:g.Slots*g.AreaSize]))
	for i, l := range w.lives {
		state := l.history
		if l == now {
			state++
		}
		h = mix(h, uint64(i), state)
	}
	_, ok := e.seen[h]
	e.seen[h] = struct{}{}
	return ok
}

// one is a take of one record; batchOf takes up to n with one claim.
func one(how settleHow) take {
	return take{most: 1, tries: 2, settle: []verdict{{0, how}}}
}

func batchOf(n int, hows ...settleHow) take {
	t := take{most: n, tries: 2}
	for i, how := range hows {
		t.settle = append(t.settle, verdict{i, how})
	}
	return t
}

func sends(how sendHow, sizes ...int) send { return send{how: how, sizes: sizes, tries: 2} }

const small, large = 8, 100 // of one slot and of two

// corners are small plans that together make every transition of a word happen.
var corners = []struct {
	name            string
	mp              bool
	mc              bool
	slots           uint64
	start           uint64
	preempt, deaths int
	sends           [][]send
	takes           [][]take
}{
	{"successors meet", false, false, 4, 3, 1, 2,
		[][]send{{sends(sendCopy, small), sends(sendReserved, large), sends(sendCopy, small)}},
		[][]take{{one(settleAck), one(settleAck), one(settleAck)}}},
	{"handed out twice", false, false, 4, 0, 0, 2,
		[][]send{{sends(sendBatch, small, small, small)}},
		[][]take{{one(settleKeep), batchOf(2, settleRelease, settleAck), one(settleAck), one(settleAck)}}},
	{"producer dies while its record is consumed", false, true, 2, 1, 1, 1,
		[][]send{{sends(sendCopy, small), sends(sendCopy, small)}},
		[][]take{{one(settleAck)}, {one(settleAck)}}},
	{"filler before the end, many consumers", false, true, 4, 3, 1, 1,
		[][]send{{sends(sendCopy, large), sends(sendCopy, large)}},
		[][]take{{one(settleAck)}, {one(settleRelease)}}},
	{"filler passed by head before tail", true, false, 4, 2, 1, 1,
		[][]send{{sends(sendCopy, small), sends(sendCopy, large)}, {sends(sendCopy, small)}},
		[][]take{{one(settleAck), one(settleAck)}}},
	{"batch cut short", true, false, 4, 0, 1, 1,
		[][]send{{sends(sendBatch, small, small)}, {sends(sendBatch, small, large)}},
		[][]take{{one(settleAck), one(settleAck)}}},
	{"small ring, two and two", true, true, 2, 1, 1, 1,
		[][]send{{sends(sendCopy, small)}, {sends(sendReserved, small)}},
		[][]take{{one(settleAck)}, {one(settleAck)}}},
	{"large records, two and two", true, true, 4, 3, 0, 1,
		[][]send{{sends(sendCopy, large)}, {sends(sendCopy, small)}},
		[][]take{{one(settleAck)}, {one(settleAck)}}},
	{"batches, two and two", true, true, 4, 0, 0, 1,
		[][]send{{sends(sendBatch, small, small)}, {sends(sendCopy, small)}},
		[][]take{{batchOf(3, settleAck, settleAck, settleAck)}, {batchOf(2, settleAck, settleAck)}}},
	{"release and inherit", true, true, 4, 2, 0, 1,
		[][]send{{sends(sendBatch, small, small)}},
		[][]take{{batchOf(2, settleRelease, settleAck)}, {one(settleAck)}, {one(settleAck)}}},
	{"aborts are recycled by two producers", true, true, 4, 0, 1, 1,
		[][]send{{sends(sendAborted, large), sends(sendCopy, large)}, {sends(sendAborted, large), sends(sendCopy, large)}},
		[][]take{{one(settleAck)}}},
}

// TestPromisesHoldInEverySchedule explores small plans to the end, with a bound on
// the interruptions; SHMQ_STEP_PREEMPT adds to it. Not parallel, see above.
func TestPromisesHoldInEverySchedule(t *testing.T) {
	more, _ := strconv.Atoi(os.Getenv("SHMQ_STEP_PREEMPT"))
	for _, c := range corners {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			p := plan{
				geo:   layout.Geometry{ManyProducers: c.mp, ManyConsumers: c.mc, Seats: 8, Slots: c.slots, AreaSize: 64},
				start: c.start, sends: c.sends, takes: c.takes, deaths: c.deaths,
			}
			region := ringtest.NewRegion(p.geo, p.start)
			e := &explorer{preemptions: c.preempt + more, seen: map[uint64]struct{}{}, seed: maphash.MakeSeed()}
			began, runs, whole := time.Now(), 0, 0
			for again := true; again; again = e.next() {
				w := newWorld(p, region)
				if e.run(w) {
					whole++
				}
				runs++
				if w.failure != nil {
					replay := newWorld(p, region)
					replay.tracing = true
					e.depth, e.seen = 0, map[uint64]struct{}{}
					e.run(replay)
					t.Fatalf("schedule %d: %v\n%s", runs, w.failure, strings.Join(replay.trace, "\n"))
				}
				w.abandon()
			}
			took := time.Since(began)
			t.Logf("%d schedules, %d to their end, %d states, %.1fs: %.0f schedules/s", runs, whole, len(e.seen), took.Seconds(), float64(runs)/took.Seconds())
		})
	}
}
