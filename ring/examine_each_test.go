package ring_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// Whatever participants do, an examination finds nothing.
func TestExaminationOfSubscriptionsAtWork(t *testing.T) {
	t.Parallel()
	for _, skip := range []bool{false, true} {
		eachWay(t, 8, 0, skip, func(t *testing.T, _ *ringtest.Region, r *ring.Ring, p *ring.Producer) {
			rng := rand.New(rand.NewPCG(5, 6))
			for range 9 { // over what the region has without a record
				require.NoError(t, p.Send(ringtest.Record(1, 8)))
			}
			a := subscribe(r, 0, ring.Joining{})
			b := subscribe(r, 1, ring.Joining{Name: "b", Oldest: true})
			for range 500 {
				switch op := rng.IntN(8); {
				case op < 5:
					_ = p.Send(ringtest.Record(1, 8+rng.IntN(200)))
				case op == 5:
					_, _, _ = a.TryReceive(nil)
				case op == 6:
					_, _, _ = b.TryReceive(nil)
				default:
					if _, err := p.Reserve(1 + rng.IntN(200)); err == nil {
						require.NoError(t, inOrder(r))
						p.Abort()
					}
				}
				require.NoError(t, inOrder(r))
			}
		})
	}
}

func TestExaminationFindsWhatNobodyWritesInSubscriptions(t *testing.T) {
	t.Parallel()
	const at = 100
	cursor := func(state int, pos uint64) uint64 { return uint64(layout.MakeCursor(state, pos)) }
	for name, c := range map[string]struct {
		skip bool
		off  uint64 // in entry 1, of the durable subscription "b"
		size int
		v    uint64
		want string
	}{
		"state":           {false, layout.SubCursor, 8, cursor(3, at+1), "state 3"},
		"beyond tail":     {false, layout.SubCursor, 8, cursor(layout.CursorActive, at+50), "cursor 150"},
		"beyond, skip":    {true, layout.SubCursor, 8, cursor(layout.CursorActive, at+50), "cursor 150"},
		"a lap behind":    {false, layout.SubCursor, 8, cursor(layout.CursorActive, at-40), "cursor 60"},
		"handout":         {false, layout.SubHandout, 8, at + 50, "handout 150"},
		"durable":         {false, layout.SubDurable, 4, 2, "durable 2"},
		"long name":       {false, layout.SubNameLen, 4, layout.SubNameN + 1, "a name of 65 bytes"},
		"no name":         {false, layout.SubNameLen, 4, 0, "a name of 0 bytes"},
		"name of control": {false, layout.SubName, 1, 7, "a name of 1 bytes"},
		"name twice":      {false, layout.SubName, 1, 'c', `the name "c", which subscription 1 has too`},
		"seat":            {false, layout.SubSeat, 4, 8, "seat 8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := ringtest.NewRegion(each(true, c.skip, 8, 0), at)
			r := m.Ring()
			subscribe(r, 1, ring.Joining{Name: "b"})
			subscribe(r, 2, ring.Joining{Name: "c"})
			p, err := r.NewProducer(0)
			require.NoError(t, err)
			require.NoError(t, p.Send(ringtest.Record(1, 8)))
			require.NoError(t, inOrder(r))
			off := m.Geometry.SubscriptionOffset() + layout.SubscriptionSize + c.off
			var b [8]byte
			binary.LittleEndian.PutUint64(b[:], c.v)
			copy(m.Bytes[off:], b[:c.size])
			e := inspect.Examine(r, m.Geometry.TotalSize())
			require.Equal(t, []string{inspect.FaultSubscription}, kindsOf(e), "%+v", e)
			require.Contains(t, e.Faults[0].Found, c.want)
		})
	}
}

func TestExaminationJudgesGateAndIntent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		skip bool
		head uint64
		ok   bool
	}{
		{false, 101, true}, {false, 102, false}, {false, 93, true}, {false, 92, false},
		{true, 101, true}, {true, 100, false}, {true, 109, true}, {true, 101 + 8 + 5, false},
	} {
		t.Run(fmt.Sprintf("skip=%v/%d", c.skip, c.head), func(t *testing.T) {
			m := ringtest.NewRegion(each(false, c.skip, 8, 0), 100)
			r := m.Ring()
			p, err := r.NewProducer(0)
			require.NoError(t, err)
			require.NoError(t, p.Send(ringtest.Record(1, 8)))
			m.SetHot(layout.HotHead, c.head)
			if e := inspect.Examine(r, m.Geometry.TotalSize()); c.ok {
				require.Empty(t, e.Faults)
			} else {
				require.Equal(t, []string{inspect.FaultPositions}, kindsOf(e), "%+v", e)
			}
		})
	}
}
