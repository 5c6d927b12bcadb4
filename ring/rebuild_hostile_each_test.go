package ring_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/scribble"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// useSubscriptions takes over what durable subscriptions a rebuild left, each of which comes to the end,
// and then uses the ring.
func useSubscriptions(m *ringtest.Region, r *ring.Ring) error {
	g, names, torn := m.Geometry, map[string]bool{}, r.Torn()
	for i := range g.Subscriptions {
		s := r.Subscription(i)
		if s.Cursor() == 0 {
			continue
		}
		if name := s.Name(); !s.Kept() || !ring.ValidName(name) || names[name] {
			return fmt.Errorf("subscription %d stays: %q", i, name)
		}
		names[s.Name()] = true
		s.TakeOver(1)
		c := r.NewSubscriber(1, i)
		told := false
		for n := uint64(0); ; n++ {
			var l ring.Lease
			err := c.TryLease(&l)
			if err == ring.ErrEmpty {
				break
			}
			if err == ring.ErrLagged && g.Skip && n == 0 && !told { // what the stop of the machine cost
				told = true
				continue
			}
			if err != nil {
				return err
			}
			if l.Redelivered == 0 || !g.Skip && !m.Holds(l.Data) || n > g.Slots {
				return errors.New("a record without a flag, from elsewhere, or one too many")
			}
			c.Ack(&l)
		}
		s.Clear()
	}
	if r.Torn() != torn {
		return errors.New("torn records were left")
	}
	if !g.Skip {
		return useOn(r, []int{8, 44, 45, 64, 65, 130}[:min(6, g.Slots)])
	}
	p, err := r.NewProducer(0)
	if err != nil {
		return err
	}
	c := subscribe(r, 0, ring.Joining{})
	for id := range 4 * g.Slots {
		if err := p.Send(ringtest.Record(id, 8)); err != nil {
			return err
		}
		b, _, err := c.TryReceive(nil)
		if got, e := ringtest.ReadRecord(b); err != nil || e != nil || got != id {
			return fmt.Errorf("record %d for %d: %w", got, id, errors.Join(err, e))
		}
	}
	return nil
}

// subscribedInUse returns a region in which a durable subscription is behind another, and both behind
// the producer.
func subscribedInUse(g layout.Geometry, start uint64, rng *rand.Rand) *ringtest.Region {
	m := ringtest.NewRegion(g, start)
	r := m.Ring()
	audit, other := subscribe(r, 0, ring.Joining{Name: "audit"}), subscribe(r, 1, ring.Joining{Oldest: true})
	p, err := r.NewProducer(0)
	if err != nil {
		panic(err)
	}
	for n := range uint64(60) {
		switch rng.IntN(4) {
		case 0:
			_, _, _ = audit.TryReceive(nil)
		case 1:
			_, _, _ = other.TryReceive(nil)
		default:
			_ = p.Send(ringtest.Record(n, 8+rng.IntN(g.MaxRecord()-7)))
		}
	}
	return m
}

// summedEach is one of many shapes, with checksums.
func summedEach(n int) layout.Geometry {
	g := hostileEach(n)
	g.Checksum = true
	return g
}

func TestWhateverStandsThereIsRebuiltWithSubscriptions(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(24, 25))
	for n := range testproc.Rounds(1600) {
		m := subscribedInUse(summedEach(n), firstPositions[rng.IntN(len(firstPositions))]-rng.Uint64N(9), rng)
		pen := scribble.New(m.Bytes, m.Geometry, scribble.Dice(rng.Uint64()))
		for range rng.IntN(20) {
			pen.Write()
		}
		if rng.IntN(5) == 0 {
			for i := layout.HotOffset; i < len(m.Bytes); i++ {
				m.Bytes[i] = byte(rng.Uint32())
			}
		}
		require.NoError(t, rebuildAnything(m))
		require.NoError(t, rebuildAnything(m), "again")
	}
}
