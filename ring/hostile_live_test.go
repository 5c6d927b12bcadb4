//go:build linux

package ring_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/scribble"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
)

// Producers, consumers and viewers at work, in memory that the race detector does not
// watch, while a goroutine scribbles over all of it, header and payload too. A call that
// does not end ends the test binary, with all stacks.
func TestParticipantsAmongScribblers(t *testing.T) {
	d := 300 * time.Millisecond
	if testproc.Long() {
		d = 30 * time.Second
	}
	for i := range len(modes) + 4 {
		for n := range 2 {
			// Different shapes in each run: the last digits of the clock will do.
			shape := int(time.Now().UnixNano()/1000%20) + n
			g := hostileEach(shape<<2 | i&3)
			if i < len(modes) {
				g = hostileGeometry(modes[i].producers, modes[i].consumers, shape)
			}
			m := ringtest.NewMappedRegion(t, g, 7)
			calls, hurt := amongScribblers(t, m, d/2)
			t.Logf("%+v: %d calls, %d of them on a ring that was damaged", g, calls, hurt)
		}
	}
}

func amongScribblers(t *testing.T, m *ringtest.Region, d time.Duration) (calls, hurt int64) {
	var stop atomic.Bool
	var count, damaged atomic.Int64
	failures := make(chan error, 16)
	var all []*worker
	for seat := 0; seat < 4; seat += 2 {
		all = append(all, start(fmt.Sprintf("participant %d", seat), func(w *worker) {
			dice := scribble.Dice(uint64(seat))
			for !stop.Load() {
				// Where a side is single, only the first is one of it.
				v, err := newVictim(m, seat)
				for range 200 {
					if err != nil {
						break
					}
					n := int(dice.Below(1 << 12))
					count.Add(1)
					if v.p != nil && (seat == 0 || m.Geometry.ManyProducers) {
						w.call(func() { err = v.send(n) })
					}
					if seat == 0 || m.Geometry.ManyConsumers || m.Geometry.Each {
						w.call(func() { err = errors.Join(err, v.receive(n/8)) })
					}
					w.call(func() { err = errors.Join(err, v.look(n/64)) })
					if m.Millis.Add(1); v.damaged {
						damaged.Add(1)
						v.damaged = false
					}
				}
				if err != nil {
					failures <- err
					return
				}
			}
		}))
	}
	all = append(all, start("the scribbler", func(w *worker) {
		pen := scribble.New(m.Bytes, m.Geometry, scribble.Dice(99))
		pen.Millis = m.Millis.Load
		for n := uint64(0); !stop.Load(); n++ {
			w.call(pen.Write)
			if n%64 == 0 { // or all calls to come would find the same damage
				w.call(func() { emptyRing(m) })
			}
			if n%8 == 0 {
				time.Sleep(10 * time.Microsecond)
			}
		}
	}))
	var err error
	select {
	case err = <-failures:
	case <-time.After(d):
	}
	stop.Store(true)
	awaitWorkers(all)
	require.NoError(t, err)
	return count.Load(), damaged.Load()
}

// emptyRing makes a ring in use an empty one. It reads tail once: a participant moves tail
// meanwhile, and a loop up to where tail is now may never get there.
func emptyRing(m *ringtest.Region) {
	tail := m.Hot(layout.HotTail)
	for n := range m.Geometry.Slots {
		m.SetWord(tail+n, layout.FreeWord(tail+n, m.Geometry.Shift()))
	}
	m.SetHot(layout.HotHead, tail)
}
