package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

func sender1() ring.Occupant   { return ring.Occupant{Role: layout.RoleProducer, Attached: 1} }
func receiver1() ring.Occupant { return ring.Occupant{Role: layout.RoleConsumer, Attached: 1} }

// twoCounted is a seat whose occupants counted, one after the other.
func twoCounted(r *ring.Ring) ring.Sums {
	s := r.Seat(3)
	s.Take(sender1())
	*s.Counters() = ring.Counters{Records: 5, Bytes: 500, Redelivered: 9}
	s.Clean()
	s.Take(receiver1())
	c := s.Counters()
	c.Records, c.Bytes, c.Redelivered = 3, 300, 2
	s.Clean()
	return ring.Sums{Sent: 5, SentBytes: 500, Received: 3, ReceivedBytes: 300, Redelivered: 2}
}

func TestSumsOutliveTheirParticipants(t *testing.T) {
	b := newBench(t, geometry(true, true, 8), 0)
	require.Zero(t, b.r.Sums())
	want := twoCounted(b.r)
	require.Equal(t, want, b.r.Sums())
	for range 5 { // a seat that is left and taken by one that counts nothing
		b.r.Seat(3).Take(receiver1())
		require.Equal(t, want, b.r.Sums())
		b.r.Seat(3).Clean()
		require.Equal(t, want, b.r.Sums())
	}
	b.r.Seat(3).Take(sender1())
	b.r.Seat(3).Counters().Records = 7
	b.r.Seat(0).Take(sender1()) // another seat
	b.r.Seat(0).Counters().Bytes = 1
	want.Sent += 7
	want.SentBytes++
	require.Equal(t, want, b.r.Sums())
	require.EqualValues(t, 7, b.r.Seat(3).Report().Records, "its own")
}

// Whatever stands in a seat, its sums are read and it can be taken.
func TestSumsOfAScribbledSeat(t *testing.T) {
	b := newBench(t, geometry(true, true, 8), 0)
	at := layout.SeatOffset + 3*layout.SeatSize
	for fill := range 256 {
		for i := range layout.SeatSize {
			b.m.Bytes[at+i] = byte(fill)
		}
		before := b.r.Sums()
		b.r.Seat(3).Take(sender1())
		require.Equal(t, before, b.r.Sums())
		b.r.Seat(3).Counters().Records = 1
		before.Sent++
		require.Equal(t, before, b.r.Sums())
	}
}

// A rebuild leaves no participant and nothing that one counted; the sums begin with the
// records that it found.
func TestSumsOfARebuiltRing(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		g := geometry(mp, mc, 16)
		g.Checksum = true
		b := newBench(t, g, 0)
		twoCounted(b.r)
		b.send(8, 1, 2, 3)
		b.m.Bytes[g.SlotOffset()+layout.SlotSize+layout.SlotSum] ^= 1
		for range 2 {
			found, err := ring.Rebuild(b.m.Bytes, g)
			require.NoError(t, err)
			require.Equal(t, 2, found.Records)
			require.EqualValues(t, ring.Sums{Sent: 2 + b.r.Torn()}, b.r.Sums())
		}
		require.EqualValues(t, 1, b.r.Torn())
	})
}
