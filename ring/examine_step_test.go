//go:build shmqstep

package ring_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring/inspect"
)

// The ring is examined while one participant stands before any access to a shared word, or
// has died there, and others do whole calls between any two accesses of the examination.
// SHMQ_LONG=1 examines 200 times as often.
func TestAnExaminationAccusesNobodyAtWork(t *testing.T) {
	defer atomics.SetHook(nil)
	for _, m := range modes {
		for _, sums := range []bool{false, true} {
			t.Run(fmt.Sprintf("producers=%s/consumers=%s/checksums=%v", oneMany(m.producers), oneMany(m.consumers), sums), func(t *testing.T) {
				lives := 60
				if os.Getenv("SHMQ_LONG") != "" {
					lives *= 200
				}
				looks, deaths := 0, 0
				for seed := range uint64(lives) {
					rng := rand.New(rand.NewPCG(seed, 78))
					g := layout.Geometry{
						ManyProducers: m.producers, ManyConsumers: m.consumers, Checksum: sums, Timestamps: rng.IntN(2) == 0, Seats: 8,
						Slots: []uint64{2, 4, 8, 16}[rng.IntN(4)], AreaSize: 64,
					}
					start := boundaries[rng.IntN(len(boundaries))] - rng.Uint64N(2*g.Slots)
					k := newMachine(rng, g, start, 4096, false)
					o := &observed{machine: k}
					for range 60 {
						o.step()
						require.NoError(t, o.accused, "seed %d", seed)
					}
					looks, deaths = looks+o.looks, deaths+k.deaths
				}
				t.Logf("%d looks, %d died inside a call", looks, deaths)
				require.Positive(t, deaths)
			})
		}
	}
}

// observed is a machine whose ring is examined.
type observed struct {
	*machine
	sender  *sender // whose call is under way, or nil
	taker   *taker
	looking bool
	looks   int
	accused error
}

// step is a call of some participant, with looks in the middle of it, and after it.
func (o *observed) step() {
	o.mortal = true
	atomics.SetHook(o.access)
	defer atomics.SetHook(nil)
	o.call()
	o.mortal = false
	o.look()
}

// access comes before each access to a shared word.
func (o *observed) access(unsafe.Pointer, atomics.Op) {
	switch {
	case o.looking:
		if o.rng.IntN(4) == 0 {
			o.looking = false
			mortal, s, t := o.mortal, o.sender, o.taker
			o.doubt(s)
			atomics.SetHook(nil)
			o.call()
			atomics.SetHook(o.access)
			o.mortal, o.sender, o.taker = mortal, s, t
			o.looking = true
		}
	case o.mortal && o.rng.IntN(100) == 0:
		panic(died{})
	case o.rng.IntN(20) == 0:
		o.look()
	}
}

// look examines the ring.
func (o *observed) look() {
	o.looks++
	o.looking = true
	e := inspect.Examine(o.r, uint64(len(o.m.Bytes)))
	o.viewMark()
	o.looking = false
	for _, f := range e.Faults {
		if o.accused == nil {
			o.accused = fmt.Errorf("%+v", f)
		}
	}
}

// call makes a call of a participant that has none under way.
func (o *observed) call() {
	s := o.senders[o.rng.IntN(len(o.senders))]
	t := o.takers[o.rng.IntN(len(o.takers))]
	if o.rng.IntN(2) == 0 {
		s = nil
	} else {
		t = nil
	}
	if s != nil && s == o.sender || t != nil && t == o.taker {
		return
	}
	o.sender, o.taker = s, t
	defer func() {
		if e := recover(); e == (died{}) {
			o.deaths++
			o.mortal = false
			o.bury(s, t)
		} else if e != nil {
			panic(e)
		}
		o.sender, o.taker = nil, nil
	}()
	switch n := o.rng.IntN(6); {
	case s != nil && n < 2:
		o.send(s, 1)
	case s != nil && n < 4:
		o.send(s, 2+o.rng.IntN(4))
	case s != nil:
		o.reserve(s)
	case n == 0:
		o.lease(t, 1)
	case n == 1:
		o.lease(t, 2+o.rng.IntN(4))
	case n < 4:
		o.settle(t)
	case n == 4:
		o.receive(t)
	default:
		o.receiveBatch(t)
	}
}
