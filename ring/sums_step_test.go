//go:build shmqstep

package ring_test

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/ring"
)

// dying runs f and has it die before its n-th access to a shared word, and reports
// whether it did.
func dying(n int, f func()) (died1 bool) {
	atomics.SetHook(func(unsafe.Pointer, atomics.Op) {
		if n--; n < 0 {
			panic(died{})
		}
	})
	defer func() {
		atomics.SetHook(nil)
		if e := recover(); e == (died{}) {
			died1 = true
		} else if e != nil {
			panic(e)
		}
	}()
	f()
	return false
}

// A participant that takes a seat may die in the middle of it, and so may the next one: nothing that was
// twoCounted is lost or counted twice.
func TestSumsSurviveWhoDiesWhileItTakesTheSeat(t *testing.T) {
	points := 0
	for first := 0; ; first++ {
		alive := false
		for second := 0; ; second++ {
			b := newBench(t, geometry(true, true, 8), 0)
			want := twoCounted(b.r)
			s := b.r.Seat(3)
			alive = !dying(first, func() { s.Take(sender1()) })
			require.Equal(t, want, b.r.Sums(), "died before access %d", first)
			done := !dying(second, func() { s.Take(receiver1()) })
			require.Equal(t, want, b.r.Sums(), "died before access %d, the next one before %d", first, second)
			s.Clean()
			s.Take(sender1())
			require.Equal(t, want, b.r.Sums())
			s.Counters().Records = 2
			want.Sent += 2
			require.Equal(t, want, b.r.Sums())
			points++
			if done {
				break
			}
		}
		if alive {
			break
		}
	}
	require.Greater(t, points, 50)
}

// A look at the sums while the seat is taken sees them whole, never less and never more.
func TestSumsAreWholeWhileASeatIsTaken(t *testing.T) {
	for stop := 0; ; stop++ {
		b := newBench(t, geometry(true, true, 8), 0)
		want := twoCounted(b.r)
		n, looked := stop, false
		atomics.SetHook(func(unsafe.Pointer, atomics.Op) {
			if n--; n == -1 {
				looked = true
				require.Equal(t, want, b.r.Sums(), "before access %d", stop)
			}
		})
		b.r.Seat(3).Take(ring.Occupant{Role: 1})
		atomics.SetHook(nil)
		if !looked {
			return
		}
	}
}
