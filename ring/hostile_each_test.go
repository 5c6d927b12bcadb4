package ring_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/scribble"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// hostileEach is one of many shapes: the two lowest bits of n are the number of producers and whether they
// skip.
func hostileEach(n int) layout.Geometry {
	g := each(n&1 != 0, n&2 != 0, 1<<(1+n>>2%5), 0)
	if !g.Skip {
		g.Keep = []uint64{0, g.Slots / 2, g.Slots}[n>>3%3]
	}
	g.AreaSize = []uint64{64, 64, 128, 4096}[n>>2/5%4]
	return g
}

// subscriber returns the consumer of a seat, which goes on with a durable subscription that is there, or
// joins.
func subscriber(r *ring.Ring, seat int) *ring.Consumer {
	i := seat / 2
	if s := r.Subscription(i); s.Kept() {
		s.TakeOver(seat + 1)
	} else {
		s.Join(ring.Joining{Seat: seat + 1, Oldest: seat%4 == 0})
	}
	return r.NewSubscriber(seat+1, i)
}

// subscriptions looks at all of them.
func (v *victim) subscriptions() error {
	g := v.m.Geometry
	if !g.Each {
		return nil
	}
	all := inspect.Subscriptions(v.r, true)
	if len(all) > g.Subscriptions {
		return fmt.Errorf("%d subscriptions", len(all))
	}
	for _, s := range all {
		if s.Records > 2*int(g.Slots) || s.Records < 0 || s.Handed.Slots > g.Slots {
			return fmt.Errorf("%d slots hold %+v", g.Slots, s)
		}
		e := v.r.Subscription(s.Entry)
		if n := e.Name(); n != "" && !ring.ValidName(n) && len(n) <= layout.SubNameN {
			return fmt.Errorf("a name that can't be printed: %q", n)
		}
		e.Since()
		if seat := e.Seat(); seat < 0 || seat >= g.Seats {
			return fmt.Errorf("seat %d of %d", seat, g.Seats)
		}
		if s.Joining {
			e.Clear() // as a reclaimer does
		}
	}
	if i, _ := v.r.Slowest(); i >= g.Subscriptions {
		return fmt.Errorf("entry %d of %d", i, g.Subscriptions)
	}
	v.r.RoomAtRest()
	return nil
}

func TestScribblingOnSubscriptionsHarmsNobodysMemoryAndEndsEveryCall(t *testing.T) {
	dice := scribble.Dice(17)
	for n := range testproc.Rounds(1600) {
		m := ringtest.NewRegion(hostileEach(n), dice.Below(0)>>dice.Below(64))
		hostile(t, m, dice, 80)
	}
}

// A scribbler that never stops, on cursors too, cannot keep a call from ending.
func TestCallsEndWhileSomebodyScribblesOnCursors(t *testing.T) {
	for n := range 4 {
		m := ringtest.NewMappedRegion(t, hostileEach(8|n), 0)
		v, err := newVictim(m, 0)
		require.NoError(t, err)
		var stop atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() {
			for pen := scribble.New(m.Bytes, m.Geometry, scribble.Dice(1)); !stop.Load(); {
				pen.Shared()
			}
		})
		for n := range 3000 {
			if err = errors.Join(v.send(n), v.receive(n/8), v.subscriptions()); err != nil {
				break
			}
		}
		stop.Store(true)
		wg.Wait()
		require.NoError(t, err)
	}
}

// A cursor that says anything at all holds producers up, or does not; it never lets them step over what
// another subscription has not acknowledged.
func TestAWrongCursorMakesNoRoom(t *testing.T) {
	t.Parallel()
	dice := scribble.Dice(23)
	for n := range testproc.Rounds(2000) {
		g := each(n&1 != 0, false, 8, 0)
		start := dice.Below(0) >> dice.Below(64)
		m := ringtest.NewRegion(g, start)
		r := m.Ring()
		honest := subscribe(r, 0, ring.Joining{})
		p, err := r.NewProducer(0)
		require.NoError(t, err)
		sent, got := uint64(0), uint64(0)
		pen := scribble.New(m.Bytes, g, dice)
		for range 60 {
			// Of the second entry only.
			mine := m.Bytes[g.SubscriptionOffset()+layout.SubscriptionSize:][:layout.SubscriptionSize]
			rest := append([]byte{}, m.Bytes...)
			pen.Subscription()
			theirs := append([]byte{}, mine...)
			copy(m.Bytes, rest)
			copy(mine, theirs)
			if dice.Below(8) == 0 {
				r.Subscription(1).Clear()
			}
			if err := p.Send(ringtest.Record(sent, ringtest.MinRecord)); err == nil {
				sent++
			} else {
				require.ErrorIs(t, err, ring.ErrFull)
			}
			require.LessOrEqual(t, sent-got, g.Slots)
			if dice.Below(3) == 0 {
				for _, id := range ids(t, honest, 2) {
					require.Equal(t, got, id)
					got++
				}
			}
		}
		r.Subscription(1).Clear()
		for _, id := range ids(t, honest, 100) {
			require.Equal(t, got, id)
			got++
		}
		require.Equal(t, sent, got)
		require.NoError(t, p.Send(nil), "nothing is left of it")
	}
}
