package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Where a side is single, its successor finds by head, tail and handout where the
// dead one stopped.

func TestSuccessorGoesOnBehindARecordThatTailDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, mc := range []bool{false, true} {
		for start := range uint64(8) {
			for _, n := range []int{8, 100} {
				for _, consumed := range []string{"not", "leased", "acknowledged"} {
					b := newBench(t, geometry(false, mc, 8), start)
					b.send(8, 1)
					_, tail := b.r.Positions()
					b.send(n, 2) // after a filler, from start 6 on
					if n == 8 || start != 6 {
						b.m.SetHot(layout.HotTail, tail)
					}
					var l *ring.Lease
					if consumed != "not" {
						b.c.Ack(b.lease(b.c, 1, 0))
						l = b.lease(b.c, 2, 0)
					}
					if consumed == "acknowledged" {
						b.c.Ack(l)
					}
					b.p = b.producer(0)
					b.send(8, 3)
					switch consumed {
					case "not":
						b.drained(b.c, 1, 2, 3)
					case "leased":
						b.holds(l, 2)
						b.c.Ack(l)
						b.drained(b.c, 3)
					default:
						b.drained(b.c, 3)
					}
				}
			}
		}
	}
}

// A batch stores tail once, behind its last record: dead before that, it leaves up to half
// the ring that tail does not know.
func TestSuccessorGoesOnBehindABatchThatTailDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, mc := range []bool{false, true} {
		for start := range uint64(8) {
			for received := range 5 {
				b := newBench(t, geometry(false, mc, 8), start)
				n, err := b.p.SendBatch([][]byte{ringtest.Record(0, 8), ringtest.Record(1, 48), ringtest.Record(2, 30), ringtest.Record(3, 9), ringtest.Record(4, 8)})
				require.NoError(t, err)
				require.Equal(t, 5, n)
				b.m.SetWord(start+4, layout.FreeWord(start+4, 3)) // not published, of which tail is sure
				b.m.SetHot(layout.HotTail, start)
				for id := range received {
					buf, _, err := b.c.TryReceive(nil)
					require.NoError(t, err)
					got, err := ringtest.ReadRecord(buf)
					require.NoError(t, err)
					require.EqualValues(t, id, got)
				}
				require.NoError(t, inOrder(b.r))
				b.p = b.producer(0)
				b.send(8, 4, 5)
				b.drained(b.c, []uint64{0, 1, 2, 3, 4, 5}[received:]...)
			}
		}
	}
}

func TestSuccessorGoesOnBehindAFillerThatTailDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, mc := range []bool{false, true} {
		for _, passed := range []bool{false, true} {
			b := newBench(t, geometry(false, mc, 4), 3)
			b.m.SetWord(3, layout.SkipWord(3, 1, 2)) // the filler stands, tail says 3
			if passed {
				b.empty(b.c)
			}
			b.p = b.producer(0)
			b.send(100, 1)
			b.drained(b.c, 1)
		}
	}
}

func TestRecordThatADeadProducerDidNotPublishIsNotSeen(t *testing.T) {
	t.Parallel()
	for _, mc := range []bool{false, true} {
		b := newBench(t, geometry(false, mc, 4), 0)
		b.send(8, 1)
		buf, err := b.p.Reserve(100)
		require.NoError(t, err)
		ringtest.FillRecord(buf, 2, 0, 50)
		b.p = b.producer(0)
		b.c.Ack(b.lease(b.c, 1, 0))
		b.empty(b.c)
		b.send(100, 3)
		b.drained(b.c, 3)
	}
}

func TestSuccessorRefusesARingThatMakesNoSense(t *testing.T) {
	t.Parallel()
	b := newBench(t, geometry(false, false, 4), 0)
	b.m.SetWord(0, layout.FullWord(0, 0, 2))
	_, err := b.r.NewProducer(0)
	require.ErrorIs(t, err, ring.ErrDamaged)

	b = newBench(t, geometry(false, true, 4), 4)
	b.m.SetWord(4, layout.FullWord(8, 1, 2)) // of the next lap, at head
	_, err = b.r.NewProducer(0)
	require.ErrorIs(t, err, ring.ErrDamaged)
}

func TestSuccessorDeliversAgainWhatWasHandedOutAndOnlyThatFlagged(t *testing.T) {
	t.Parallel()
	for _, mp := range []bool{false, true} {
		for acked := range 4 {
			b := newBench(t, geometry(mp, false, 8), 6)
			b.send(8, 1)
			b.send(100, 2)
			b.send(8, 3, 4)
			for id := uint64(1); id <= 3; id++ {
				if l := b.lease(b.c, id, 0); int(id) <= acked {
					b.c.Ack(l)
				}
			}
			next := b.r.NewConsumer(1)
			for id := uint64(acked + 1); id <= 3; id++ {
				next.Ack(b.lease(next, id, 1))
			}
			next.Ack(b.lease(next, 4, 0))
			b.drained(next)
		}
	}
}

// The second consumer dies before it has handed out again all that the first had:
// the third still knows how far that was.
func TestRecordsStayFlaggedWhenASuccessorDiesEarly(t *testing.T) {
	t.Parallel()
	for _, mp := range []bool{false, true} {
		b := newBench(t, geometry(mp, false, 8), 0)
		b.send(8, 1, 2, 3, 4)
		for id := uint64(1); id <= 3; id++ {
			b.lease(b.c, id, 0)
		}
		second := b.r.NewConsumer(1)
		b.lease(second, 1, 1)
		third := b.r.NewConsumer(1)
		third.Ack(b.lease(third, 1, 2))
		third.Ack(b.lease(third, 2, 1))
		third.Ack(b.lease(third, 3, 1))
		third.Ack(b.lease(third, 4, 0))
		b.drained(third)
	}
}

func TestRecordAcknowledgedBehindAnOpenOneComesAgain(t *testing.T) {
	t.Parallel()
	for _, mp := range []bool{false, true} {
		b := newBench(t, geometry(mp, false, 8), 0)
		b.send(8, 1, 2, 3)
		b.lease(b.c, 1, 0)
		b.c.Ack(b.lease(b.c, 2, 0))
		next := b.r.NewConsumer(1)
		next.Ack(b.lease(next, 1, 1))
		next.Ack(b.lease(next, 2, 1))
		next.Ack(b.lease(next, 3, 0))
		b.drained(next)
	}
}
