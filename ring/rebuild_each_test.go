package ring_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// subscribedDisk is a machine with a disk that keeps, of each unit, any version since the last
// sync; its queue has a durable subscription, and others.
type subscribedDisk struct {
	*testing.T
	rng      *rand.Rand
	m        *ringtest.Region
	versions [][]byte // since the last sync, and that one itself

	id     uint64 // of the next record
	synced uint64 // all before were sent before the last sync
	acked  uint64 // all before were acknowledged by the durable subscription

	records, torn, again int
}

func (d *subscribedDisk) saw() { d.versions = append(d.versions, slices.Clone(d.m.Bytes)) }

func (d *subscribedDisk) sync() {
	d.versions = d.versions[:0]
	d.saw()
	d.synced = d.id
}

// stop leaves what the disk has: of each unit one of the versions.
func (d *subscribedDisk) stop() {
	unit := []int{64, 64, 512, 4096}[d.rng.IntN(4)]
	for off := layout.HotOffset; off < len(d.m.Bytes); off += unit {
		v := d.versions[d.rng.IntN(len(d.versions))]
		copy(d.m.Bytes[off:min(off+unit, len(v))], v[off:])
	}
}

// durable returns the consumer that takes over the durable subscription, which must be the only
// one.
func (d *subscribedDisk) durable(r *ring.Ring) *ring.Consumer {
	found := -1
	for i := range d.m.Geometry.Subscriptions {
		if s := r.Subscription(i); s.Cursor() != 0 {
			require.True(d, s.Kept())
			require.Equal(d, "audit", s.Name())
			require.Equal(d, -1, found, "once")
			found = i
		}
	}
	require.GreaterOrEqual(d, found, 0)
	r.Subscription(found).TakeOver(1)
	return r.NewSubscriber(1, found)
}

// receive receives with the durable subscription, and returns the id; ok is false where there is none.
// Ids come in order, and in a queue whose producers wait none that was acknowledged before a
// version of the disk could have it.
func (d *subscribedDisk) receive(c *ring.Consumer) (id uint64, again int, ok bool) {
	for {
		b, again, err := c.TryReceive(nil)
		switch {
		case err == ring.ErrLagged && d.m.Geometry.Skip:
			continue
		case err == ring.ErrEmpty:
			return 0, 0, false
		}
		require.NoError(d, err)
		id, err := ringtest.ReadRecord(b)
		require.NoError(d, err)
		return id, again, true
	}
}

func (d *subscribedDisk) work(r *ring.Ring, c *ring.Consumer, steps int) {
	p, err := r.NewProducer(0)
	require.NoError(d, err)
	var other *ring.Consumer
	for range steps {
		switch op := d.rng.IntN(20); {
		case op < 10:
			if p.Send(ringtest.Record(d.id, 8+d.rng.IntN(200))) == nil {
				d.id++
			}
		case op < 14:
			if id, _, ok := d.receive(c); ok {
				d.acked = id + 1
			}
		case op < 16 && other == nil:
			other = subscribe(r, 4, ring.Joining{Oldest: d.rng.IntN(2) == 0})
		case op < 18 && other != nil:
			for {
				if _, _, err := other.TryReceive(nil); err == ring.ErrEmpty {
					break
				}
			}
		case op == 18 && other != nil:
			r.Subscription(4).Clear()
			other = nil
		case op == 19:
			d.sync()
		}
		d.saw()
	}
}

// rebuilt rebuilds the ring, perhaps twice, and checks what the durable subscription gets.
func (d *subscribedDisk) rebuilt() (*ring.Ring, *ring.Consumer) {
	g := d.m.Geometry
	first := slices.Clone(d.m.Bytes)
	found, err := ring.Rebuild(d.m.Bytes, g)
	require.NoError(d, err)
	if d.rng.IntN(3) == 0 { // interrupted: some of it is on the disk
		d.again++
		d.versions = [][]byte{first, slices.Clone(d.m.Bytes)}
		d.stop()
		second, err := ring.Rebuild(d.m.Bytes, g)
		require.NoError(d, err)
		require.Equal(d, found.Records, second.Records)
	}
	r := d.m.Ring()
	require.NoError(d, inOrder(r))
	c := d.durable(r)
	require.Equal(d, found.Records, inspect.NewSurvey(r).Records)
	next, records := uint64(0), 0
	for {
		id, again, ok := d.receive(c)
		if !ok {
			break
		}
		require.Positive(d, again, "it may have been delivered before")
		require.Less(d, id, d.id, "it was sent")
		require.GreaterOrEqual(d, id, next, "in order")
		if !g.Skip && id >= d.acked {
			for missing := max(next, d.acked); missing < id; missing++ {
				require.GreaterOrEqual(d, missing, d.synced, "record %d was synced and not acknowledged", missing)
			}
		}
		next = id + 1
		records++
	}
	if !g.Skip {
		for missing := max(next, d.acked); missing < d.id; missing++ {
			require.GreaterOrEqual(d, missing, d.synced, "record %d was synced and not acknowledged", missing)
		}
		require.Equal(d, found.Records, records)
	}
	d.records += records
	d.torn += found.Torn
	d.acked = d.id
	return r, c
}

// What a rebuild takes from a durable subscription is counted and told, and so is what its last holder
// was not told.
func TestRebuildTellsWhatWasLost(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{false, true} {
		g := each(false, true, 16, 0)
		g.Checksum = true
		m := ringtest.NewRegion(g, 0)
		r := m.Ring()
		p, err := r.NewProducer(0)
		require.NoError(t, err)
		c := subscribe(r, 0, ring.Joining{Name: "audit"})
		sendIDs(t, p, 0, 40)
		require.ErrorIs(t, c.TryLease(new(ring.Lease)), ring.ErrLagged) // and it dies
		first := c.Lagged()
		sendIDs(t, p, 40, 80)
		for range 2 {
			_, err = ring.Rebuild(m.Bytes, m.Geometry)
			require.NoError(t, err)
			if !again {
				break
			}
		}
		c = r.NewSubscriber(1, 0)
		pos := r.Subscription(0).Position()
		require.Equal(t, uint64(64), pos)
		require.Equal(t, pos, c.Lost())
		require.ErrorIs(t, c.TryLease(new(ring.Lease)), ring.ErrLagged)
		require.Equal(t, ring.Lagged{From: first.From, To: pos}, c.Lagged())
		require.Equal(t, []uint64{64, 65}, ids(t, c, 2))
	}
}

func TestDurableSubscriptionSurvivesAStopOfTheMachine(t *testing.T) {
	t.Parallel()
	for _, many := range []bool{false, true} {
		for _, skip := range []bool{false, true} {
			t.Run(fmt.Sprintf("many=%v/skip=%v", many, skip), func(t *testing.T) {
				t.Parallel()
				records, torn, again := 0, 0, 0
				for seed := range uint64(testproc.Rounds(200)) {
					rng := rand.New(rand.NewPCG(seed, 99))
					g := each(many, skip, []uint64{4, 8, 8, 32}[rng.IntN(4)], 0)
					g.Checksum, g.Timestamps = true, rng.IntN(2) == 0
					if !skip && rng.IntN(2) == 0 {
						g.Keep = rng.Uint64N(g.Slots + 1)
					}
					start := firstPositions[rng.IntN(len(firstPositions))]
					d := &subscribedDisk{T: t, rng: rng, m: ringtest.NewRegion(g, start)}
					r := d.m.Ring()
					c := subscribe(r, 2, ring.Joining{Name: "audit"})
					d.sync()
					for range 5 {
						d.work(r, c, 10+rng.IntN(50))
						d.stop()
						r, c = d.rebuilt()
						d.sync()
					}
					records, torn, again = records+d.records, torn+d.torn, again+d.again
				}
				t.Logf("%d records came again, %d were torn, %d rebuilds were interrupted", records, torn, again)
				require.Positive(t, records)
				require.Positive(t, torn)
				require.Positive(t, again)
			})
		}
	}
}
