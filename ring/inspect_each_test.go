package ring_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// viewed are the records that a viewer shows from where it stands.
func viewed(t testing.TB, v *inspect.Viewer) (got []uint64) {
	t.Helper()
	for rec := (inspect.Record{}); ; {
		err := v.Next(&rec)
		if err == ring.ErrEmpty {
			return got
		}
		require.NoError(t, err)
		require.Equal(t, inspect.Waiting, rec.State)
		id, err := ringtest.ReadRecord(rec.Data)
		require.NoError(t, err)
		got = append(got, id)
	}
}

// upTo are the ids from a to b.
func upTo(a, b uint64) (ids []uint64) {
	for ; a <= b; a++ {
		ids = append(ids, a)
	}
	return ids
}

func TestSurveyCountsFromTheSlowestSubscription(t *testing.T) {
	t.Parallel()
	eachWay(t, 8, 0, false, func(t *testing.T, _ *ringtest.Region, r *ring.Ring, p *ring.Producer) {
		waiting := func() int {
			s := inspect.NewSurvey(r)
			require.Zero(t, s.Handed, "the ring's handout is nobody's")
			require.Equal(t, s.Full, inspect.Glance(r).Full)
			return s.Records
		}
		for id := range uint64(13) {
			require.NoError(t, p.Send(ringtest.Record(id, 8)))
		}
		require.Zero(t, waiting(), "nobody is subscribed")
		require.False(t, inspect.Glance(r).Full)
		fast, slow := subscribe(r, 0, ring.Joining{}), subscribe(r, 1, ring.Joining{})
		for id := range uint64(8) {
			require.NoError(t, p.Send(ringtest.Record(id, 8)))
			require.Equal(t, int(id+1), waiting())
		}
		ids(t, fast, 99)
		require.Equal(t, 8, waiting())
		require.True(t, inspect.Glance(r).Full)
		ids(t, slow, 3)
		require.Equal(t, 5, waiting())
		require.False(t, inspect.Glance(r).Full)
		ids(t, slow, 9)
		require.Zero(t, waiting())
	})
}

// Full says what a producer that wants a slot finds, where it waits for a claim as well.
func TestFullWhereEachGetsEveryRecord(t *testing.T) {
	t.Parallel()
	for _, skip := range []bool{false, true} {
		m := ringtest.NewRegion(each(true, skip, 8, 0), 0)
		r := m.Ring()
		p, err := r.NewProducer(0)
		require.NoError(t, err)
		stopped, err := r.NewProducer(1)
		require.NoError(t, err)
		_, err = stopped.Reserve(8)
		require.NoError(t, err)
		sent := 0
		for p.Send(ringtest.Record(1, 8)) == nil {
			sent++
			require.Less(t, sent, 9)
		}
		require.Equal(t, 7, sent)
		require.True(t, inspect.Glance(r).Full)
		require.NoError(t, stopped.Commit(8))
		require.False(t, inspect.Glance(r).Full)
	}
}

// A viewer begins at a record that is whole, wherever the gate lies in another, and its copies
// are of whole records; what it missed it counts.
func TestViewerBeginsAtWhatIsWhole(t *testing.T) {
	t.Parallel()
	for _, skip := range []bool{false, true} {
		keep := uint64(6)
		if skip {
			keep = 0
		}
		eachWay(t, 8, keep, skip, func(t *testing.T, m *ringtest.Region, r *ring.Ring, p *ring.Producer) {
			rng := rand.New(rand.NewPCG(3, 4))
			for range 9 { // over what the region has without a record
				require.NoError(t, p.Send(ringtest.Record(1<<20, 8)))
			}
			v := inspect.NewViewer(r)
			viewed(t, v)
			next, inMiddle := uint64(0), 0
			for id := range uint64(200) {
				require.NoError(t, p.Send(ringtest.Record(id, 8+rng.IntN(150))))
				before := slices.Clone(m.Bytes)
				fresh := inspect.NewViewer(r)
				if fresh.Pos() != m.Hot(layout.HotHead) {
					inMiddle++
				}
				got := slices.DeleteFunc(viewed(t, fresh), func(id uint64) bool { return id == 1<<20 })
				require.NotEmpty(t, got)
				require.Equal(t, upTo(id+1-uint64(len(got)), id), got)
				require.Zero(t, fresh.Missed())
				require.Equal(t, before, m.Bytes, "it takes nothing")
				if rng.IntN(5) > 0 {
					continue
				}
				missed := v.Missed()
				got = viewed(t, v)
				require.Equal(t, upTo(id+1-uint64(len(got)), id), got)
				if first := id + 1 - uint64(len(got)); first > next {
					require.GreaterOrEqual(t, v.Missed()-missed, first-next, "each has a slot at least")
				} else {
					require.Equal(t, next, first)
				}
				next = id + 1
			}
			require.Greater(t, inMiddle, 20, "the case occurs")
			require.Positive(t, v.Missed())
		})
	}
}

// A viewer that seeks into a record goes on at the next one.
func TestViewerSoughtInsideARecord(t *testing.T) {
	t.Parallel()
	eachWay(t, 8, 0, false, func(t *testing.T, _ *ringtest.Region, r *ring.Ring, p *ring.Producer) {
		_, tail := r.Positions()
		require.NoError(t, p.Send(ringtest.Record(1, 8)))
		require.NoError(t, p.Send(ringtest.Record(2, 100)))
		_, next := r.Positions()
		require.NoError(t, p.Send(ringtest.Record(3, 8)))
		v := inspect.NewViewer(r)
		require.Equal(t, tail, v.Pos())
		v.Seek(next - 1)
		require.Equal(t, []uint64{3}, viewed(t, v))
	})
}
