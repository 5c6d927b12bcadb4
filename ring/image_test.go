//go:build shmqstep

package ring_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/testproc"
)

// A participant that is killed leaves in shared memory the stores that it had made:
// some prefix of those of the call it was in. These tests take every prefix, put it
// into a ring, recover it, and check all that is promised to living participants. Then
// the recoverer dies as well, after each of its own stores.

// effort is how much is tried.
type effort struct {
	positions []uint64
	subsets   int // for each group of plain stores
	endings   []ending
	seconds   int // a second death is tried in one of so many images
}

// imageEfforts returns what to try: with SHMQ_LONG=1 all pairs of deaths, and then each
// position at which some word wraps.
func imageEfforts() []effort {
	few := []uint64{24, 23, 1<<32 - 2, 1<<50 - 1, 1<<64 - 2, 22} // the last with checksums
	if !testproc.Long() {
		return []effort{{positions: few, subsets: 1, endings: []ending{settleFirst, settleLast}, seconds: 11}}
	}
	var wraps []uint64
	for _, at := range boundaries {
		for before := range uint64(5) {
			wraps = append(wraps, at-before)
		}
	}
	all := []ending{settleFirst, settleLast, allDie}
	return []effort{
		{positions: few, subsets: 8, endings: all, seconds: 1},
		{positions: wraps, subsets: 2, endings: all, seconds: 101},
	}
}

// row is a line of the table.
type row struct {
	scenarios, stores, images, seconds, failures int

	firsts int // images of which a second death may start
}

func (r *row) add(o row) {
	r.scenarios += o.scenarios
	r.stores += o.stores
	r.images += o.images
	r.seconds += o.seconds
	r.failures += o.failures
}

// TestEveryPrefixOfEveryCallIsRecovered is not parallel: the hook is one for all.
func TestEveryPrefixOfEveryCallIsRecovered(t *testing.T) {
	for _, effort := range imageEfforts() {
		var table strings.Builder
		w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "operation\tproducers/consumers\tstart states\tstores\timages\tof second deaths\tfailures")
		line := func(name, roles string, r row) {
			fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\n", name, roles, r.scenarios, r.stores, r.images, r.seconds, r.failures)
		}
		var all row
		for _, op := range operations {
			for _, m := range modes {
				r := exploreAll(t, op, m.producers, m.consumers, effort)
				if r.scenarios > 0 {
					line(op.name, oneMany(m.producers)+"/"+oneMany(m.consumers), r)
				}
				all.add(r)
			}
		}
		line("all", "", all)
		w.Flush()
		t.Logf("\n%s", table.String())
	}
}

// exploreAll tries every death of an operation's victim from all its states in one kind
// of queue, with checksums and time stamps at the last position.
func exploreAll(t *testing.T, op operation, mp, mc bool, effort effort) (r row) {
	g := imageGeometry(mp, mc)
	plain := ringtest.NewRegion(g, 0)
	g.Checksum, g.Timestamps = true, true
	summed := ringtest.NewRegion(g, 0)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, st := range op.states {
		if !st.fits(op, mp, mc) {
			continue
		}
		for i, at := range effort.positions {
			region := plain
			if i == len(effort.positions)-1 {
				region = summed
			}
			sc := &scenario{op: op, mp: mp, mc: mc, state: st, at: at, region: region}
			if op.marks && !sc.marks() {
				continue
			}
			if err := sc.explore(effort, rng, &r); err != nil {
				if r.failures++; r.failures == 1 {
					t.Errorf("%v: %v", sc, err)
				}
			}
		}
	}
	return r
}

// explore tries every death of the scenario's victim. An error tells the first that
// was not survived.
func (sc *scenario) explore(effort effort, rng *rand.Rand, r *row) error {
	s := sc.build()
	if s.books.wrong != nil {
		return fmt.Errorf("before the tape: %w", s.books.wrong)
	}
	t := newTape(sc.region)
	s.victim.t = t
	t.record(func() { sc.op.run(s.victim) })
	known := s.books
	if known.wrong != nil {
		return fmt.Errorf("%w\n%s", known.wrong, t.listing(cut{before, before}))
	}
	r.scenarios++
	r.stores += len(t.stores)

	var failure error
	was := witness{}
	try := func(inOrder bool) func([]byte, cut) bool {
		return func(image []byte, at cut) bool {
			for _, how := range effort.endings {
				r.images++
				out, err := sc.check(image, known, at, how)
				if err == nil && inOrder && how == settleFirst {
					err = was.see(known.due(at), out.came)
					if r.firsts++; err == nil && r.firsts%effort.seconds == 0 {
						err = sc.secondDeath(image, known.after(out.came, out.finished), effort, r)
					}
				}
				if err != nil {
					failure = fmt.Errorf("ending %d: %w\n%s", how, err, t.listing(at))
					return false
				}
			}
			return true
		}
	}
	_ = t.prefixes(ascending, rng, try(true)) &&
		t.prefixes(descending, rng, try(false)) &&
		t.prefixes(shuffled, rng, try(false)) &&
		t.subsets(effort.subsets, rng, try(false))
	return failure
}

// witness sees the images of one tape in order: a record appears once, and goes once.
type witness struct{ came map[uint64]bool }

func (w *witness) see(ds []due, came []delivery) error {
	now := map[uint64]bool{}
	for _, v := range came {
		now[v.id] = true
	}
	defer func() { w.came = now }()
	if w.came == nil {
		return nil
	}
	for _, d := range ds {
		switch {
		case d.comes != perhaps:
		case d.sending && w.came[d.id] && !now[d.id]:
			return fmt.Errorf("record %#x was there one store earlier", d.id)
		case !d.sending && !w.came[d.id] && now[d.id]:
			return fmt.Errorf("record %#x was gone one store earlier", d.id)
		}
	}
	return nil
}

// secondDeath lets a successor of the victim recover an image and begin its work, and
// die after each of its stores.
func (sc *scenario) secondDeath(image []byte, known *books, effort effort, r *row) error {
	s := sc.build()
	copy(sc.region.Bytes, image)
	s.books = known
	a := s.actor(victimSeat)
	a.maker = imageSeats + 1
	t := newTape(sc.region)
	a.t = t
	t.record(func() {
		a.attach(sc.op.producer)
		if sc.op.producer {
			a.send(100)
			return
		}
		a.ackAll(a.lease(1), 0)
		a.lease(1)
	})
	err := known.wrong
	if err != nil {
		return fmt.Errorf("successor: %w\n%s", err, t.listing(cut{before, before}))
	}
	rng := rand.New(rand.NewPCG(3, 4))
	t.prefixes(ascending, rng, func(image []byte, at cut) bool {
		for _, how := range effort.endings {
			r.seconds++
			if _, err = sc.check(image, known, at, how); err != nil {
				err = errors.Join(fmt.Errorf("second death, ending %d: %w\n%s", how, err, t.listing(at)), errors.New("first death:"))
				return false
			}
		}
		return true
	})
	return err
}
