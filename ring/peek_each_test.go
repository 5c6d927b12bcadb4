package ring_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/ring"
)

// A producer's Peek says what Send does next, and changes nothing that others can see, in all states
// that random sends, receptions and joins lead to.
func TestPeekOfAProducerOnlyLooks(t *testing.T) {
	t.Parallel()
	for _, keep := range []uint64{0, 5} {
		for _, skip := range []bool{false, true} {
			if skip && keep > 0 {
				continue
			}
			for _, many := range []bool{false, true} {
				t.Run(fmt.Sprintf("keep %d, skip %v, many %v", keep, skip, many), func(t *testing.T) {
					t.Parallel()
					m := ringtest.NewMappedRegion(t, each(many, skip, 8, keep), 1<<50-5)
					r := m.Ring()
					p, err := r.NewProducer(0)
					require.NoError(t, err)
					rnd := rand.New(rand.NewPCG(1, keep))
					readers := map[int]*ring.Consumer{}
					full, sent := 0, uint64(0)
					for range 5000 {
						switch entry := rnd.IntN(3); {
						case rnd.IntN(3) > 0:
							n := 8 + 60*rnd.IntN(4)
							before := slices.Clone(m.Bytes)
							ready := p.Peek(n)
							require.Equal(t, before, m.Bytes, "it only reads")
							err := p.Send(ringtest.Record(sent, n))
							require.Equal(t, ready, err == nil)
							if err == nil {
								sent++
								continue
							}
							require.ErrorIs(t, err, ring.ErrFull)
							full++
						case readers[entry] == nil:
							readers[entry] = subscribe(r, entry, ring.Joining{Oldest: rnd.IntN(2) == 0})
						case rnd.IntN(20) == 0:
							r.Subscription(entry).Clear()
							delete(readers, entry)
						default:
							if _, _, err := readers[entry].TryReceive(nil); err != ring.ErrEmpty && err != ring.ErrLagged {
								require.NoError(t, err)
							}
						}
					}
					require.Equal(t, skip, full == 0, "the ring was full %d times", full)
				})
			}
		}
	}
}

// A lossy reader loses nothing by a producer's look.
func TestPeekMakesNobodyLoseRecords(t *testing.T) {
	t.Parallel()
	m := ringtest.NewMappedRegion(t, each(false, true, 64, 0), 0)
	r := m.Ring()
	p, err := r.NewProducer(0)
	require.NoError(t, err)
	c := subscribe(r, 0, ring.Joining{})
	for id := range uint64(64) {
		require.NoError(t, p.Send(ringtest.Record(id, 8)))
	}
	require.True(t, p.Peek(8))
	require.Len(t, ids(t, c, 99), 64)
	require.Zero(t, c.Lost())
}
