//go:build shmqstep

package ring_test

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/ring"
)

// alone is the kernel of a consumer without producers or other consumers.
type alone struct{}

func (alone) EndStream() error          { return nil }
func (alone) Recover() ring.Swept       { return ring.Swept{} }
func (alone) Recovering() (bool, error) { return false, nil }
func (alone) Awaited(uint64) bool       { return false }

// The last producer sends, and its stream ends, between any two steps of a join: a subscription that
// gets records of the stream is told its end.
func TestStreamEndsDuringAJoin(t *testing.T) {
	defer atomics.SetHook(nil)
	with, without := 0, 0
	for _, oldest := range []bool{false, true} {
		for at := 1; ; at++ {
			r := ringtest.NewRegion(each(false, false, 8, 0), 0).Ring()
			p, err := r.NewProducer(0)
			require.NoError(t, err)
			r.BeginStream()
			sendIDs(t, p, 0, 1)
			step, ended := 0, false
			atomics.SetHook(func(unsafe.Pointer, atomics.Op) {
				if step++; step != at || ended {
					return
				}
				ended = true
				sendIDs(t, p, 1, 2)
				r.LeaveStream()
				r.NoteEnd(true)
			})
			c := subscribe(r, 0, ring.Joining{Oldest: oldest})
			atomics.SetHook(nil)
			if !ended {
				break
			}
			c.Listen(true)
			if len(ids(t, c, 9)) == 0 {
				without++
				continue
			}
			with++
			how, err := c.TryEnd(alone{})
			require.NoError(t, err)
			require.NotZero(t, how, "oldest %v, at step %d", oldest, at)
		}
	}
	require.Positive(t, with)
	require.Positive(t, without)
}

// A stream ends, and the next one begins and sends, between any two steps of a receive: what was sent
// after the end comes after it was told, by each way to receive.
func TestStreamEndsDuringAReceive(t *testing.T) {
	defer atomics.SetHook(nil)
	for _, skip := range []bool{false, true} {
		for way, receive := range []func(c *ring.Consumer) error{
			func(c *ring.Consumer) error { _, _, err := c.TryReceive(make([]byte, 0, 64)); return err },
			func(c *ring.Consumer) error { return c.TryLease(new(ring.Lease)) },
			func(c *ring.Consumer) error {
				_, _, err := c.TryReceiveBatch([][]byte{make([]byte, 0, 64), nil})
				return err
			},
			func(c *ring.Consumer) error { _, err := c.TryLeaseBatch(make([]ring.Lease, 2)); return err },
			func(c *ring.Consumer) error {
				if c.Peek() {
					return nil
				}
				return ring.ErrEmpty
			},
		} {
			for at := 1; ; at++ {
				r := ringtest.NewRegion(each(false, skip, 8, 0), 0).Ring()
				p, err := r.NewProducer(0)
				require.NoError(t, err)
				r.BeginStream()
				c := subscribe(r, 0, ring.Joining{})
				c.Listen(true)
				step, ended := 0, false
				atomics.SetHook(func(unsafe.Pointer, atomics.Op) {
					if step++; step != at || ended {
						return
					}
					ended = true
					r.LeaveStream()
					r.NoteEnd(true)
					r.WarnOfStream()
					p, err = r.NewProducer(0)
					r.BeginStream()
					sendIDs(t, p, 0, 1)
				})
				err = receive(c)
				atomics.SetHook(nil)
				if !ended {
					break
				}
				require.ErrorIs(t, err, ring.ErrEmpty, "skip %v, way %d, at step %d", skip, way, at)
				how, err := c.TryEnd(alone{})
				require.NoError(t, err)
				require.NotZero(t, how, "skip %v, way %d, at step %d", skip, way, at)
				require.NoError(t, receive(c))
			}
		}
	}
}
