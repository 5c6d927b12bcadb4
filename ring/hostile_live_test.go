//go:build linux

package ring_test

import (
	"errors"
	"sync"
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
// watch, while somebody scribbles over all of it, header and payload too. A call that
// does not end ends the test binary, with all stacks.
func TestParticipantsAmongScribblers(t *testing.T) {
	d := 300 * time.Millisecond
	if testproc.Long() {
		d = 30 * time.Second
	}
	for _, mode := range modes {
		for n := range 2 {
			// Different shapes in each run: the last digits of the clock will do.
			g := hostileGeometry(mode.producers, mode.consumers, int(time.Now().UnixNano()/1000%20)+n)
			m := ringtest.NewMappedRegion(t, g, 7)
			calls, hurt := amongScribblers(t, m, d/2)
			t.Logf("%+v: %d calls, %d of them on a ring that was damaged", g, calls, hurt)
		}
	}
}

func amongScribblers(t *testing.T, m *ringtest.Region, d time.Duration) (calls, hurt int64) {
	var stop atomic.Bool
	var wg sync.WaitGroup
	var count, damaged atomic.Int64
	failures := make(chan error, 16)
	for seat := 0; seat < 4; seat += 2 {
		wg.Go(func() {
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
						err = v.send(n)
					}
					if seat == 0 || m.Geometry.ManyConsumers {
						err = errors.Join(err, v.receive(n/8))
					}
					err = errors.Join(err, v.look(n/64))
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
		})
	}
	wg.Go(func() {
		pen := scribble.New(m.Bytes, m.Geometry, scribble.Dice(99))
		pen.Millis = m.Millis.Load
		for n := uint64(0); !stop.Load(); n++ {
			pen.Write()
			if n%64 == 0 { // or all calls to come would find the same damage
				for p := m.Hot(layout.HotTail); p != m.Hot(layout.HotTail)+m.Geometry.Slots; p++ {
					m.SetWord(p, layout.FreeWord(p, m.Geometry.Shift()))
				}
				m.SetHot(layout.HotHead, m.Hot(layout.HotTail))
			}
			if n%8 == 0 {
				time.Sleep(10 * time.Microsecond)
			}
		}
	})
	var err error
	select {
	case err = <-failures:
	case <-time.After(d):
	}
	stop.Store(true)
	late := time.AfterFunc(time.Minute, func() { panic("a call did not end") })
	wg.Wait()
	late.Stop()
	require.NoError(t, err)
	return count.Load(), damaged.Load()
}
