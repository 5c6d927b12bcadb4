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
