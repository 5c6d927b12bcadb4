//go:build shmqstep

package ring_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/scribble"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// A hostile peer that is faster than anything real: it writes before each single
// access of its victim. However it does that, a call makes a bounded number of them.

type tooLong struct{ steps uint64 }

// counted runs call, with hostile before each of its accesses, and returns how many
// those were. It gives up at limit.
func counted(limit uint64, hostile func(addr unsafe.Pointer, op atomics.Op), call func() error) (steps uint64, err error) {
	defer atomics.SetHook(nil)
	defer func() {
		switch e := recover().(type) {
		case nil:
		case tooLong:
			err = fmt.Errorf("not at its end after %d accesses", e.steps)
		default:
			panic(e)
		}
	}()
	atomics.SetHook(func(addr unsafe.Pointer, op atomics.Op) {
		if steps++; steps > limit {
			panic(tooLong{steps})
		}
		hostile(addr, op)
	})
	return steps, call()
}

// stepLimit is what one call may take: the tries of one call, some accesses each, and
// the ring looked through some times.
func stepLimit(slots uint64) uint64 { return 8<<16 + 64*slots }

// foes are ways of keeping a call busy. Each returns what happens before an access.
var foes = map[string]func(m *ringtest.Region, rng *rand.Rand) func(unsafe.Pointer, atomics.Op){
	"quiet": func(*ringtest.Region, *rand.Rand) func(unsafe.Pointer, atomics.Op) {
		return func(unsafe.Pointer, atomics.Op) {}
	},
	"scribbler": func(m *ringtest.Region, rng *rand.Rand) func(unsafe.Pointer, atomics.Op) {
		pen := scribble.New(m.Bytes, m.Geometry, scribble.Dice(rng.Uint64()))
		return func(unsafe.Pointer, atomics.Op) { pen.Write() }
	},
	// Each compare-and-swap of a slot's word fails, and the word is as it was again.
	"spoiler": func(m *ringtest.Region, rng *rand.Rand) func(unsafe.Pointer, atomics.Op) {
		var undo func()
		return func(addr unsafe.Pointer, op atomics.Op) {
			if undo != nil {
				undo()
				undo = nil
			}
			if op == atomics.OpRMW {
				word := (*uint64)(addr)
				was := *word
				*word ^= 1 << 40
				undo = func() { *word = was }
			}
		}
	},
	// Orphans without a record, at the end of every scan, and news of more.
	"foundling": func(m *ringtest.Region, _ *rand.Rand) func(unsafe.Pointer, atomics.Op) {
		return func(unsafe.Pointer, atomics.Op) {
			head := m.Hot(layout.HotHead)
			m.SetWord(head-1, layout.OrphanWord(head-1, 1, true, m.Geometry.Shift()))
			m.SetHot(layout.HotOrphans, m.Hot(layout.HotOrphans)+1)
		}
	},
	// The same, and each of them is as long as it can be.
	"long foundling": func(m *ringtest.Region, _ *rand.Rand) func(unsafe.Pointer, atomics.Op) {
		return func(unsafe.Pointer, atomics.Op) {
			p := m.Hot(layout.HotHead)&^(m.Geometry.Slots-1) - m.Geometry.Slots
			m.SetWord(p, layout.OrphanWord(p, m.Geometry.Slots-1, true, m.Geometry.Shift()))
			m.SetHot(layout.HotOrphans, m.Hot(layout.HotOrphans)+1)
		}
	},
	// Wherever the consumer gets there is one more filler.
	"conveyor": func(m *ringtest.Region, _ *rand.Rand) func(unsafe.Pointer, atomics.Op) {
		return func(unsafe.Pointer, atomics.Op) {
			head := m.Hot(layout.HotHead)
			m.SetWord(head, layout.SkipWord(head, 1, m.Geometry.Shift()))
		}
	},
	// All slots are long fillers of the lap before, again and again.
	"filler": func(m *ringtest.Region, _ *rand.Rand) func(unsafe.Pointer, atomics.Op) {
		n := uint64(0)
		return func(addr unsafe.Pointer, op atomics.Op) {
			slots, tail := m.Geometry.Slots, m.Hot(layout.HotTail)
			m.SetHot(layout.HotHead, tail)
			for range 4 {
				n++
				p := tail + n%slots - slots
				m.SetWord(p, layout.SkipWord(p, slots-p%slots, m.Geometry.Shift()))
			}
		}
	},
	// Every cursor is somewhere else each time: behind, ahead, joining, gone.
	"drifter": func(m *ringtest.Region, rng *rand.Rand) func(unsafe.Pointer, atomics.Op) {
		pen := scribble.New(m.Bytes, m.Geometry, scribble.Dice(rng.Uint64()))
		return func(unsafe.Pointer, atomics.Op) {
			if m.Geometry.Each {
				for range 3 {
					pen.Cursor()
				}
			}
		}
	},
	// Whoever reads is a lap behind, wherever it jumps to.
	"lapper": func(m *ringtest.Region, _ *rand.Rand) func(unsafe.Pointer, atomics.Op) {
		return func(unsafe.Pointer, atomics.Op) {
			slots, shift := m.Geometry.Slots, m.Geometry.Shift()
			tail := m.Hot(layout.HotTail) + slots/2
			m.SetHot(layout.HotTail, tail)
			m.SetHot(layout.HotHead, tail)
			for p := tail - 2; p != tail+2; p++ {
				m.SetWord(p, layout.FullWord(p, 1, shift))
			}
		}
	},
	// The ring seems to be full of large records that change while they are copied.
	"flicker": func(m *ringtest.Region, _ *rand.Rand) func(unsafe.Pointer, atomics.Op) {
		return func(_ unsafe.Pointer, op atomics.Op) {
			slots, shift := m.Geometry.Slots, m.Geometry.Shift()
			p := m.Hot(layout.HotTail) &^ (slots - 1)
			for q := p; q < p+slots; q++ {
				was := m.Word(q)
				k := slots - q%slots
				if was.State() == layout.Full {
					m.SetWord(q, layout.OrphanWord(q, k, false, shift))
				} else {
					m.SetWord(q, layout.FullWord(q, k, shift))
				}
				m.SetDescription(q, uint32(k*m.Geometry.AreaSize), layout.MetaArea)
			}
		}
	},
}

// hostileShapes are queues of all kinds.
func hostileShapes(slots uint64) (all []layout.Geometry) {
	for _, mode := range modes {
		all = append(all, geometry(mode.producers, mode.consumers, slots))
	}
	for n := range 4 {
		all = append(all, each(n&1 != 0, n&2 != 0, slots, 0))
	}
	return all
}

// join makes a subscription and ends it, as far as there are any.
func (v *victim) join() error {
	if v.m.Geometry.Each {
		s := v.r.Subscription(5)
		s.Join(ring.Joining{Seat: 3, Oldest: true, Name: "late"})
		s.Clear()
	}
	return nil
}

func TestEveryCallAmongHostilePeersTakesBoundedSteps(t *testing.T) {
	worst := map[string]uint64{}
	for _, slots := range []uint64{4, 64, 1024} {
		for _, g := range hostileShapes(slots) {
			for name, foe := range foes {
				rng := rand.New(rand.NewPCG(31, slots))
				m := ringtest.NewRegion(g, 3*slots/2)
				hostile := foe(m, rng)
				calls := 40
				if name == "flicker" || name == "filler" || g.Each {
					calls = 16
				}
				for n := range calls {
					v, err := newVictim(m, 0)
					require.NoError(t, err)
					if v.p == nil || n%8 == 0 {
						m.Start(3 * slots / 2)
						v, err = newVictim(m, 0)
						require.NoError(t, err)
					}
					for kind, call := range map[string]func() error{
						"send":    func() error { return v.send(n) },
						"largest": func() error { return v.documented(v.p.Send(make([]byte, v.p.MaxRecord()))) },
						"receive": func() error { return v.receive(n) },
						"look":    func() error { return v.look(n) },
						"join":    func() error { return v.join() },
					} {
						steps, err := counted(stepLimit(slots), hostile, call)
						if err != nil && worst[name+" "+kind] <= stepLimit(slots) {
							t.Errorf("%s, call %d, against %s in %+v: %v", kind, n, name, m.Geometry, err)
						}
						worst[name+" "+kind] = max(worst[name+" "+kind], steps)
					}
				}
			}
		}
	}
	t.Logf("most accesses: %v", worst)
}

// All records are as large as they can be and change while they are copied: a look gives
// up, before it has copied the ring over and over.
func TestAViewerAmongHostilePeersCopiesABoundedNumberOfSlots(t *testing.T) {
	const slots = 1024
	for _, g := range hostileShapes(slots) {
		m := ringtest.NewRegion(g, 0)
		shift := m.Geometry.Shift()
		m.SetHot(layout.HotTail, slots)
		for p := uint64(0); p < slots; p++ {
			m.SetDescription(p, layout.AreaUnit, layout.MetaArea)
		}
		v := inspect.NewViewer(m.Ring())
		copied, n := uint64(0), uint64(0)
		_, err := counted(stepLimit(slots), func(addr unsafe.Pointer, _ atomics.Op) {
			p := v.Pos()
			if addr != m.WordAddr(p) {
				return
			}
			n++
			k := slots/2 - (n+1)%2 // never what it was a moment ago
			m.SetHot(layout.HotHead, p)
			m.SetWord(p, layout.FullWord(p, k, shift))
			copied += k
		}, func() error { _ = v.Next(&inspect.Record{}); return nil })
		require.NoError(t, err)
		require.Less(t, copied, uint64(64*slots))
	}
}
