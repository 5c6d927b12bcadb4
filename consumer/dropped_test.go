package consumer_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

func seats(t *testing.T, q string) int {
	t.Helper()
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	return len(info.Participants)
}

// collected waits until the queue has n participants.
func collected(t *testing.T, q string, n int) {
	t.Helper()
	testproc.Until(t, func() bool {
		runtime.GC()
		return seats(t, q) == n
	})
}

// Whether a producer that its program forgot had sent all nobody can say.
func TestDroppedProducerBreaksTheStreamOff(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		c := openConsumer(t, q, &consumer.Options{UntilEOF: true})
		func() {
			p, err := producer.OpenRaw(q, nil)
			require.NoError(t, err)
			require.NoError(t, p.TrySend([]byte("a")))
			runtime.KeepAlive(p)
		}()
		collected(t, q, 1)
		_, err := c.TryReceive(nil)
		require.NoError(t, err)
		_, err = c.TryReceive(nil)
		require.ErrorIs(t, err, shmq.ErrBrokenOff)
	})
}

func TestDroppedHandlesGiveTheirSeatsBack(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		func() {
			p, err := producer.Open[int](q, nil)
			require.NoError(t, err)
			require.NoError(t, p.TrySend(7))
			_, err = p.Raw().TryReserve(8)
			require.NoError(t, err)
			c, err := consumer.Open[int](q, nil)
			require.NoError(t, err)
			_, _, err = c.TryLease()
			require.NoError(t, err)
			require.Equal(t, 2, seats(t, q))
			runtime.KeepAlive(p)
			runtime.KeepAlive(c)
		}()
		collected(t, q, 0)
		require.NoError(t, openProducer(t, q).TrySend([]byte("after")), "the reservation is gone")
		c := openConsumer(t, q, nil)
		l, err := c.TryLease()
		require.NoError(t, err)
		require.Equal(t, "\x07", string(l.Bytes()))
		require.NotZero(t, l.Redelivered())
		l.Ack()
		b, err := c.TryReceive(nil)
		require.NoError(t, err)
		require.Equal(t, "after", string(b))
	})
}

// The bytes of a lease are memory that nobody collects, and may be all that is left of it.
func TestBytesOutliveADroppedHandle(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, nil)
	require.NoError(t, openProducer(t, q).TrySend([]byte("a record")))
	var bytes []byte
	func() {
		c, err := consumer.OpenRaw(q, nil)
		require.NoError(t, err)
		l, err := c.TryLease()
		require.NoError(t, err)
		bytes = l.Bytes()
	}()
	collected(t, q, 1)
	require.Equal(t, make([]byte, 8), bytes)
	copy(bytes, "scribble")
	b, err := openConsumer(t, q, nil).TryReceive(nil)
	require.NoError(t, err)
	require.Equal(t, "a record", string(b))
}

// A lease, or a call that waits, keeps its consumer.
func TestHandlesInUseAreNotCollected(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, nil)
	p := openProducer(t, q)
	require.NoError(t, p.TrySend([]byte("leased")))
	lease := func() consumer.Lease {
		c, err := consumer.OpenRaw(q, nil)
		require.NoError(t, err)
		l, err := c.TryLease()
		require.NoError(t, err)
		return l
	}()
	got := make(chan string)
	go func() {
		c, err := consumer.OpenRaw(q, &consumer.Options{Wait: shmq.Park})
		if err != nil {
			got <- err.Error()
			return
		}
		b, _ := c.Receive(context.Background(), nil)
		got <- string(b)
	}()
	testproc.Until(t, func() bool { return waits(t, q) > 0 })
	for range 5 {
		runtime.GC()
	}
	require.Equal(t, 3, seats(t, q))
	require.Equal(t, "leased", string(lease.Bytes()))
	require.NoError(t, p.TrySend([]byte("waited for")))
	require.Equal(t, "waited for", <-got)
	lease.Ack()
	require.Zero(t, leased(t, q))
	collected(t, q, 1)
}

// A pool opens handles as it needs them and drops them as the collector likes.
func TestPoolOfProducersNeverRunsOutOfSeats(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 4096, Seats: 4})
	pool := sync.Pool{New: func() any {
		p, err := producer.OpenRaw(q, nil)
		if err != nil {
			return err
		}
		return p
	}}
	for i := range 50 {
		v := pool.Get()
		p, ok := v.(*producer.Raw)
		require.True(t, ok, "%d: %v", i, v)
		require.NoError(t, p.TrySend([]byte("x")))
		if i%2 == 0 {
			pool.Put(p)
		}
	}
	pool = sync.Pool{}
	collected(t, q, 0)
}

func TestErrNoSeatSaysWhoHasThem(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16, Seats: 3})
	all := []*producer.Raw{openProducer(t, q), openProducer(t, q), openProducer(t, q)}
	_, err := consumer.OpenRaw(q, nil)
	require.ErrorIs(t, err, shmq.ErrNoSeat)
	require.ErrorContains(t, err, fmt.Sprintf("all 3 seats are held by this process, pid %d: close some", os.Getpid()))
	require.NoError(t, all[0].Close())
	other := testagent.Consumer(t, q)
	_, err = consumer.OpenRaw(q, nil)
	require.ErrorIs(t, err, shmq.ErrNoSeat)
	require.ErrorContains(t, err, fmt.Sprintf("3 participants are attached, 2 of them this process, pid %d: close or end some", os.Getpid()))
	runtime.KeepAlive(all)
	_ = other

	single := testagent.Queue(t, &testagent.Single)
	p := openProducer(t, single)
	_, err = producer.OpenRaw(single, nil)
	require.ErrorIs(t, err, shmq.ErrRoleTaken)
	require.ErrorContains(t, err, fmt.Sprintf("which is this process itself, pid %d; close that one", os.Getpid()))
	require.NoError(t, p.Close())

	func() {
		_, err := producer.OpenRaw(single, nil) // and dropped
		require.NoError(t, err)
	}()
	require.NoError(t, openProducer(t, single).TrySend(nil))
}
