//go:build shmqstep

package ring_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/shmq/shmq/internal/ringtest"
)

// A participant that is killed leaves in shared memory the stores that it had made:
// some prefix of those of the call it was in. These tests take every prefix, put it
// into a ring, recover it, and check all that is promised to the living. Then the one
// who recovers dies as well, after each of its own stores.

// effort is how much is tried. SHMQ_LONG=1 asks for the long form.
type effort struct {
	positions []uint64
	subsets   int // for each group of plain stores
	endings   []ending
	seconds   int // a second death is tried in one of so many images
}

func imageEffort() effort {
	if os.Getenv("SHMQ_LONG") == "" {
		return effort{
			positions: []uint64{24, 23, 1<<32 - 2, 1<<50 - 1, 1<<64 - 2},
			subsets:   1, endings: []ending{settleFirst, settleLast}, seconds: 31,
		}
	}
	e := effort{subsets: 8, endings: []ending{settleFirst, settleLast, allDie}, seconds: 1}
	for _, at := range boundaries {
		for before := range uint64(5) {
			e.positions = append(e.positions, at-before)
		}
	}
	return e
}

// row is a line of the table.
type row struct {
	scenarios, stores, images, seconds, failures int
}

// TestEveryPrefixOfEveryCallIsRecovered is not parallel: the hook is one for all.
func TestEveryPrefixOfEveryCallIsRecovered(t *testing.T) {
	effort := imageEffort()
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "operation\tproducers/consumers\tstart states\tstores\timages\tof second deaths\tfailures")
	var all row
	for _, op := range operations {
		for _, m := range modes {
			g := imageGeometry(m.producers, m.consumers)
			r := row{}
			region := ringtest.NewRegion(g, 0)
			rng := rand.New(rand.NewPCG(1, 2))
			for _, st := range op.states {
				if !st.fits(op, m.producers, m.consumers) {
					continue
				}
				for _, at := range effort.positions {
					sc := &scenario{op: op, mp: m.producers, mc: m.consumers, state: st, at: at, region: region}
					if err := sc.explore(effort, rng, &r); err != nil {
						if r.failures++; r.failures == 1 {
							t.Errorf("%v: %v", sc, err)
						}
					}
				}
			}
			if r.scenarios > 0 {
				fmt.Fprintf(w, "%s\t%s/%s\t%d\t%d\t%d\t%d\t%d\n", op.name, oneMany(m.producers), oneMany(m.consumers), r.scenarios, r.stores, r.images, r.seconds, r.failures)
			}
			all.scenarios += r.scenarios
			all.stores += r.stores
			all.images += r.images
			all.seconds += r.seconds
			all.failures += r.failures
		}
	}
	fmt.Fprintf(w, "all\t\t%d\t%d\t%d\t%d\t%d\n", all.scenarios, all.stores, all.images, all.seconds, all.failures)
	w.Flush()
	t.Logf("\n%s", table.String())
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
				}
				if err == nil && inOrder && how == settleFirst && (r.images/2)%effort.seconds == 0 {
					err = sc.secondDeath(image, known.after(out.came, out.finished), effort, r)
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
