package ring_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// asks asks for the turn and reports whether p has it.
func asks(p *ring.Producer) bool {
	has, _ := p.AskTurn()
	return has
}

// waitsFor has p find no room for a record of n bytes, and ask for the turn. It reports
// whether it let others go on.
func (b *bench) waitsFor(p *ring.Producer, n int) (gave bool) {
	b.Helper()
	require.ErrorIs(b, p.Send(make([]byte, n)), ring.ErrFull)
	has, gave := p.AskTurn()
	require.True(b, has)
	return gave
}

// sends has p send records of one slot until there is no room for it, and returns how many.
func (b *bench) sends(p *ring.Producer) (n int) {
	b.Helper()
	for ; ; n++ {
		if err := p.Send(nil); err != nil {
			require.ErrorIs(b, err, ring.ErrFull)
			return n
		}
	}
}

// frees has the consumer take and acknowledge n records.
func (b *bench) frees(n int) {
	b.Helper()
	for range n {
		var l ring.Lease
		require.NoError(b, b.c.TryLease(&l))
		b.c.Ack(&l)
	}
}

func eachConsumers(t *testing.T, f func(t *testing.T, mc bool)) {
	t.Parallel()
	for _, mc := range []bool{false, true} {
		t.Run(fmt.Sprintf("many consumers %v", mc), func(t *testing.T) { f(t, mc) })
	}
}

func TestOthersLeaveWhatComesFreeToTheTurn(t *testing.T) {
	eachConsumers(t, func(t *testing.T, mc bool) {
		b := newBench(t, geometry(true, mc, 4), 0)
		other := b.producer(2)
		require.Equal(t, 4, b.sends(other))
		require.False(t, b.p.DropTurn(), "it has none")
		b.waitsFor(b.p, 128)
		require.False(t, asks(other))
		b.frees(1)
		require.ErrorIs(t, other.Send(nil), ring.ErrFull)
		_, err := other.SendBatch([][]byte{{1}})
		require.ErrorIs(t, err, ring.ErrFull)
		_, err = other.Reserve(1)
		require.ErrorIs(t, err, ring.ErrFull)
		require.False(t, other.DropTurn(), "not its own")
		require.True(t, b.r.RoomWorthWaking())
		b.frees(1)
		require.NoError(t, b.p.Send(make([]byte, 128)))
		require.True(t, b.p.DropTurn())
		b.frees(1)
		require.NoError(t, other.Send(nil))
		require.True(t, asks(other))
	})
}

// A ring of 16 slots: one record is leased, five slots are free, and a producer waits for
// eight. The five are for all producers, as are those that come free behind the lease.
func TestRoomThatTheTurnHasNoUseForIsForEverybody(t *testing.T) {
	eachConsumers(t, func(t *testing.T, mc bool) {
		b := newBench(t, geometry(true, mc, 16), 0)
		other, batch := b.producer(2), b.producer(3)
		b.send(8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
		held := b.lease(b.c, 0, 0)
		for range 3 {
			b.waitsFor(b.p, 8*64)
			require.NoError(t, other.Send(nil))
			b.m.Millis.Add(ring.TurnMillis - 1)
		}
		n, err := batch.SendBatch([][]byte{{1}, {2}, {3}})
		require.NoError(t, err)
		require.Equal(t, 2, n)
		require.Zero(t, b.sends(other))
		b.frees(4) // behind the lease: with a single consumer they stay
		require.Zero(t, b.sends(other))
		b.c.Ack(held)
		require.Zero(t, b.sends(other), "what comes free now is for the turn")
		b.waitsFor(b.p, 8*64)
		b.frees(3)
		require.NoError(t, b.p.Send(make([]byte, 8*64)))
	})
}

// Slots that come free are kept as long as more follow, and then left to the others.
func TestTurnGivesWayWhenNothingMoreComesFree(t *testing.T) {
	eachConsumers(t, func(t *testing.T, mc bool) {
		b := newBench(t, geometry(true, mc, 16), 0)
		other := b.producer(2)
		require.Equal(t, 16, b.sends(other))
		require.False(t, b.waitsFor(b.p, 8*64))
		require.Zero(t, layout.Turn(b.m.Hot(layout.HotTurn)).Before(16), "nothing was free")
		for range 3 { // one slot each 90 ms
			b.frees(1)
			b.m.Millis.Add(90)
			require.False(t, b.waitsFor(b.p, 8*64))
			require.Zero(t, b.sends(other))
		}
		patience := 0
		for gave := false; !gave; patience += 10 {
			require.LessOrEqual(t, patience, 100)
			require.Zero(t, b.sends(other), "after %d ms", patience)
			b.m.Millis.Add(10)
			gave = b.waitsFor(b.p, 8*64)
		}
		require.Equal(t, 3, b.sends(other), "what had come free")
		for range 10 {
			b.m.Millis.Add(100)
			require.False(t, b.waitsFor(b.p, 8*64), "nothing is kept, so there is nothing to give")
		}
		b.frees(1)
		b.waitsFor(b.p, 8*64)
		require.Zero(t, b.sends(other), "it goes on waiting")
	})
}

// A consumer that holds a lease and wants one more record before it settles gets it.
func TestTurnDoesNotHoldUpTheLeaseThatItWaitsFor(t *testing.T) {
	t.Parallel()
	b := newBench(t, geometry(true, true, 16), 0)
	other := b.producer(2)
	require.Equal(t, 16, b.sends(other))
	b.waitsFor(b.p, 8*64)
	b.frees(5)
	held := make([]ring.Lease, 11) // all that there is
	for i := range held {
		require.NoError(t, b.c.TryLease(&held[i]))
	}
	b.empty(b.c)
	more := &ring.Lease{}
	for ms := 0; b.c.TryLease(more) != nil; ms += 10 {
		require.LessOrEqual(t, ms, 200)
		b.m.Millis.Add(10)
		b.waitsFor(b.p, 8*64)
		_ = other.Send(nil)
	}
	b.c.AckBatch(held)
	require.NoError(t, b.p.Send(make([]byte, 8*64)))
}

func TestTurnLapsesUnlessRenewed(t *testing.T) {
	eachConsumers(t, func(t *testing.T, mc bool) {
		b := newBench(t, geometry(true, mc, 4), 0)
		other := b.producer(2)
		b.m.Millis.Store(1000)
		require.Equal(t, 4, b.sends(other))
		b.waitsFor(b.p, 128)
		b.frees(1)
		b.m.Millis.Add(ring.TurnMillis - 1)
		require.ErrorIs(t, other.Send(nil), ring.ErrFull)
		b.waitsFor(b.p, 128) // renewed
		b.m.Millis.Add(ring.TurnMillis - 1)
		require.ErrorIs(t, other.Send(nil), ring.ErrFull)
		b.m.Millis.Add(1) // its holder is dead, say
		require.NoError(t, other.Send(nil))
		b.waitsFor(other, 128)
		b.frees(1)
		require.ErrorIs(t, b.p.Send(nil), ring.ErrFull)
		require.False(t, b.p.DropTurn(), "it was another's by then")
	})
}

func TestTurnIsForNobodyInASingleProducerQueue(t *testing.T) {
	t.Parallel()
	b := newBench(t, geometry(false, true, 4), 0)
	require.False(t, asks(b.p))
	require.False(t, b.p.DropTurn())
	require.Zero(t, b.m.Hot(layout.HotTurn))
}

func TestTurnThatNoProducerAskedForCountsForNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, geometry(true, true, 4), 0)
	b.m.Millis.Store(1_000_000)
	now := b.m.Millis.Load()
	for _, w := range []layout.Turn{
		1, 0xfff, 1 << 16, math.MaxUint64,
		layout.TurnOf(2, now, 0), layout.TurnOf(2, 0, 0), // lapsed
		layout.TurnOf(2, now+ring.TurnMillis+1, 0), layout.TurnOf(2, now+1<<25-1, 0), // of another clock
		layout.TurnOf(-1, now+1, 0), layout.TurnOf(8, now+1, 0), layout.TurnOf(4000, now+1, 0), // no seat
	} {
		b.m.SetHot(layout.HotTurn, uint64(w))
		require.NoError(t, b.p.Send(nil), "turn word %#x", w)
		require.True(t, asks(b.p), "turn word %#x", w)
		require.True(t, b.p.DropTurn())
		b.frees(1)
	}
}

// A word that could be a holder's, at worst, stops no producer for longer than it lasts.
func TestTurnThatSomebodyScribbledLapses(t *testing.T) {
	eachConsumers(t, func(t *testing.T, mc bool) {
		b := newBench(t, geometry(true, mc, 4), 1000)
		rng := rand.New(rand.NewPCG(1, 2))
		for range 1000 {
			now := b.m.Millis.Load()
			b.m.SetHot(layout.HotTurn, uint64(layout.TurnOf(rng.IntN(8), now+rng.Uint64N(2*ring.TurnMillis), rng.Uint64())))
			b.m.Millis.Add(ring.TurnMillis)
			if err := b.p.Send(nil); err != nil { // it seemed to last longer
				b.m.Millis.Add(ring.TurnMillis)
				require.NoError(t, b.p.Send(nil))
			}
			b.frees(1)
		}
	})
}

// The large record gets its slots because small ones do not take each as it comes
// free.
func TestLargeRecordGetsThroughAmongSmallOnes(t *testing.T) {
	eachConsumers(t, func(t *testing.T, mc bool) {
		b := newBench(t, geometry(true, mc, 4), 0)
		small := b.producer(2)
		require.Equal(t, 4, b.sends(small))
		large := make([]byte, 128)
		b.waitsFor(b.p, 128)
		for sent := false; !sent; {
			b.frees(1)
			require.ErrorIs(t, small.Send(nil), ring.ErrFull)
			sent = b.p.Send(large) == nil
		}
		require.True(t, b.p.DropTurn())
	})
}

// A waiting large producer is served within the slots that it needs, however slow the
// consumers are, up to a limit; and small ones are never kept from free slots for long.
// The clock is that of the test.
func TestTurnIsFairToLargeAndSmall(t *testing.T) {
	eachConsumers(t, func(t *testing.T, mc bool) {
		for seed := range uint64(testproc.Rounds(200)) {
			if err := turnHistory(t, mc, seed); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
	})
}

func turnHistory(t *testing.T, mc bool, seed uint64) error {
	const slots, most = 16, 3200 // milliseconds
	rng := rand.New(rand.NewPCG(seed, 0))
	b := newBench(t, geometry(true, mc, slots), rng.Uint64N(slots))
	small := b.producer(2)
	b.sends(small)
	// How long each consumer keeps each record.
	slowest := []int{1, 10, 90, 300, 1500, 20_000}[rng.IntN(6)]
	consumers := []*ring.Consumer{b.c}
	if mc && rng.IntN(2) == 0 {
		consumers = append(consumers, b.r.NewConsumer(3))
	}
	leases, until := make([]ring.Lease, len(consumers)), make([]int, len(consumers))
	k := 2 + rng.IntN(slots/2-1)
	want := make([]byte, k*64)

	freed, asked, kept, awake := 0, 0, 0, 0
	step := min(1+slowest/50, 50)
	for ms, wait := 0, true; ms < 100*slowest+5000; ms += step {
		b.m.Millis.Store(uint64(ms))
		before := freed
		for i, c := range consumers {
			if leases[i].Data != nil && ms >= until[i] {
				c.Ack(&leases[i])
				freed++
			}
			if leases[i].Data == nil && c.TryLease(&leases[i]) == nil {
				until[i] = ms + rng.IntN(slowest+1)
			}
		}
		// It is awake at each heartbeat, and woken when something came free.
		if wait && (ms >= awake || freed > before) {
			awake = ms + 100
			if err := b.p.Send(want); err == nil {
				if n := freed - asked; n > 2*slots+len(consumers) && slowest < most/2 {
					return fmt.Errorf("%d slots sent after %d came free", k, n)
				}
				b.p.DropTurn()
				wait = false
			} else if has, _ := b.p.AskTurn(); !has {
				return fmt.Errorf("at %d ms it has not the turn", ms)
			}
		} else if !wait && rng.IntN(100) == 0 {
			wait, asked, awake = true, freed, ms
		}
		// Eager small ones: what they can't have, though it is free, is kept from them.
		for small.Send(nil) == nil {
		}
		if _, err := b.free(); err == nil && freed == before {
			if kept += step; kept > most+100+step {
				return fmt.Errorf("at %d ms a free slot was kept from small records for %d ms", ms, kept)
			}
		} else {
			kept = 0
		}
		if wait && freed-asked > 2*slots+len(consumers) && slowest < most/2 {
			return fmt.Errorf("at %d ms %d slots were not sent after %d came free, each after up to %d ms", ms, k, freed-asked, slowest)
		}
	}
	return nil
}

// free returns the position where the next record goes, if it is free.
func (b *bench) free() (uint64, error) {
	_, tail := b.r.Positions()
	w := b.m.Word(tail)
	if b.m.Geometry.ManyConsumers && w != layout.FreeWord(tail, b.m.Geometry.Shift()) || !b.m.Geometry.ManyConsumers && !b.r.HasRoom() {
		return 0, ring.ErrFull
	}
	return tail, nil
}
