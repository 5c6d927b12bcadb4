//go:build shmqstep

package ring_test

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// killedBeforeHint lets task go up to the store of its hint, and kills it there.
func killedBeforeHint(t *testing.T, m *ringtest.Region, hint uint64, name string, do func()) {
	t.Helper()
	task := ringtest.Start(name, do)
	require.True(t, task.StepUntil(atomics.OpRMW, m.HotAddr(hint)))
	task.Kill()
}

// Producers die one after the other between their claim and the step of tail, and the one
// that is left leaves before tail has followed. The end of their stream lies behind its record
// all the same.
func TestEndOfAStreamWhoseTailLagsByALap(t *testing.T) {
	for _, swept := range []string{"at once", "before the end", "after it"} {
		m := ringtest.NewRegion(geometry(true, true, 16), 0)
		r := m.Ring()
		r.SetStride(2)
		p, err := r.NewProducer(0)
		require.NoError(t, err)
		c := r.NewConsumer(1)
		c.Listen(true)
		for range 4 {
			r.BeginStream()
		}
		require.NoError(t, p.Send(nil))
		_, _, err = c.TryReceive(nil)
		require.NoError(t, err)
		for i, slots := range []int{8, 7} {
			seat := 2 + i
			killedBeforeHint(t, m, layout.HotTail, "producer", func() {
				p, _ := r.NewProducer(seat)
				_, _ = p.Reserve(64 * slots)
			})
			if swept == "at once" {
				r.Sweep(seat)
			}
		}
		require.NoError(t, p.Send([]byte("last")))
		sweep := func(when string) {
			if swept == when {
				r.Sweep(2)
				r.Sweep(3)
			}
		}
		sweep("before the end")
		require.True(t, r.NoteEnd(true))
		sweep("after it")
		got, _, err := c.TryReceive(nil)
		require.NoError(t, err, "the record is of this stream; swept %s", swept)
		require.Equal(t, "last", string(got))
	}
}

// However many die, each before its hint has followed, those that come later are at work.
func TestHintsFollowAfterEachDeath(t *testing.T) {
	const slots, lives = 16, 32 * 16
	start := func() (m *ringtest.Region, r *ring.Ring, p *ring.Producer, c *ring.Consumer) {
		m = ringtest.NewRegion(geometry(true, true, slots), 0)
		r = m.Ring()
		r.SetStride(2) // moved by claims and takes at odd positions
		p, err := r.NewProducer(0)
		require.NoError(t, err)
		return m, r, p, r.NewConsumer(1)
	}
	t.Run("tail", func(t *testing.T) {
		m, r, _, c := start()
		for n := range uint64(lives) {
			send := func() {
				p, _ := r.NewProducer(2)
				_ = p.Send(ringtest.Record(n, 8))
			}
			if n%2 == 0 {
				send()
			} else {
				killedBeforeHint(t, m, layout.HotTail, "producer", send)
				r.Sweep(2)
			}
			_, _, err := c.TryReceive(nil)
			require.Equal(t, n%2 == 0, err == nil)
		}
		p, err := r.NewProducer(0)
		require.NoError(t, err)
		require.NoError(t, p.Send(nil))
	})
	t.Run("head", func(t *testing.T) {
		m, r, p, _ := start()
		for n := range uint64(lives) {
			require.NoError(t, p.Send(ringtest.Record(n, 8)))
			take := func() { _, _, _ = r.NewConsumer(2).TryReceive(nil) }
			if n%2 == 0 {
				take()
				continue
			}
			killedBeforeHint(t, m, layout.HotHead, "consumer", take)
			r.Sweep(2)
			var l ring.Lease
			heir := r.NewConsumer(3)
			require.NoError(t, heir.TryLease(&l))
			require.Equal(t, 1, l.Redelivered)
			heir.Ack(&l)
		}
		require.NoError(t, p.Send(nil))
		_, _, err := r.NewConsumer(1).TryReceive(nil)
		require.NoError(t, err)
	})
}

// As many as there are seats are stopped after they have published, or freed, and before their
// hint has followed.
func TestHintsOfStoppedParticipants(t *testing.T) {
	const slots, others = 2, 30
	g := geometry(true, true, slots)
	g.Seats = 2*others + 2
	m := ringtest.NewRegion(g, 0)
	r := m.Ring()
	p, err := r.NewProducer(2 * others)
	require.NoError(t, err)
	c := r.NewConsumer(2*others + 1)
	var stopped []*ringtest.Task
	for n := range others {
		sends := ringtest.Start("producer", func() {
			p, _ := r.NewProducer(n)
			p.Peek(8) // so it need not search, and goes the short way
			_ = p.Send(ringtest.Record(uint64(n), 8))
		})
		require.True(t, sends.StepUntil(atomics.OpRMW, m.HotAddr(layout.HotTail)))
		takes := ringtest.Start("consumer", func() {
			c := r.NewConsumer(others + n)
			c.Peek()
			_, _, _ = c.TryReceive(nil)
		})
		require.True(t, takes.StepUntil(atomics.OpRMW, m.HotAddr(layout.HotHead)))
		stopped = append(stopped, sends, takes)
	}
	_ = stopped
	for id := range uint64(2 * slots) {
		require.NoError(t, p.Send(ringtest.Record(id, 8)))
		_, _, err := c.TryReceive(nil)
		require.NoError(t, err)
	}
	for _, task := range stopped {
		task.Finish()
	}
}

// With a hint that somebody set back by laps, a call looks through the ring some times, and not
// as often as it has slots.
func TestHintSetBackCostsSomeLaps(t *testing.T) {
	const slots, laps = 512, 3
	nobody := func(unsafe.Pointer, atomics.Op) {}
	calls := map[string]func(r *ring.Ring) error{
		"send": func(r *ring.Ring) error {
			p, err := r.NewProducer(0)
			if err == nil {
				err = p.Send(nil)
			}
			return err
		},
		"look for room": func(r *ring.Ring) error {
			p, err := r.NewProducer(0)
			if err == nil {
				p.Peek(1)
			}
			return err
		},
		"receive": func(r *ring.Ring) error { _, _, err := r.NewConsumer(1).TryReceive(nil); return err },
		"look":    func(r *ring.Ring) error { r.NewConsumer(1).Peek(); return nil },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			m := ringtest.NewRegion(geometry(true, true, slots), 10*slots)
			r := m.Ring()
			m.SetHot(layout.HotTail, (10-laps)*slots)
			m.SetHot(layout.HotHead, (10-laps)*slots)
			steps, err := counted(100*slots, nobody, func() error { return call(r) })
			if err != ring.ErrEmpty {
				require.NoError(t, err)
			}
			t.Log(steps, "accesses")
		})
	}
}
