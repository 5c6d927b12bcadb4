//go:build linux

package testagent

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/producer"
)

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
