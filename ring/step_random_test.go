//go:build shmqstep

package ring_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
)

// schedules is how many random schedules a test explores: SHMQ_STEP_SCHEDULES,
// with a default that takes a few seconds. SHMQ_STEP_SEED starts elsewhere.
func schedules(t *testing.T, n uint64) (from, count uint64) {
	if s := os.Getenv("SHMQ_STEP_SCHEDULES"); s != "" {
		v, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		n = v
	}
	from, _ = strconv.ParseUint(os.Getenv("SHMQ_STEP_SEED"), 10, 64)
	return from, n
}

// TestPromisesHoldUnderRandomSchedulesAndDeaths draws a plan and a schedule from
// each seed. It is not parallel: its participants take turns in one hook.
func TestPromisesHoldUnderRandomSchedulesAndDeaths(t *testing.T) {
	for _, m := range modes {
		t.Run("producers="+oneMany(m.producers)+"/consumers="+oneMany(m.consumers), func(t *testing.T) {
			from, n := schedules(t, 8000)
			began, steps, deaths := time.Now(), 0, 0
			var region *ringtest.Region
			for seed := from; seed < from+n; seed++ {
				w := newWorld(randomPlan(seed, m.producers, m.consumers), region)
				region = w.region
				randomRun(w, seed)
				steps += w.steps
				deaths += w.deaths
				if w.failure != nil {
					again := newWorld(randomPlan(seed, m.producers, m.consumers), nil)
					again.tracing = true
					randomRun(again, seed)
					t.Fatalf("seed %d: %v\n%s", seed, w.failure, strings.Join(again.trace, "\n"))
				}
			}
			took := time.Since(began)
			t.Logf("%d schedules, %d steps, %d deaths: %.0f schedules/s", n, steps, deaths, float64(n)/took.Seconds())
		})
	}
}

// starts are positions from which runs begin: a fresh ring, and rings about to
// cross each boundary of a word's bits.
var starts = []uint64{0, 0, 1 << 20, 1<<32 - 6, 1<<49 - 6, 1<<50 - 6, 1<<59 - 6, 1<<60 - 6, 1<<63 - 6, 1<<64 - 6}

func randomPlan(seed uint64, mp, mc bool) plan {
	rng := rand.New(rand.NewPCG(seed, 1))
	p := plan{
		geo: layout.Geometry{
			ManyProducers: mp, ManyConsumers: mc, Seats: 8,
			Slots: []uint64{2, 4, 4, 8}[rng.IntN(4)], AreaSize: 64,
			Checksum: rng.IntN(4) == 0, Timestamps: rng.IntN(4) == 0,
		},
		start:   starts[rng.IntN(len(starts))] + uint64(rng.IntN(4)),
		deaths:  rng.IntN(4),
		restart: rng.IntN(2) == 0,
	}
	p.stride = []uint64{1, p.geo.Slots / 2, p.geo.Slots}[rng.IntN(3)]
	producers, consumers := 1, 1
	if mp {
		producers += rng.IntN(3)
	}
	if mc {
		consumers += rng.IntN(3)
	}
	sizes := []int{8, 40, 64}
	if p.geo.Slots >= 4 {
		sizes = append(sizes, 100, 128)
	}
	if p.geo.Slots >= 8 {
		sizes = append(sizes, 180, 250)
	}
	for range producers {
		var ss []send
		for range 1 + rng.IntN(6) {
			s := send{how: sendHow(rng.IntN(4)), tries: 1 + rng.IntN(8), turn: rng.IntN(6) == 0}
			n := 1
			if s.how == sendBatch {
				n += rng.IntN(4)
			}
			for range n {
				s.sizes = append(s.sizes, sizes[rng.IntN(len(sizes))])
			}
			ss = append(ss, s)
		}
		p.sends = append(p.sends, ss)
	}
	for range consumers {
		var ts []take
		for range 1 + rng.IntN(8) {
			t := take{most: 1, tries: 1 + rng.IntN(8), again: rng.IntN(4) == 0}
			if rng.IntN(2) == 0 {
				t.most += rng.IntN(4)
			}
			t.receive = rng.IntN(3) == 0
			t.whole = rng.IntN(3) == 0
			for _, i := range rng.Perm(t.most) {
				how := settleAck
				if x := rng.IntN(10); x == 0 {
					how = settleKeep
				} else if x < 3 {
					how = settleRelease
				}
				t.settle = append(t.settle, verdict{i, how})
			}
			ts = append(ts, t)
		}
		p.takes = append(p.takes, ts)
	}
	return p
}

// randomRun runs a world to its end. Seeds differ in how fair they are: some pick
// any participant at every step, some stay with one participant for long, some let one
// stand still until nearly all others are done.
func randomRun(w *world, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 2))
	stay := []float64{0, 0.5, 0.9, 0.97}[rng.IntN(4)]
	stall := []float64{0, 0, 0.01, 0.05}[rng.IntN(4)]
	death := []float64{0.003, 0.02, 0.1}[rng.IntN(3)]
	var now, still *life
	var able []*life
	for w.failure == nil {
		able = able[:0]
		for _, l := range w.lives {
			if !l.task.Done {
				able = append(able, l)
			}
		}
		if len(able) == 0 {
			w.finish()
			return
		}
		if w.steps > 100_000 {
			w.failf("still running after %d steps", w.steps)
			return
		}
		if now == nil || now.task.Done || now == still || rng.Float64() >= stay {
			now = able[rng.IntN(len(able))]
		}
		if now == still && len(able) > 1 {
			if rng.Float64() < 0.01 {
				still = nil
			}
			continue
		}
		if rng.Float64() < stall {
			still = now
			continue
		}
		if w.deaths < w.plan.deaths && rng.Float64() < death {
			w.kill(now)
			continue
		}
		w.step(now)
	}
}
