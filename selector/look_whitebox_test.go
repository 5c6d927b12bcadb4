package selector

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

// What comes after a Wait has looked at a queue, and before it has announced that it sleeps there,
// comes without a wake-up. So Wait has to look again, and does not sleep.
func TestWhatComesBeforeTheAnnouncementIsSeen(t *testing.T) {
	for name, what := range map[string]func(t *testing.T, set *Set) (comes func(), want Queue){
		"record": func(t *testing.T, set *Set) (func(), Queue) {
			p, c := owedQueue(t, nil)
			require.NoError(t, set.Add(c))
			return func() { require.NoError(t, p.TrySend([]byte("x"))) }, c
		},
		"room": func(t *testing.T, set *Set) (func(), Queue) {
			p, c := owedQueue(t, nil)
			for p.TrySend([]byte("x")) == nil {
			}
			require.NoError(t, set.Add(p))
			return func() {
				_, err := c.TryReceive(nil)
				require.NoError(t, err)
			}, p
		},
		"queue": func(t *testing.T, set *Set) (func(), Queue) {
			p, c := owedQueue(t, nil)
			require.NoError(t, p.TrySend([]byte("x")))
			return func() { require.NoError(t, set.Add(c)) }, c
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := &Set{Policy: shmq.Park}
			_, first := owedQueue(t, nil)
			require.NoError(t, set.Add(first))
			comes, want := what(t, set)
			m := set.members()[0]
			idle := m.idle
			m.idle = func() error { // it has looked
				if comes != nil {
					comes()
					comes = nil
				}
				return idle()
			}
			q, err := set.Wait(t.Context())
			require.NoError(t, err)
			require.Same(t, want, q)
			require.Nil(t, comes)
			require.Zero(t, first.Counters().Waits, "it did not sleep")
		})
	}
}
