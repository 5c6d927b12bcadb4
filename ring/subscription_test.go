package ring_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// each returns a geometry of which each consumer gets every record.
func each(many, skip bool, slots, keep uint64) layout.Geometry {
	g := geometry(many, false, slots)
	g.Each, g.Skip, g.Subscriptions, g.Keep = true, skip, 6, keep
	return g
}

// subscribe joins entry i.
func subscribe(r *ring.Ring, i int, j ring.Joining) *ring.Consumer {
	j.Seat = 2 + i
	r.Subscription(i).Join(j)
	return r.NewSubscriber(2+i, i)
}

// ids receives n records, or as many as there are.
func ids(t testing.TB, c *ring.Consumer, n int) (got []uint64) {
	t.Helper()
	for len(got) < n {
		b, _, err := c.TryReceive(nil)
		if err == ring.ErrEmpty {
			break
		}
		require.NoError(t, err)
		id, err := ringtest.ReadRecord(b)
		require.NoError(t, err)
		got = append(got, id)
	}
	return got
}

// firstPositions are first positions: the beginning, a later lap, and where positions wrap around in a
// cursor's 62 bits and in all 64.
var firstPositions = []uint64{0, 8, 1<<62 - 3, 1<<63 - 2, ^uint64(0) - 4}

// eachWay runs f for waiting queues of one producer and of many, from all firstPositions.
func eachWay(t *testing.T, slots, keep uint64, skip bool, f func(t *testing.T, m *ringtest.Region, r *ring.Ring, p *ring.Producer)) {
	t.Helper()
	for _, many := range []bool{false, true} {
		for _, start := range firstPositions {
			t.Run(fmt.Sprintf("many %v, from %#x", many, start), func(t *testing.T) {
				t.Parallel()
				m := ringtest.NewMappedRegion(t, each(many, skip, slots, keep), start)
				r := m.Ring()
				p, err := r.NewProducer(0)
				require.NoError(t, err)
				f(t, m, r, p)
			})
		}
	}
}

func TestEachSubscriptionGetsEveryRecord(t *testing.T) {
	t.Parallel()
	eachWay(t, 8, 0, false, func(t *testing.T, _ *ringtest.Region, r *ring.Ring, p *ring.Producer) {
		send := func(n int, id uint64) error { return p.Send(ringtest.Record(id, n)) }
		for id := range uint64(20) {
			require.NoError(t, send(8, id), "nobody is subscribed")
		}
		a, b := subscribe(r, 0, ring.Joining{}), subscribe(r, 3, ring.Joining{})
		sent, seenA, seenB := uint64(20), []uint64(nil), []uint64(nil)
		for round := range 50 {
			for size := range 4 {
				for send(8+60*size, sent) == nil {
					sent++
				}
			}
			require.ErrorIs(t, send(8, sent), ring.ErrFull)
			seenA = append(seenA, ids(t, a, 99)...)
			require.ErrorIs(t, send(8, sent), ring.ErrFull, "b has received nothing of it")
			if round%2 == 0 {
				seenB = append(seenB, ids(t, b, 2)...)
			} else {
				seenB = append(seenB, ids(t, b, 99)...)
			}
		}
		seenA, seenB = append(seenA, ids(t, a, 99)...), append(seenB, ids(t, b, 99)...)
		require.Equal(t, seenA, seenB)
		require.Len(t, seenA, int(sent-20))
		for i, id := range seenA {
			require.Equal(t, uint64(20+i), id)
		}
		require.Greater(t, sent, uint64(100))
	})
}

func TestLeavingMakesRoom(t *testing.T) {
	t.Parallel()
	eachWay(t, 8, 0, false, func(t *testing.T, _ *ringtest.Region, r *ring.Ring, p *ring.Producer) {
		subscribe(r, 5, ring.Joining{})
		for range 8 {
			require.NoError(t, p.Send(ringtest.Record(1, 8)))
		}
		require.ErrorIs(t, p.Send(ringtest.Record(1, 8)), ring.ErrFull)
		entry, lag := r.Slowest()
		require.Equal(t, []uint64{5, 8}, []uint64{uint64(entry), lag})
		r.Subscription(5).Clear()
		require.NoError(t, p.Send(ringtest.Record(1, 8)))
		entry, _ = r.Slowest()
		require.Equal(t, -1, entry)
	})
}

// A subscription that begins at the oldest record finds what is kept, and from there all.
func TestJoinOldest(t *testing.T) {
	t.Parallel()
	for _, size := range []int{8, 100} {
		k := uint64(1)
		if size > 64 {
			k = 2
		}
		eachWay(t, 16, 12, false, func(t *testing.T, _ *ringtest.Region, r *ring.Ring, p *ring.Producer) {
			sent := uint64(0)
			for range 40 {
				require.NoError(t, p.Send(ringtest.Record(sent, size)))
				sent++
				c := subscribe(r, 0, ring.Joining{Oldest: true})
				got := ids(t, c, 99)
				require.GreaterOrEqual(t, len(got), int(min(sent, (12-2*k)/k)))
				for i, id := range got {
					require.Equal(t, sent-uint64(len(got)-i), id)
				}
				r.Subscription(0).Clear()
			}
		})
	}
}

// What is kept leaves a producer room for a part of a lap, so that it does not look at all cursors for
// each record.
func TestKeepingAllDoesNotScanForEachRecord(t *testing.T) {
	t.Parallel()
	eachWay(t, 64, 64, false, func(t *testing.T, m *ringtest.Region, r *ring.Ring, p *ring.Producer) {
		scans, gate := 0, m.Hot(layout.HotHead)
		for id := range uint64(640) {
			require.NoError(t, p.Send(ringtest.Record(id, 8)))
			if now := m.Hot(layout.HotHead); now != gate {
				scans, gate = scans+1, now
			}
		}
		require.LessOrEqual(t, scans, 160)
		require.GreaterOrEqual(t, len(ids(t, subscribe(r, 0, ring.Joining{Oldest: true}), 64)), 59)
	})
}

func TestLeasesOfASubscription(t *testing.T) {
	t.Parallel()
	for _, skip := range []bool{false, true} {
		eachWay(t, 8, 0, skip, func(t *testing.T, m *ringtest.Region, r *ring.Ring, p *ring.Producer) {
			c := subscribe(r, 0, ring.Joining{Name: "audit", Since: 7})
			s := r.Subscription(0)
			require.True(t, s.Kept())
			require.Equal(t, "audit", s.Name())
			require.Equal(t, int64(7), s.Since())
			for id := range uint64(4) {
				require.NoError(t, p.Send(ringtest.Record(id, 8)))
			}
			before := append([]byte(nil), m.Bytes[m.Geometry.SlotOffset():]...)
			ls := make([]ring.Lease, 3)
			n, err := c.TryLeaseBatch(ls)
			require.NoError(t, err)
			require.Equal(t, 3, n)
			require.True(t, c.Ack(&ls[1]))
			require.Equal(t, s.Start(), s.Position(), "the first is open")
			c.Release(&ls[0])
			var l ring.Lease
			require.NoError(t, c.TryLease(&l))
			require.Equal(t, 1, l.Redelivered)
			require.Equal(t, ringtest.Record(0, 8), l.Data)
			require.True(t, c.Ack(&l))
			require.Equal(t, s.Start()+2, s.Position())

			// It dies; whoever takes it over begins where it was acknowledged.
			s.TakeOver(7)
			c = r.NewSubscriber(7, 0)
			for id := uint64(2); id < 4; id++ {
				require.NoError(t, c.TryLease(&l))
				require.Equal(t, ringtest.Record(id, 8), l.Data)
				require.Equal(t, id == 2, l.Redelivered > 0, "record %d", id)
				require.True(t, c.Ack(&l))
			}
			require.Equal(t, before, m.Bytes[m.Geometry.SlotOffset():], "a subscription writes no slots")
		})
	}
}

// An entry that is used again says nothing of its last subscription.
func TestEntryIsUsedAgain(t *testing.T) {
	t.Parallel()
	m := ringtest.NewRegion(each(false, false, 8, 0), 0)
	r := m.Ring()
	p, err := r.NewProducer(0)
	require.NoError(t, err)
	c := subscribe(r, 0, ring.Joining{Name: "old"})
	require.NoError(t, p.Send([]byte("x")))
	require.NoError(t, c.TryLease(new(ring.Lease)))
	r.Subscription(0).Clear()
	subscribe(r, 0, ring.Joining{})
	require.False(t, r.Subscription(0).Kept())
	require.Equal(t, r.Subscription(0).Start(), r.Subscription(0).Handout())
}

// Somebody claims and is stopped; a subscription begins behind the claim; the others go round.
func TestNobodyGoesOverAClaim(t *testing.T) {
	t.Parallel()
	for _, skip := range []bool{false, true} {
		for _, size := range []int{8, 100} {
			m := ringtest.NewRegion(each(true, skip, 8, 0), 3)
			r := m.Ring()
			a, err := r.NewProducer(0)
			require.NoError(t, err)
			b, err := r.NewProducer(1)
			require.NoError(t, err)
			mem, err := a.Reserve(8)
			require.NoError(t, err)
			c := subscribe(r, 0, ring.Joining{})
			sent := 0
			for ; sent < 20; sent++ {
				if err := b.Send(ringtest.Record(uint64(sent), size)); err != nil {
					require.ErrorIs(t, err, ring.ErrFull)
					break
				}
				require.Len(t, ids(t, c, 9), 1)
			}
			require.Less(t, sent, 8)
			copy(mem, ringtest.Record(99, 8))
			require.NoError(t, a.Commit(8))
			require.NoError(t, b.Send(ringtest.Record(7, size)))
			require.Equal(t, []uint64{7}, ids(t, c, 9))
		}
	}
}

// Lost and received positions are all positions, whatever happens.
func TestSkippingCountsWhatItLost(t *testing.T) {
	t.Parallel()
	eachWay(t, 16, 0, true, func(t *testing.T, m *ringtest.Region, r *ring.Ring, p *ring.Producer) {
		rng := rand.New(rand.NewPCG(1, m.Hot(layout.HotTail)))
		c := subscribe(r, 0, ring.Joining{})
		at, lost, sent, jumps := r.Subscription(0).Start(), uint64(0), uint64(0), 0
		last := -1
		room := make([]byte, 0, layout.InlineSize) // for the short way; without it, the long one
		for round := range 2000 {
			for range rng.IntN(12) {
				require.NoError(t, p.Send(ringtest.Record(sent, 8+rng.IntN(200))))
				sent++
			}
			for range rng.IntN(14) {
				b, _, err := c.TryReceive(room[: 0 : round%2*cap(room)])
				if err == ring.ErrEmpty {
					break
				}
				if err == ring.ErrLagged {
					l := c.Lagged()
					require.GreaterOrEqual(t, int64(l.From-at), int64(0))
					require.Positive(t, int64(l.To-l.From))
					lost += l.To - l.From
					at = l.To
					jumps++
					continue
				}
				require.NoError(t, err)
				id, err := ringtest.ReadRecord(b)
				require.NoError(t, err)
				require.Greater(t, int(id), last)
				last = int(id)
				at = r.Subscription(0).Position()
			}
		}
		require.Equal(t, lost, c.Lost())
		require.Greater(t, jumps, 50)
		ids(t, c, 1)
		require.Greater(t, last, int(sent)/2)
	})
}

// A record that a producer may have begun to write over does not count, though it is whole still: a
// single producer announces what it writes a sixteenth of a lap ahead. So it is the short way and the
// long one, and a batch.
func TestAnnouncedRecordsAreLost(t *testing.T) {
	t.Parallel()
	const slots = 64
	for _, start := range firstPositions {
		for way := range 3 {
			m := ringtest.NewMappedRegion(t, each(false, true, slots, 0), start)
			r := m.Ring()
			p, err := r.NewProducer(0)
			require.NoError(t, err)
			c := subscribe(r, 0, ring.Joining{})
			require.NoError(t, p.Send(ringtest.Record(0, 8)))
			require.Equal(t, []uint64{0}, ids(t, c, 1))
			for id := uint64(1); id <= slots; id++ { // the last one goes over record 0 alone
				require.NoError(t, p.Send(ringtest.Record(id, 8)))
			}
			switch way {
			case 0:
				_, _, err = c.TryReceive(make([]byte, 0, layout.InlineSize))
			case 1:
				_, _, err = c.TryReceive(nil)
			case 2:
				_, _, err = c.TryReceiveBatch([][]byte{make([]byte, 0, layout.InlineSize)})
			}
			require.ErrorIs(t, err, ring.ErrLagged, "start %#x, way %d", start, way)
			require.Equal(t, start+1, c.Lagged().From)
		}
	}
}

// Who wakes producers: one that sees a quarter of the ring free, and one at rest, unless the slowest
// has more to receive and so comes later.
func TestWhoWakesForRoomOfSubscriptions(t *testing.T) {
	t.Parallel()
	eachWay(t, 8, 0, false, func(t *testing.T, _ *ringtest.Region, r *ring.Ring, p *ring.Producer) {
		a, b := subscribe(r, 0, ring.Joining{}), subscribe(r, 3, ring.Joining{})
		room := func(worth, rest bool) {
			t.Helper()
			require.Equal(t, worth, r.Roomy())
			require.Equal(t, rest, r.RoomAtRest())
		}
		for range 3 { // the slowest one changes
			room(true, true)
			for id := uint64(0); p.Send(ringtest.Record(id, 8)) == nil; id++ {
			}
			room(false, false)
			ids(t, a, 8)
			room(false, false)
			ids(t, b, 1)
			room(false, false)
			ls := make([]ring.Lease, 8)
			n, err := b.TryLeaseBatch(ls)
			require.NoError(t, err)
			require.Equal(t, 7, n)
			room(false, true) // it holds the rest, and may sleep
			b.AckBatch(ls[:1])
			room(true, true)
			b.AckBatch(ls[1:n])
			a, b = b, a
		}
	})
}

// Producers and subscriptions that come and go, all at once: contents are whole and in order,
// and of a queue that waits nothing is missing.
func TestSubscriptionsLive(t *testing.T) {
	t.Parallel()
	records := uint64(200_000)
	if testing.Short() || testproc.Race {
		records /= 10
	}
	for _, skip := range []bool{false, true} {
		for _, producers := range []int{1, 2} {
			t.Run(fmt.Sprintf("skip %v, %d producers", skip, producers), func(t *testing.T) {
				t.Parallel()
				g := each(producers > 1, skip, 64, 24)
				if skip {
					g.Keep = 0
				}
				m := ringtest.NewMappedRegion(t, g, 1<<62-1024)
				r := m.Ring()
				var senders, readers sync.WaitGroup
				var over atomic.Bool
				for i := range producers {
					p, err := r.NewProducer(i)
					require.NoError(t, err)
					for n := range uint64(80) { // the region begins with records that say nothing
						require.NoError(t, p.Send(ringtest.Record(n<<8|uint64(2+i), 8)))
					}
					senders.Go(func() {
						for n := range records {
							for p.Send(ringtest.Record(n<<8|uint64(i), 8+int(n%3)*70)) != nil {
								runtime.Gosched()
							}
						}
					})
				}
				var received, lagged atomic.Int64
				for i := range 3 {
					readers.Go(func() {
						for round := 0; !over.Load(); round++ {
							c := subscribe(r, i, ring.Joining{Oldest: round%2 == 0})
							var next [4]uint64
							var seen [4]bool
							stay := i == 0
							for n := 0; !over.Load() && (stay || n < 5000); {
								b, _, err := c.TryReceive(nil)
								switch err {
								case ring.ErrEmpty:
									runtime.Gosched()
									continue
								case ring.ErrLagged:
									seen = [4]bool{}
									lagged.Add(1)
									continue
								case nil:
								default:
									t.Errorf("receive: %v", err)
									return
								}
								id, err := ringtest.ReadRecord(b)
								if err != nil {
									t.Error(err)
									return
								}
								from, number := id&0xff, id>>8
								if seen[from] && number != next[from] {
									t.Errorf("got record %d of producer %d, want %d", number, from, next[from])
									return
								}
								seen[from], next[from] = true, number+1
								n++
								received.Add(1)
							}
							r.Subscription(i).Clear()
						}
					})
				}
				senders.Wait()
				over.Store(true)
				readers.Wait()
				require.Positive(t, received.Load())
				t.Logf("%d received, %d jumps", received.Load(), lagged.Load())
			})
		}
	}
}

// A producer dies with a reservation of two slots, and its successor writes one: what the dead one
// tore in the other is not received.
func TestIntentOfADeadProducer(t *testing.T) {
	t.Parallel()
	m := ringtest.NewRegion(each(false, true, 8, 0), 0)
	r := m.Ring()
	p, err := r.NewProducer(0)
	require.NoError(t, err)
	c := subscribe(r, 0, ring.Joining{})
	for id := range uint64(8) {
		require.NoError(t, p.Send(ringtest.Record(id, 64)))
	}
	require.Equal(t, []uint64{0}, ids(t, c, 1))
	mem, err := p.Reserve(128)
	require.NoError(t, err)
	for i := range mem {
		mem[i] = 0xff
	}
	p, err = r.NewProducer(0)
	require.NoError(t, err)
	require.NoError(t, p.Send(ringtest.Record(8, 64)))
	_, _, err = c.TryReceive(nil)
	require.ErrorIs(t, err, ring.ErrLagged)
	require.Equal(t, ring.Lagged{From: 1, To: 4}, c.Lagged())
	require.Equal(t, []uint64{4, 5, 6, 7, 8}, ids(t, c, 9))
}

// A scribbled intent, more than a lap ahead, does not make all that follows count as overwritten for
// ever: the producer's next one replaces it.
func TestScribbledIntentIsReplaced(t *testing.T) {
	t.Parallel()
	m := ringtest.NewRegion(each(false, true, 16, 0), 0)
	r := m.Ring()
	m.SetHot(layout.HotHead, 1<<40)
	p, err := r.NewProducer(0)
	require.NoError(t, err)
	sendIDs(t, p, 0, 1)
	require.LessOrEqual(t, m.Hot(layout.HotHead), uint64(16))
	c := subscribe(r, 0, ring.Joining{})
	sendIDs(t, p, 1, 3)
	require.Equal(t, []uint64{1, 2}, ids(t, c, 3))
}
