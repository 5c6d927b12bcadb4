package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Damage that stays is reported as such by the first call that meets it, and not as a
// queue that is full or empty.

func TestAConsumerReportsDamage(t *testing.T) {
	const pos, shift = 7, 3 // the last slot of the first lap
	eachMode(t, func(t *testing.T, mp, mc bool) {
		for name, hurt := range map[string]func(b *bench){
			"span of 0":            func(b *bench) { b.m.SetWord(pos, layout.FullWord(pos, 0, shift)) },
			"span beyond the ring": func(b *bench) { b.m.SetWord(pos, layout.FullWord(pos, 2, shift)) },
			"skip of 0":            func(b *bench) { b.m.SetWord(pos, layout.SkipWord(pos, 0, shift)) },
			"no state":             func(b *bench) { b.m.SetWord(pos, layout.FullWord(pos, 1, shift)|15) },
			"later lap":            func(b *bench) { b.m.SetWord(pos, layout.FullWord(pos+8, 1, shift)) },
			"much later lap":       func(b *bench) { b.m.SetWord(pos, layout.FullWord(pos+8<<40, 1, shift)) },
			"inline length":        func(b *bench) { b.m.SetDescription(pos, layout.InlineSize+1, 0) },
			"largest length":       func(b *bench) { b.m.SetDescription(pos, 1<<32-1, 0) },
			"area length":          func(b *bench) { b.m.SetDescription(pos, 65, layout.MetaArea) },
			"largest area length":  func(b *bench) { b.m.SetDescription(pos, 1<<32-1, 1<<32-1) },
		} {
			for how, receive := range map[string]func(c *ring.Consumer) error{
				"lease":         func(c *ring.Consumer) error { return c.TryLease(&ring.Lease{}) },
				"lease batch":   func(c *ring.Consumer) error { _, err := c.TryLeaseBatch(make([]ring.Lease, 3)); return err },
				"receive":       func(c *ring.Consumer) error { _, _, err := c.TryReceive(nil); return err },
				"receive batch": func(c *ring.Consumer) error { _, _, err := c.TryReceiveBatch(make([][]byte, 3)); return err },
			} {
				b := newBench(t, geometry(mp, mc, 8), pos)
				b.empty(b.c) // nor was anything left over
				b.send(8, 1)
				hurt(b)
				require.ErrorIs(t, receive(b.c), ring.ErrDamaged, "%s, %s", how, name)
			}
		}
	})
}

func TestAProducerReportsDamage(t *testing.T) {
	const pos, shift = 15, 3 // the last slot of the second lap
	eachMode(t, func(t *testing.T, mp, mc bool) {
		hurts := map[string]func(b *bench){}
		if !mc {
			hurts["head beyond tail"] = func(b *bench) { b.m.SetHot(layout.HotHead, pos+100) }
			hurts["head far behind"] = func(b *bench) { b.m.SetHot(layout.HotHead, pos-9) }
		}
		if mc {
			hurts["skip of 0"] = func(b *bench) { b.m.SetWord(pos, layout.SkipWord(pos-8, 0, shift)) }
			hurts["skip beyond the ring"] = func(b *bench) { b.m.SetWord(pos, layout.SkipWord(pos-8, 2, shift)) }
		}
		if mp {
			hurts["claim of 0"] = func(b *bench) { b.m.SetWord(pos, layout.ClaimedWord(pos, 0, 5, shift)) }
			hurts["claim beyond the ring"] = func(b *bench) { b.m.SetWord(pos, layout.ClaimedWord(pos, 2, 5, shift)) }
			hurts["later lap"] = func(b *bench) { b.m.SetWord(pos, layout.FullWord(pos+8, 1, shift)) }
			hurts["much later lap"] = func(b *bench) { b.m.SetWord(pos, layout.FreeWord(pos+16, shift)) }
		}
		for name, hurt := range hurts {
			for how, send := range map[string]func(p *ring.Producer) error{
				"send":       func(p *ring.Producer) error { return p.Send([]byte("small")) },
				"send large": func(p *ring.Producer) error { return p.Send(make([]byte, 64)) },
				"reserve":    func(p *ring.Producer) error { _, err := p.Reserve(8); return err },
				"send batch": func(p *ring.Producer) error { _, err := p.SendBatch([][]byte{make([]byte, 64)}); return err },
			} {
				b := newBench(t, geometry(mp, mc, 8), pos)
				hurt(b)
				var err error
				for range 10 { // where a side is single, it is seen when the ring seems full
					if err = send(b.p); err != nil {
						break
					}
					b.p.Abort()
				}
				if how == "reserve" && err == nil && !mp {
					continue // each took the same slot, and gave it back
				}
				require.ErrorIs(t, err, ring.ErrDamaged, "%s, %s", how, name)
			}
		}
	})
}

// An inherited take of two slots that says of its second record that it goes beyond.
func TestAnHeirStaysInItsTake(t *testing.T) {
	t.Parallel()
	b := newBench(t, geometry(true, true, 8), 0)
	b.send(8, 1, 2)
	b.m.SetHot(layout.HotHead, 2)
	b.m.SetWord(0, layout.OrphanWord(0, 2, false, 3))
	b.m.SetWord(1, layout.FullWord(1, 3, 3))
	b.m.SetHot(layout.HotOrphans, 1)
	b.lease(b.c, 1, 1)
	b.empty(b.c)
}
