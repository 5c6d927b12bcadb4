//go:build linux

package testagent

import (
	"encoding/binary"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/producer"
)

// Shared are the options of a small queue whose roles are shared.
var Shared = shmq.Options{Slots: 16, SlotSize: 64}

// Single are the options of a small queue whose roles are single.
var Single = shmq.Options{Producers: shmq.One, Consumers: shmq.One, Slots: 16}

// Attach makes the test's own process a participant that sends and receives nothing, until
// the test ends.
func Attach(t testing.TB, queue string, role shmq.Role) *attach.Participant {
	t.Helper()
	a, err := attach.To(queue, role, &attach.Options{NoCreate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Detach() })
	return a
}

// Path is the file of a queue.
func Path(t testing.TB, queue string) string {
	t.Helper()
	path, err := shmq.Path(queue)
	require.NoError(t, err)
	return path
}

// Works sends and receives a few laps.
func Works(t testing.TB, queue string) {
	t.Helper()
	p, err := producer.OpenRaw(queue, &producer.Options{NoCreate: true})
	require.NoError(t, err)
	in, err := consumer.OpenRaw(queue, &consumer.Options{NoCreate: true})
	require.NoError(t, err)
	for n := range 300 {
		want := fmt.Sprint(n, string(make([]byte, (n*3)%(p.MaxRecord()-8))))
		require.NoError(t, p.TrySend([]byte(want)))
		got, err := in.TryReceive(nil)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	require.NoError(t, p.Close())
	require.NoError(t, in.Close())
}

// Patch overwrites four bytes of a file.
func Patch(t testing.TB, path string, off int64, v uint32) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.WriteAt(binary.LittleEndian.AppendUint32(nil, v), off)
	require.NoError(t, err)
}

// Only returns the one participant of a role.
func Only(t testing.TB, q string, role shmq.Role) shmq.Participant {
	t.Helper()
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	var found []shmq.Participant
	for _, p := range info.Participants {
		if p.Role == role {
			found = append(found, p)
		}
	}
	require.Len(t, found, 1)
	return found[0]
}

// DeadSeatInWork leaves a consumer dead with a record on seat 1, and a recoverer at work
// on it, as far as others can see: it has locked the seat.
func DeadSeatInWork(t testing.TB, q string) (p *Agent, recoverer *sys.File) {
	t.Helper()
	p, c := Producer(t, q), Consumer(t, q)
	p.Sends("a")
	c.Lease(1)
	c.Kill()
	path, err := shmq.Path(q)
	require.NoError(t, err)
	recoverer, err = sys.Open(path, true, false)
	require.NoError(t, err)
	ok, err := recoverer.TryLock(layout.SeatOffset+layout.SeatSize, true)
	require.NoError(t, err)
	require.True(t, ok)
	return p, recoverer
}
