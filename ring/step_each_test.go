//go:build shmqstep

package ring_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// eachRun is two producers and two entries of the subscription table, whose holders join, receive,
// leave, die at any shared access, and are reclaimed or taken over. It checks, by their contents,
// that each subscription gets the records that it was promised.
type eachRun struct {
	rng    *rand.Rand
	geo    layout.Geometry
	start  uint64
	region *ringtest.Region
	r      *ring.Ring

	tasks   []*eachTask
	begun   [2]uint64 // by producer: sends that were begun
	unsure  map[uint64]bool
	subs    [2]*eachSub
	deaths  int
	most    int
	failure error
	looking bool

	clears, heirs, lags, flagged, received, counted int // what was reached
}

type eachTask struct {
	*ringtest.Task
	entry    int // whose lock it has, -1 for a producer
	producer int
	gone     func() // its death
}

// eachSub is a subscription as its holders, one after another, know it.
type eachSub struct {
	joined  bool
	durable bool
	free    bool            // nobody holds the lock
	least   [2]uint64       // by producer: the next one that certainly comes
	most    [2]uint64       // the next one beyond those that may have been handed out
	handed  map[uint64]bool // returned to a holder
	fresh   [2]bool         // the next one may be any from least to most
	cursor  uint64          // as the last look had it
	lost    uint64
}

func eachID(producer int, n uint64) uint64 { return n<<8 | uint64(producer) }

func (w *eachRun) failf(format string, args ...any) {
	if w.failure == nil {
		w.failure = fmt.Errorf(format, args...)
	}
}

func newEachRun(seed uint64, many, skip bool, regions map[layout.Geometry]*ringtest.Region) *eachRun {
	rng := rand.New(rand.NewPCG(seed, 7))
	g := each(many, skip, []uint64{4, 8}[rng.IntN(2)], 0)
	g.Subscriptions = 2
	if !skip && rng.IntN(2) == 0 {
		g.Keep = g.Slots * 3 / 4
	}
	w := &eachRun{rng: rng, geo: g, unsure: map[uint64]bool{}, most: rng.IntN(5)}
	start := firstPositions[rng.IntN(len(firstPositions))] + rng.Uint64N(4)
	w.start = start
	if regions[g] == nil {
		regions[g] = ringtest.NewRegion(g, start)
	}
	w.region = regions[g]
	clear(w.region.Bytes[g.SubscriptionOffset():][:2*layout.SubscriptionSize])
	w.region.Start(start)
	w.r = w.region.Ring()
	for i := range w.subs {
		w.subs[i] = &eachSub{free: true}
	}
	w.produce(0, 0)
	if many {
		w.produce(1, 0)
	}
	return w
}

// produce sends records until there were enough. A successor goes on where its predecessor died.
func (w *eachRun) produce(i int, successor int) {
	t := &eachTask{entry: -1, producer: i}
	plan := rand.New(rand.NewPCG(w.rng.Uint64(), 1))
	sending := false
	t.gone = func() {
		if sending {
			w.unsure[eachID(i, w.begun[i]-1)] = true
		}
		w.produce(i, successor+1)
	}
	w.tasks = append(w.tasks, t)
	t.Task = ringtest.Start(fmt.Sprintf("p%d'%d", i, successor), func() {
		ringtest.Yield()
		if successor > 0 {
			w.r.Sweep(i)
		}
		p, err := w.r.NewProducer(i)
		if err != nil {
			w.failf("producer: %w", err)
			return
		}
		sizes := []int{8, 40, 100, 128}
		for w.begun[i] < 14 {
			id := eachID(i, w.begun[i])
			b := ringtest.Record(id, sizes[plan.IntN(len(sizes))])
			reserved := plan.IntN(3) == 0
			w.begun[i]++
			sending = true
			err := ring.ErrFull
			for tries := 0; tries < 6 && err == ring.ErrFull; tries++ {
				if !reserved {
					err = p.Send(b)
					continue
				}
				var mem []byte
				if mem, err = p.Reserve(len(b)); err != nil {
					continue
				}
				copy(mem, b[:len(b)/2])
				ringtest.Yield()
				if plan.IntN(4) == 0 {
					p.Abort()
					err = errors.New("aborted")
					break
				}
				copy(mem[len(b)/2:], b[len(b)/2:])
				err = p.Commit(len(b))
			}
			sending = false
			if err != nil {
				w.unsure[id] = true // it must not come; see arrived, which asks for what was sent
			}
		}
	})
}

// hold is a holder of entry e.
func (w *eachRun) hold(e int) {
	s := w.subs[e]
	s.free = false
	plan := rand.New(rand.NewPCG(w.rng.Uint64(), 2))
	t := &eachTask{entry: e}
	t.gone = func() { s.free = true }
	w.tasks = append(w.tasks, t)
	sub := w.r.Subscription(e)
	kept := sub.Kept()
	t.Task = ringtest.Start(fmt.Sprintf("s%d", e), func() {
		ringtest.Yield()
		switch {
		case kept && plan.IntN(8) == 0: // it is ended
			s.joined = false
			sub.Clear()
			s.free = true
			return
		case kept:
			w.heirs++
			sub.TakeOver(2 + e)
			s.fresh = [2]bool{true, true}
		case plan.IntN(4) == 0: // a reclaimer
			if sub.Cursor() != 0 && !sub.Kept() {
				s.joined = false
				sub.Clear()
				w.clears++
			}
			s.free = true
			return
		default:
			w.join(e, plan)
		}
		if sub.Lost() == s.lost {
			s.cursor = sub.Position()
		} else { // the last holder died in a jump: this one is told, by its first call
			w.counted++
		}
		w.receive(e, plan)
		if !s.durable {
			s.joined = false
			sub.Clear()
		}
		s.free = true
	})
}

// join makes a new subscription. It is there for the books as soon as its cursor is active: after
// Join returned, without another shared access.
func (w *eachRun) join(e int, plan *rand.Rand) {
	s := w.subs[e]
	*s = eachSub{handed: map[uint64]bool{}}
	j := ring.Joining{Seat: 2 + e, Oldest: plan.IntN(2) == 0}
	if plan.IntN(2) == 0 {
		j.Name = "audit"
	}
	w.r.Subscription(e).Join(j)
	s.joined, s.durable = true, j.Name != ""
	s.most, s.fresh = w.begun, [2]bool{true, true}
}

// receive takes some records, and has them for a while before it acknowledges them.
func (w *eachRun) receive(e int, plan *rand.Rand) {
	s, sub := w.subs[e], w.r.Subscription(e)
	c := w.r.NewSubscriber(2+e, e)
	first := true
	for range plan.IntN(60) {
		var l ring.Lease
		err := c.TryLease(&l)
		fresh := first
		first = false
		if fresh && c.Lost() != s.lost && err != ring.ErrLagged {
			w.failf("subscription %d lost %d, and its new holder gets %v", e, c.Lost()-s.lost, err)
			return
		}
		switch err {
		case ring.ErrEmpty:
			ringtest.Yield()
			continue
		case ring.ErrLagged:
			w.lags++
			lag := c.Lagged()
			again := c.Lost() == s.lost && fresh // the last holder was told, and died
			if again {
				continue
			}
			if int64(lag.To-lag.From) <= 0 || int64(lag.From-s.cursor) < 0 || sub.Position() != lag.To || c.Lost()-s.lost != lag.To-lag.From {
				w.failf("subscription %d lagged %+v, its cursor was %d and is %d, lost %d after %d", e, lag, s.cursor, sub.Position(), c.Lost(), s.lost)
				return
			}
			s.lost, s.cursor, s.fresh = c.Lost(), lag.To, [2]bool{true, true}
			s.most = w.begun
			continue
		case nil:
		default:
			w.failf("subscription %d: %w", e, err)
			return
		}
		for range plan.IntN(4) {
			ringtest.Yield()
		}
		if len(l.Data) == 0 && int64(s.cursor-w.start) < 0 { // of those with which the region begins
			c.Ack(&l)
			s.cursor = sub.Position()
			continue
		}
		id, err := ringtest.ReadRecord(l.Data)
		if err != nil {
			w.failf("subscription %d has a record that was overwritten: %w", e, err)
			return
		}
		w.arrived(e, id, l.Redelivered > 0)
		c.Ack(&l)
		if n, p := id>>8, id&1; n+1 > s.least[p] { // in the same step as the cursor
			s.least[p] = n + 1
		}
		s.cursor = sub.Position()
	}
}

// arrived books a record that came.
func (w *eachRun) arrived(e int, id uint64, flagged bool) {
	w.received++
	s := w.subs[e]
	n, p := id>>8, id&1
	if id&0xff > 1 || n >= w.begun[p] {
		w.failf("subscription %d got record %#x, which no producer sent", e, id)
		return
	}
	if flagged && !s.handed[id] && !s.fresh[p] || flagged && len(s.handed) == 0 && s.least == [2]uint64{} && !s.durable {
		w.failf("subscription %d got record %#x as one that came before", e, id)
	}
	if s.handed[id] && !flagged {
		w.failf("subscription %d got record %#x again, unflagged", e, id)
	}
	if flagged {
		w.flagged++
	}
	s.handed[id] = true
	from := s.least[p]
	if s.fresh[p] && (len(s.handed) == 1 || w.geo.Skip || from == 0) {
		from = max(from, s.most[p])
	}
	if n < s.least[p] {
		w.failf("subscription %d got record %d of producer %d again, after it was acknowledged", e, n, p)
	}
	for m := from; m < n; m++ {
		if !w.unsure[eachID(int(p), m)] {
			w.failf("subscription %d got record %d of producer %d, and not %d", e, n, p, m)
		}
	}
	s.fresh[p] = false
}

// run lets any task do its next access, kills some, and begins holders.
func (w *eachRun) run() {
	stay := []float64{0, 0.5, 0.9, 0.98}[w.rng.IntN(4)]
	death := []float64{0, 0.005, 0.03}[w.rng.IntN(3)]
	var now *eachTask
	for steps := 0; w.failure == nil && steps < 6000; steps++ {
		for e, s := range w.subs {
			if s.free && w.rng.IntN(20) == 0 {
				w.hold(e)
			}
		}
		var able []*eachTask
		sending := false
		for _, t := range w.tasks {
			if t.Failure != nil {
				w.failf("%w", t.Failure)
			}
			if !t.Done {
				able = append(able, t)
				sending = sending || t.entry == -1
			}
		}
		w.tasks = able
		if !sending {
			break
		}
		if now == nil || now.Done || w.rng.Float64() >= stay {
			now = able[w.rng.IntN(len(able))]
		}
		if w.deaths < w.most && w.rng.Float64() < death {
			w.deaths++
			now.Kill()
			now.gone()
			now = nil
			continue
		}
		now.Step()
		if !w.looking && w.region.Hot(layout.HotTail)-w.start >= w.geo.Slots {
			w.looking = true
			t := &eachTask{entry: -2, gone: func() { w.looking = false }}
			w.tasks = append(w.tasks, t)
			t.Task = ringtest.Start("look", func() {
				ringtest.Yield()
				for _, f := range inspect.Examine(w.r, w.geo.TotalSize()).Faults {
					if !f.Unsure {
						w.failf("an examination finds %+v", f)
					}
				}
				w.looking = false
			})
		}
	}
	for _, t := range w.tasks {
		if !t.Done && t.entry >= 0 {
			t.Finish()
		}
	}
	w.settle()
	for _, t := range w.tasks {
		if !t.Done {
			t.Kill()
		}
	}
}

// settle has what dead ones left cleared, durable subscriptions drained, and a lap sent.
func (w *eachRun) settle() {
	sending := false
	for _, t := range w.tasks {
		sending = sending || !t.Done
	}
	if w.failure != nil || sending {
		return
	}
	w.r.Sweep(0)
	w.r.Sweep(1)
	for e := range w.subs {
		sub := w.r.Subscription(e)
		if !sub.Kept() {
			sub.Clear()
			continue
		}
		c := w.r.NewSubscriber(2+e, e)
		for range 1000 {
			_, _, err := c.TryReceive(nil)
			if err == ring.ErrEmpty {
				break
			}
			if err != nil && err != ring.ErrLagged {
				w.failf("at the end: %w", err)
				return
			}
		}
		if t := w.region.Hot(layout.HotTail); sub.Position() != t {
			w.failf("at the end subscription %d stands at %d, tail is %d", e, sub.Position(), t)
			return
		}
		sub.Clear()
	}
	p, err := w.r.NewProducer(0)
	for n := uint64(0); err == nil && n < 2*w.geo.Slots; n++ {
		err = p.Send(ringtest.Record(0, 8))
	}
	if err != nil {
		w.failf("at the end, with no subscriptions: %w", err)
	}
}

// TestEachUnderRandomSchedulesAndDeaths is not parallel: participants take turns in one hook.
func TestEachUnderRandomSchedulesAndDeaths(t *testing.T) {
	for _, many := range []bool{false, true} {
		for _, skip := range []bool{false, true} {
			t.Run(fmt.Sprintf("many %v, skip %v", many, skip), func(t *testing.T) {
				from, n := schedules(t, 6000)
				regions := map[layout.Geometry]*ringtest.Region{}
				var sum eachRun
				for seed := from; seed < from+n; seed++ {
					w := newEachRun(seed, many, skip, regions)
					w.run()
					require.NoError(t, w.failure, "seed %d", seed)
					sum.deaths += w.deaths
					sum.clears += w.clears
					sum.heirs += w.heirs
					sum.lags += w.lags
					sum.flagged += w.flagged
					sum.received += w.received
					sum.counted += w.counted
				}
				t.Logf("%d schedules: %d deaths, %d cleared, %d taken over, %d received, %d of them flagged, %d jumps, %d of the dead",
					n, sum.deaths, sum.clears, sum.heirs, sum.received, sum.flagged, sum.lags, sum.counted)
				for _, reached := range []int{sum.deaths, sum.clears, sum.heirs, sum.flagged, sum.received} {
					require.Positive(t, reached, "a part was not reached")
				}
				require.Equal(t, skip, sum.lags > 0)
				require.Equal(t, skip, sum.counted > 0)
			})
		}
	}
}
