package selector

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/attach"
)

// watched is a member that tells of each look at its queue.
type watched struct {
	attach.Member
	looked func()
}

func (w watched) Look() (bool, error) {
	w.looked()
	return w.Member.Look()
}

// watch has f called when Wait looks at the only queue of the set.
func watch(set *Set, f func()) {
	m := set.members()[0]
	m.Member = watched{m.Member, f}
}

// A Wait that has read the list, and has not yet said so, must not use a handle that Remove has
// given back to its caller in between.
func TestRemoveWhileWaitAdoptsTheList(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"first", "later"} {
		t.Run(name, func(t *testing.T) {
			p, c := owedQueue(t, nil)
			set := &Set{}
			if name == "later" {
				_, err := set.Wait(t.Context())
				require.Equal(t, io.EOF, err)
				require.NotNil(t, set.adopted.Load())
			}
			require.NoError(t, set.Add(c))
			require.NoError(t, p.TrySend([]byte("x")))
			removed := false
			watch(set, func() { require.False(t, removed, "the handle is the caller's") })
			set.adopting = func() {
				if !removed {
					removed = set.Remove(c)
					require.True(t, removed)
				}
			}
			_, err := set.Wait(t.Context())
			require.Equal(t, io.EOF, err, "nothing is left in the set")
			require.True(t, removed)
		})
	}
}

// Wait uses the handle while one Remove takes it out: no other may return, whether it finds the
// queue in the set, because it was added again, or not. It panics here, because Wait can't go on.
func TestRemoveBesideARemove(t *testing.T) {
	was := letGoPatience
	letGoPatience = 20 * time.Millisecond
	defer func() { letGoPatience = was }()
	for name, again := range map[string]bool{"removed": false, "added again": true} {
		t.Run(name, func(t *testing.T) {
			p, c := owedQueue(t, nil)
			require.NoError(t, p.TrySend([]byte("x")))
			set := &Set{}
			require.NoError(t, set.Add(c))
			looks := 0
			watch(set, func() {
				if looks++; looks > 1 {
					return
				}
				require.NotNil(t, set.take(c), "another Remove begins")
				if again {
					require.NoError(t, set.Add(c))
				}
				require.Panics(t, func() { set.Remove(c) })
			})
			q, err := set.Wait(t.Context())
			require.NoError(t, err)
			require.Same(t, c, q)
			require.Equal(t, 1, looks)
			require.False(t, set.Remove(c), "Wait does not use it any more")
		})
	}
}

// A queue that was added again is in use for good, which is no reason to wait.
func TestRemoveBesideAnAdd(t *testing.T) {
	was := letGoPatience
	letGoPatience = 20 * time.Millisecond
	defer func() { letGoPatience = was }()
	p, c := owedQueue(t, nil)
	require.NoError(t, p.TrySend([]byte("x")))
	set := &Set{}
	require.NoError(t, set.Add(c))
	watch(set, func() { set.letGo(c) }) // a Remove that has found nothing, before the Add
	q, err := set.Wait(t.Context())
	require.NoError(t, err)
	require.Same(t, c, q)
}
