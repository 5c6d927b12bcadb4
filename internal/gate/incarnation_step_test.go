//go:build linux && shmqstep

package gate_test

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/gate"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/testagent"
)

// A process that begins an incarnation dies before any of its stores to a shared word, and
// so does the next. The one after that begins one, and no record ever has two ids, or the
// id of another.
func TestDeathsWhileAnIncarnationBegins(t *testing.T) {
	type died struct{}
	enter := func(q *mapped.Queue, n int) (alive bool) {
		closed, err := gate.Closed(q)
		require.NoError(t, err)
		if !closed {
			return true
		}
		atomics.SetHook(func(_ unsafe.Pointer, op atomics.Op) {
			if op == atomics.OpLoad {
				return
			}
			if n--; n < 0 {
				panic(died{})
			}
		})
		defer func() {
			atomics.SetHook(nil)
			if e := recover(); e != nil {
				require.Equal(t, died{}, e)
			}
		}()
		_, err = gate.Enter(q)
		require.NoError(t, err)
		return true
	}
	deaths := 0
	for first := 0; ; first++ {
		done := true
		for second := 0; ; second++ {
			q := testagent.Queue(t, &shmq.Options{Slots: 4, SlotSize: 64, Seats: 2})
			m, err := mapped.Open(q, true)
			require.NoError(t, err)
			send := func() (incarnation uint64) {
				_, tail := m.Ring.Positions()
				p, err := m.Ring.NewProducer(0)
				require.NoError(t, err)
				require.NoError(t, p.Send([]byte("x")))
				return m.Ring.NewLineage().Of(tail)
			}
			require.True(t, enter(m, 1<<30))
			a := send()
			m.Ring.SetHome(1) // it is another file now
			aliveA := enter(m, first)
			aliveB := enter(m, second)
			require.True(t, enter(m, 1<<30))
			closed, err := gate.Closed(m)
			require.NoError(t, err)
			require.False(t, closed)
			b := send()
			what := fmt.Sprintf("died before store %d, the next before %d", first, second)
			require.NotZero(t, b, what)
			require.NotEqual(t, a, b, what)
			_, tail := m.Ring.Positions()
			require.Equal(t, a, m.Ring.NewLineage().Of(tail-2), what)
			require.NoError(t, m.Close())
			if !aliveA || !aliveB {
				deaths++
			}
			done = aliveA
			if aliveB {
				break
			}
		}
		if done {
			break
		}
	}
	require.Greater(t, deaths, 20)
}
