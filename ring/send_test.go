package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

func TestReservationIsSentAsFarAsCommitted(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 8), 0)
		for _, n := range []int{0, 1, 48, 49, 64, 65, 256} {
			for _, commit := range []int{0, n / 2, n} {
				buf, err := b.p.Reserve(n)
				require.NoError(t, err)
				require.Len(t, buf, n)
				require.True(t, b.m.Holds(buf))
				for i := range buf {
					buf[i] = byte(i + n)
				}
				b.empty(b.c)
				require.NoError(t, b.p.Commit(commit))
				var l ring.Lease
				require.NoError(t, b.c.TryLease(&l))
				require.Len(t, l.Data, commit)
				for i := range l.Data {
					require.Equal(t, byte(i+n), l.Data[i])
				}
				b.c.Ack(&l)
			}
		}
		b.drained(b.c)
	})
}

func TestOnlyOneReservationIsOpenAtATime(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 8), 0)
		require.ErrorIs(t, b.p.Commit(0), ring.ErrNotReserved)
		buf, err := b.p.Reserve(10)
		require.NoError(t, err)
		_, err = b.p.Reserve(10)
		require.ErrorIs(t, err, ring.ErrReserved)
		require.ErrorIs(t, b.p.Send([]byte("x")), ring.ErrReserved)
		_, err = b.p.SendBatch([][]byte{{1}})
		require.ErrorIs(t, err, ring.ErrReserved)
		ringtest.FillRecord(buf, 7, 0, 10)
		require.ErrorIs(t, b.p.Commit(11), ring.ErrNotReserved)
		require.ErrorIs(t, b.p.Commit(-1), ring.ErrNotReserved)
		require.NoError(t, b.p.Commit(10), "the refused ones left it open")
		require.ErrorIs(t, b.p.Commit(10), ring.ErrNotReserved)
		b.drained(b.c, 7)
	})
}

func TestAbortedReservationIsNeverSeen(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 8), 0)
		b.p.Abort() // without a reservation: nothing
		for id := uint64(1); id < 40; id++ {
			buf, err := b.p.Reserve(int(id*8) % b.p.MaxRecord())
			require.NoError(t, err)
			clear(buf)
			b.p.Abort()
			require.ErrorIs(t, b.p.Commit(0), ring.ErrNotReserved)
			b.p.Abort()
			b.send(8, id)
			b.c.Ack(b.lease(b.c, id, 0))
		}
		b.drained(b.c)
	})
}

// No consumer is there: the producer itself has to pass head over what it aborts.
func TestAbortsDoNotFillARingWithoutConsumers(t *testing.T) {
	t.Parallel()
	for _, mp := range []bool{false, true} {
		b := newBench(t, geometry(mp, true, 8), 0)
		for range 100 {
			_, err := b.p.Reserve(100)
			require.NoError(t, err)
			b.p.Abort()
		}
		b.drained(b.c)
	}
}

func TestRecordsThatCanNeverFitAreRefused(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 8), 0)
		most := b.p.MaxRecord()
		require.Equal(t, 256, most)
		require.ErrorIs(t, b.p.Send(make([]byte, most+1)), ring.ErrTooLarge)
		_, err := b.p.Reserve(most + 1)
		require.ErrorIs(t, err, ring.ErrTooLarge)
		_, err = b.p.Reserve(-1)
		require.ErrorIs(t, err, ring.ErrTooLarge)
		n, err := b.p.SendBatch([][]byte{make([]byte, most+1)})
		require.ErrorIs(t, err, ring.ErrTooLarge)
		require.Zero(t, n)
		n, err = b.p.SendBatch([][]byte{ringtest.Record(1, 8), make([]byte, most+1), ringtest.Record(2, 8)})
		require.NoError(t, err)
		require.Equal(t, 1, n, "those before the large one are sent")
		b.send(most, 2)
		b.drained(b.c, 1, 2)
	})
}

func TestEmptyRecordIsARecord(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 4), 0)
		var l ring.Lease
		for range 10 {
			require.NoError(t, b.p.Send(nil))
			require.NoError(t, b.c.TryLease(&l))
			require.NotNil(t, l.Data)
			require.Empty(t, l.Data)
			b.c.Ack(&l)
		}
		b.drained(b.c)
	})
}

func TestBatchSendsWhatFits(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 8), 0)
		n, err := b.p.SendBatch(nil)
		require.NoError(t, err)
		require.Zero(t, n)
		var all [][]byte
		for id := uint64(1); id <= 12; id++ {
			all = append(all, ringtest.Record(id, 40))
		}
		sent := 0
		for {
			n, err = b.p.SendBatch(all[sent:])
			if err != nil {
				break
			}
			require.Positive(t, n)
			sent += n
		}
		require.ErrorIs(t, err, ring.ErrFull)
		require.Zero(t, n)
		require.Equal(t, 8, sent)
		b.drained(b.c, 1, 2, 3, 4, 5, 6, 7, 8)
	})
}

// Two records of two slots and one of one, with three slots left before the end of
// the ring: the claim is cut, and what is left of it skipped.
func TestBatchStopsAtTheEndOfTheRing(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 8), 5)
		recs := [][]byte{ringtest.Record(1, 100), ringtest.Record(2, 100), ringtest.Record(3, 8)}
		n, err := b.p.SendBatch(recs)
		require.NoError(t, err)
		if mp {
			require.Equal(t, 1, n)
			require.Equal(t, layout.SkipWord(7, 1, 3), b.m.Word(7), "the slot before the end")
			n, err = b.p.SendBatch(recs[1:])
			require.NoError(t, err)
			require.Equal(t, 2, n)
		} else {
			require.Equal(t, 3, n)
		}
		b.drained(b.c, 1, 2, 3)
	})
}

func TestBatchIsInvisibleUntilItsFirstRecordIsPublished(t *testing.T) {
	t.Parallel()
	for _, mc := range []bool{false, true} {
		b := newBench(t, geometry(true, mc, 8), 0)
		n, err := b.p.SendBatch([][]byte{ringtest.Record(1, 8), ringtest.Record(2, 8)})
		require.NoError(t, err)
		require.Equal(t, 2, n)
		b.m.SetWord(0, layout.ClaimedWord(0, 2, 0, 3)) // as it was one store before
		b.empty(b.c)
		require.False(t, b.c.Idle())
		b.m.SetWord(0, layout.FullWord(0, 1, 3))
		b.drained(b.c, 1, 2)
	}
}

func TestRecordsOfHalfTheRingAlternateWithSmallOnes(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		for start := range uint64(8) {
			b := newBench(t, geometry(mp, mc, 8), start)
			for id := uint64(1); id < 100; id += 2 {
				b.send(8, id)
				err := b.p.Send(ringtest.Record(id+1, b.p.MaxRecord()))
				if err != nil {
					// A filler may have gone out; there must be room when the
					// ring is empty.
					require.ErrorIs(t, err, ring.ErrFull)
					b.c.Ack(b.lease(b.c, id, 0))
					b.empty(b.c)
					b.send(b.p.MaxRecord(), id+1)
				} else {
					b.c.Ack(b.lease(b.c, id, 0))
				}
				b.c.Ack(b.lease(b.c, id+1, 0))
			}
			b.drained(b.c)
		}
	})
}

func TestSmallestRingTakesRecordsOfOneSlot(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 2), 1)
		require.Equal(t, 64, b.p.MaxRecord())
		for id := uint64(1); id < 100; id += 2 {
			b.send(64, id, id+1)
			require.ErrorIs(t, b.p.Send(nil), ring.ErrFull)
			b.c.Ack(b.lease(b.c, id, 0))
			b.c.Ack(b.lease(b.c, id+1, 0))
		}
		b.drained(b.c)
	})
}

// Neither a filler nor a claim is left of a record that found no room: what is free stays
// free for others.
func TestRecordThatFindsNoRoomLeavesItToOthers(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		for start := range uint64(16) {
			b := newBench(t, geometry(mp, mc, 16), start)
			b.send(8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
			for range 3 {
				require.ErrorIs(t, b.p.Send(make([]byte, 8*64)), ring.ErrFull)
				_, err := b.p.Reserve(6 * 64)
				require.ErrorIs(t, err, ring.ErrFull)
				if left := 16 - (start+11)%16; left < 5 { // the five slots do for a filler, or the record
					require.ErrorIs(t, b.p.Send(make([]byte, 5*64)), ring.ErrFull)
				}
				require.False(t, b.p.Filled())
			}
			b.send(8, 11, 12, 13, 14, 15)
			b.drained(b.c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
		}
	})
}
