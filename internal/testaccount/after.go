//go:build linux

package testaccount

import (
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/producer"
)

// RequireNothingLeft wants a queue that all have left to be as good as new.
func RequireNothingLeft(t testing.TB, queue string, opts shmq.Options) {
	t.Helper()
	RequireUnlocked(t, queue)
	c, err := consumer.OpenRaw(queue, &consumer.Options{NoCreate: true, UntilEOF: true})
	require.NoError(t, err)
	_, err = c.TryLease()
	if err != io.EOF && !errors.Is(err, shmq.ErrBrokenOff) { // it was told to those that drained
		require.ErrorIs(t, err, shmq.ErrEmpty, "the consumers that drained the queue to the end of the stream left nothing")
	}
	info, err := shmq.Stat(queue)
	require.NoError(t, err)
	require.Len(t, info.Participants, 1, "dead participants' seats were cleaned up")
	require.Equal(t, []int{0, 0, 0, 0}, []int{info.Records, info.Claimed, info.Leased, info.Orphans})

	p, err := producer.OpenRaw(queue, &producer.Options{NoCreate: true})
	require.NoError(t, err)
	for range 3 { // laps
		n := 0
		for ; p.TrySend([]byte{1}) == nil; n++ {
		}
		require.Equal(t, opts.Slots, n, "the ring fills to its capacity")
		for ; n > 0; n-- {
			_, err := c.TryReceive(nil)
			require.NoError(t, err)
		}
		_, err := c.TryReceive(nil)
		require.ErrorIs(t, err, shmq.ErrEmpty)
	}
	require.NoError(t, c.Close())
	require.NoError(t, p.Close())
	RequireSeats(t, queue, opts)
	RequireUnlocked(t, queue)
}

// RequireSeats takes every seat, or where both roles are single two of them.
func RequireSeats(t testing.TB, queue string, opts shmq.Options) {
	t.Helper()
	var as []*attach.Participant
	attach := func(role shmq.Role, side shmq.Multiplicity, most int) {
		if side == shmq.One {
			most = 1
		}
		for range most {
			a, err := attach.To(queue, role, &attach.Options{NoCreate: true})
			require.NoError(t, err)
			as = append(as, a)
		}
	}
	attach(shmq.Producer, opts.Producers, opts.Seats-1)
	attach(shmq.Consumer, opts.Consumers, opts.Seats-len(as))
	if opts.Producers == shmq.Many || opts.Consumers == shmq.Many {
		require.Len(t, as, opts.Seats)
	}
	var errs []error
	for _, a := range as {
		errs = append(errs, a.Detach())
	}
	require.NoError(t, errors.Join(errs...))
}

// RequireUnlocked asks the kernel whether any process has a lock on any byte of the file.
func RequireUnlocked(t testing.TB, queue string) {
	t.Helper()
	path, err := shmq.Path(queue)
	require.NoError(t, err)
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	lock := unix.Flock_t{Type: unix.F_WRLCK} // from 0 to the end
	require.NoError(t, unix.FcntlFlock(uintptr(fd), unix.F_OFD_GETLK, &lock))
	require.EqualValues(t, unix.F_UNLCK, lock.Type, "byte %d is locked", lock.Start)
}
