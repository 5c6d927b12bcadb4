package seat_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// only returns what Stat says of the only participant of a role.
// clockError is what two readings of the system's clock and one of the counter may
// differ by: the processor may have been away between them.
const clockError = 5 * time.Second

func TestStatTellsSinceWhen(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, opts shmq.Options) {
		opts.Slots, opts.SlotSize = 16, 64
		q := testagent.Queue(t, &opts)
		p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
		p.Sends("a", "b", "c")
		require.Zero(t, testagent.Only(t, q, shmq.Consumer).HeldSince)
		attached := testagent.Only(t, q, shmq.Consumer).Attached

		before := time.Now()
		c.Lease(1)
		first := testagent.Only(t, q, shmq.Consumer)
		require.Equal(t, 1, first.Holds.Records)
		require.WithinDuration(t, before, first.HeldSince, clockError)
		require.False(t, first.HeldSince.Before(attached))
		require.False(t, first.HeldSince.After(time.Now()))

		c.Lease(2)
		require.Equal(t, 3, testagent.Only(t, q, shmq.Consumer).Holds.Records)
		c.Do("ack 0")
		c.Do("release 1") // a single consumer keeps it for itself
		require.NotZero(t, testagent.Only(t, q, shmq.Consumer).HeldSince)
		c.Do("ack 2")
		if opts.Consumers == shmq.One {
			require.NotZero(t, testagent.Only(t, q, shmq.Consumer).HeldSince)
			c.Lease(1)
			c.Do("ack 3")
		}
		after := testagent.Only(t, q, shmq.Consumer)
		require.Zero(t, after.HeldSince)
		require.Nil(t, after.Holds)

		p.Do("reserve 10")
		require.NotZero(t, testagent.Only(t, q, shmq.Producer).HeldSince)
		if opts.Producers == shmq.Many {
			require.Equal(t, 1, testagent.Only(t, q, shmq.Producer).Holds.Claims)
		} else {
			require.Nil(t, testagent.Only(t, q, shmq.Producer).Holds, "others can't see it")
		}
		p.Do("commit 10")
		require.Zero(t, testagent.Only(t, q, shmq.Producer).HeldSince)
	})
}

func TestStatTellsWhoIsStopped(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Shared)
	c := testagent.Consumer(t, q)
	require.False(t, testagent.Only(t, q, shmq.Consumer).Stopped)
	c.Stop()
	require.True(t, testagent.Only(t, q, shmq.Consumer).Stopped)
	c.Continue()
	c.Do("close")
	a := testagent.Attach(t, q, shmq.Consumer)
	seat := a.Ring().Seat(a.Seat())
	c.Stop()
	o := seat.Occupant()
	o.PID = uint32(c.PID()) // the pid of another process, as one of another namespace may be
	seat.Take(o)
	require.False(t, testagent.Only(t, q, shmq.Consumer).Stopped, "its start time is another one")
}

// Whatever a participant writes into its entry, it is described.
func TestStatOfScribbledSeat(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Shared)
	a := testagent.Attach(t, q, shmq.Consumer)
	rng := rand.New(rand.NewPCG(1, 2))
	noise := func() uint64 { return rng.Uint64() >> rng.IntN(64) }
	told := 0
	for range 300 {
		o := a.Ring().Seat(a.Seat()).Occupant()
		if o.Attached = time.Now().UnixNano(); rng.IntN(2) == 0 {
			o.Attached = int64(noise())
		}
		o.PID, o.StartTime = uint32(noise()), noise()
		a.Ring().Seat(a.Seat()).Take(o)
		c := a.Counters()
		c.HeldSince, c.ClockStart, c.Clock = noise(), noise(), rng.Uint32N(4)
		p := testagent.Only(t, q, shmq.Consumer)
		if !p.HeldSince.IsZero() {
			told++
			require.False(t, p.HeldSince.Before(p.Attached))
			require.False(t, p.HeldSince.After(time.Now()))
		}
		_, err := json.Marshal(p)
		require.NoError(t, err)
	}
	require.NotZero(t, told)
}

func TestStatTellsWhoIsFrozen(t *testing.T) {
	t.Parallel()
	for name, v2 := range map[string]bool{"version 1": false, "version 2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := testagent.Queue(t, &testagent.Shared)
			c := testagent.Consumer(t, q)
			f := testproc.NewFreezer(t, v2)
			f.Add(c.PID())
			require.False(t, testagent.Only(t, q, shmq.Consumer).Frozen)
			f.Freeze(f.File())
			p := testagent.Only(t, q, shmq.Consumer)
			require.True(t, p.Alive)
			require.True(t, p.Frozen)
			require.Equal(t, f.File(), p.Freezer)
			require.False(t, p.Stopped)
			require.NoError(t, f.Thaw(f.File()))
			testproc.Until(t, func() bool { return !testagent.Only(t, q, shmq.Consumer).Frozen })
		})
	}
}
