package ring_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// When no participant is at work, the survey knows whether a record of one slot finds room.
func TestSurveyTellsWhatProducerFinds(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		rng := rand.New(rand.NewPCG(21, 22))
		fulls := 0
		for range 50 {
			r := ringtest.NewRegion(geometry(mp, mc, 8), rng.Uint64()>>rng.IntN(64)).Ring()
			p, err := r.NewProducer(0)
			require.NoError(t, err)
			c := r.NewConsumer(1)
			var held []ring.Lease
			for range 100 {
				var l ring.Lease
				switch op := rng.IntN(10); {
				case op < 3:
					_ = p.Send(make([]byte, rng.IntN(p.MaxRecord()+1))) // with fillers, where it finds no room too
				case op == 3:
					if _, err := p.Reserve(1 + rng.IntN(100)); err == nil {
						p.Abort()
					}
				case op < 8:
					if c.TryLease(&l) == nil {
						held = append(held, l)
					}
				case len(held) > 0:
					i := rng.IntN(len(held))
					c.Ack(&held[i])
					held = append(held[:i], held[i+1:]...)
				}
				said := inspect.NewSurvey(r).Full
				_, err := p.Reserve(1)
				require.Equal(t, err == ring.ErrFull, said, "%v", err)
				if said {
					fulls++
				} else {
					p.Abort()
				}
			}
		}
		require.Greater(t, fulls, 10, "the case occurs")
	})
}

func TestSurveyTellsWhatASeatHolds(t *testing.T) {
	m := ringtest.NewRegion(geometry(true, true, 16), 16)
	r := m.Ring()
	p, err := r.NewProducer(2)
	require.NoError(t, err)
	c := r.NewConsumer(1)
	for _, n := range []int{1, 200, 1, 1, 1} { // 200 bytes are several slots
		require.NoError(t, p.Send(make([]byte, n)))
	}
	long := uint64((200 + geometry(true, true, 16).AreaSize - 1) / geometry(true, true, 16).AreaSize)
	_, err = p.Reserve(1)
	require.NoError(t, err)
	ls := make([]ring.Lease, 4)
	n, err := c.TryLeaseBatch(ls)
	require.NoError(t, err)
	require.Equal(t, 4, n)
	var last ring.Lease
	require.NoError(t, c.TryLease(&last))

	s := inspect.NewSurvey(r)
	require.Equal(t, inspect.Holding{Takes: 2, Records: 5, Slots: long + 4, First: 16}, s.Seats[1])
	require.Equal(t, inspect.Holding{Claims: 1, Slots: 1, First: 16 + long + 4}, s.Seats[2])
	require.Zero(t, s.Seats[0])
	// Words that a stranger wrote inside a record are no record, but of the same lap.
	free := m.Word(18)
	m.SetWord(18, layout.FullWord(2, 1, 4))
	require.Equal(t, 5, inspect.NewSurvey(r).Seats[1].Records)
	m.SetWord(18, free)
	c.Ack(&ls[0])
	c.Ack(&ls[2])
	require.Equal(t, inspect.Holding{Takes: 2, Records: 3, Slots: long + 4, First: 16}, inspect.NewSurvey(r).Seats[1])
	c.Ack(&ls[1])
	c.Ack(&ls[3])
	require.Equal(t, inspect.Holding{Takes: 1, Records: 1, Slots: 1, First: 16 + long + 3}, inspect.NewSurvey(r).Seats[1])
	c.Ack(&last)
	require.Zero(t, inspect.NewSurvey(r).Seats[1])
}

func TestSurveyTellsWhatTheSingleConsumerWasHanded(t *testing.T) {
	r := ringtest.NewRegion(geometry(false, false, 16), 16).Ring()
	p, err := r.NewProducer(0)
	require.NoError(t, err)
	c := r.NewConsumer(1)
	for range 5 {
		require.NoError(t, p.Send(make([]byte, 1)))
	}
	require.Zero(t, inspect.NewSurvey(r).Handed)
	ls := make([]ring.Lease, 3)
	_, err = c.TryLeaseBatch(ls)
	require.NoError(t, err)
	require.Equal(t, inspect.Holding{Records: 3, Slots: 3, First: 16}, inspect.NewSurvey(r).Handed)
	require.True(t, c.Holds())
	c.Ack(&ls[1]) // nothing tells from outside
	require.Equal(t, inspect.Holding{Records: 3, Slots: 3, First: 16}, inspect.NewSurvey(r).Handed)
	c.Ack(&ls[0])
	require.Equal(t, inspect.Holding{Records: 1, Slots: 1, First: 18}, inspect.NewSurvey(r).Handed)
	c.Ack(&ls[2])
	require.Zero(t, inspect.NewSurvey(r).Handed)
	require.False(t, c.Holds())
}

// Every record is counted once, whatever became of it: those that are waiting, in the hands
// of consumers, given back, and what is being written is none.
func TestSurveyCountsRecordsAndNotTakes(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		rng := rand.New(rand.NewPCG(5, 6))
		most := 0
		for round := range 40 {
			g := geometry(mp, mc, 64)
			g.Timestamps = round%2 == 0
			r := ringtest.NewRegion(g, rng.Uint64()>>rng.IntN(64)).Ring()
			now := uint64(0)
			r.SetNow(func() uint64 { now++; return now })
			p, err := r.NewProducer(0)
			require.NoError(t, err)
			c := r.NewConsumer(1)
			sent, acked := 0, 0
			var held []ring.Lease
			for range 200 {
				switch rng.IntN(8) {
				case 0, 1:
					if p.Send(make([]byte, rng.IntN(300))) == nil {
						sent++
					}
				case 2:
					n, _ := p.SendBatch([][]byte{make([]byte, 8), make([]byte, 100), make([]byte, 40)})
					sent += n
				case 3:
					if _, err := p.Reserve(rng.IntN(200)); err == nil {
						if s := inspect.NewSurvey(r); mp {
							require.Equal(t, 1, s.Claimed)
						}
						p.Abort()
					}
				case 4, 5:
					ls := make([]ring.Lease, 1+rng.IntN(4))
					n, _ := c.TryLeaseBatch(ls)
					held = append(held, ls[:n]...)
				default:
					if len(held) == 0 {
						continue
					}
					i := rng.IntN(len(held))
					if !mc {
						i = 0 // of a later one nothing tells that it is acknowledged
					}
					if mc && rng.IntN(3) == 0 {
						c.Release(&held[i])
					} else {
						c.Ack(&held[i])
						acked++
					}
					held = append(held[:i], held[i+1:]...)
				}
				s := inspect.NewSurvey(r)
				require.Equal(t, sent-acked, s.Records+s.Leased+s.Orphans+s.Handed.Records)
				if !mc {
					require.Equal(t, len(held), s.Handed.Records)
				}
				most = max(most, s.Leased+s.Handed.Records)
			}
			for i := range held {
				c.Ack(&held[i])
				acked++
			}
			r.Sweep(1)
			s := inspect.NewSurvey(r)
			require.Equal(t, sent-acked, s.Records+s.Orphans)
			c = r.NewConsumer(2)
			for {
				var l ring.Lease
				if c.TryLease(&l) != nil {
					break
				}
				c.Ack(&l)
				acked++
			}
			require.Equal(t, sent, acked)
			s = inspect.NewSurvey(r)
			require.Zero(t, s.Records+s.Leased+s.Orphans+s.Handed.Records)
			require.Zero(t, s.Oldest)
		}
		require.Greater(t, most, 4)
	})
}

func TestSurveyTellsWhenTheOldestWasSent(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		g := geometry(mp, mc, 32)
		g.Timestamps = true
		b := newBench(t, g, 30)
		now := uint64(100)
		b.r.SetNow(func() uint64 { now++; return now })
		require.Zero(t, inspect.NewSurvey(b.r).Oldest)
		b.send(200, 1, 2, 3, 4, 5) // 101 and so on
		require.EqualValues(t, 101, inspect.NewSurvey(b.r).Oldest)
		ls := make([]ring.Lease, 2)
		_, err := b.c.TryLeaseBatch(ls)
		require.NoError(t, err)
		s := inspect.NewSurvey(b.r)
		require.EqualValues(t, 103, s.Oldest)
		held := &s.Handed
		if mc {
			held = &s.Seats[1]
		}
		require.EqualValues(t, 101, held.Oldest())
		if mc {
			b.c.Ack(&ls[0])
			b.c.Release(&ls[1])
			require.EqualValues(t, 102, inspect.NewSurvey(b.r).Oldest, "to be delivered again")
		}
	})
}
