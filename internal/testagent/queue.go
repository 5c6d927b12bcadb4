//go:build linux

package testagent

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

var queues atomic.Int64

// Queue makes a queue for the test, which is removed at its end.
func Queue(t testing.TB, opts *shmq.Options) string {
	t.Helper()
	name := Name(t)
	require.NoError(t, shmq.Create(name, opts))
	return name
}

// Name returns a name for a queue; what bears it at the end of the test is removed.
func Name(t testing.TB) string {
	name := fmt.Sprintf("q%d", queues.Add(1))
	t.Cleanup(func() { _ = shmq.ForceRemove(name) })
	return name
}

// Modes are the four combinations of roles.
func Modes() []shmq.Options {
	return []shmq.Options{
		{Producers: shmq.One, Consumers: shmq.One},
		{Producers: shmq.One, Consumers: shmq.Many},
		{Producers: shmq.Many, Consumers: shmq.One},
		{Producers: shmq.Many, Consumers: shmq.Many},
	}
}

// EachMode runs a scenario for the four combinations of roles. The options have no
// other field set; the scenario sets what it needs.
func EachMode(t *testing.T, f func(t *testing.T, opts shmq.Options)) {
	for _, o := range Modes() {
		t.Run(fmt.Sprintf("%v to %v", o.Producers, o.Consumers), func(t *testing.T) {
			t.Parallel()
			f(t, o)
		})
	}
}
