package ring_test

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/ring"
)

// Histories of real goroutines are linearizable: they are what a plain queue of so
// many slots could have answered one call at a time. With one reservation: a call
// that overlaps another may find the ring full or empty although at no instant it
// was, because a claim or a take becomes visible in two steps.

type queueCall struct {
	send  bool
	id    uint64
	alone bool // overlaps no other call
}

type queueAnswer struct {
	id uint64 // of the record taken
	ok bool
}

// queueOf is a first-in-first-out queue of so many records of one slot.
func queueOf(slots int) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return []uint64(nil) },
		Step: func(state, input, output any) (bool, any) {
			q, in, out := state.([]uint64), input.(queueCall), output.(queueAnswer)
			switch {
			case in.send && out.ok:
				return len(q) < slots, append(slices.Clone(q), in.id)
			case in.send:
				return !in.alone || len(q) == slots, q
			case out.ok:
				return len(q) > 0 && q[0] == out.id, q[min(1, len(q)):]
			default:
				return !in.alone || len(q) == 0, q
			}
		},
		Equal: func(a, b any) bool { return slices.Equal(a.([]uint64), b.([]uint64)) },
	}
}

// history lets producers and consumers make calls each, all at once, and returns
// what happened. A take is a lease and its acknowledgement. Fences stand between a call and
// the two readings of the clock: the last store of a call is a release store, which others
// may see some nanoseconds after the call has returned.
func history(t *testing.T, mp, mc bool, calls int, seed uint64) []porcupine.Operation {
	producers, consumers := 1, 1
	if mp {
		producers = 2
	}
	if mc {
		consumers = 2
	}
	r := ringtest.NewRegion(geometry(mp, mc, 2), seed).Ring()
	all := make([][]porcupine.Operation, producers+consumers)
	began := time.Now()
	var ready, wg sync.WaitGroup
	ready.Add(len(all))
	for i := range all {
		var call func(n int, in *queueCall) queueAnswer
		if i < producers {
			p, err := r.NewProducer(i)
			require.NoError(t, err)
			call = func(n int, in *queueCall) queueAnswer {
				in.send, in.id = true, uint64(i)<<32|uint64(n)
				return queueAnswer{ok: p.Send(ringtest.Record(in.id, 8)) == nil}
			}
		} else {
			c := r.NewConsumer(i)
			call = func(int, *queueCall) queueAnswer {
				var l ring.Lease
				if c.TryLease(&l) != nil {
					return queueAnswer{}
				}
				id, _ := ringtest.ReadRecord(l.Data)
				c.Ack(&l)
				return queueAnswer{id, true}
			}
		}
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		wg.Go(func() {
			ready.Done()
			ready.Wait()
			for n := range calls {
				op := porcupine.Operation{ClientId: i, Call: int64(time.Since(began))}
				var in queueCall
				atomics.Fence()
				op.Output = call(n, &in)
				atomics.Fence()
				op.Return = int64(time.Since(began))
				op.Input = in
				all[i] = append(all[i], op)
				if rng.IntN(4) == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	wg.Wait()
	ops := slices.Concat(all...)
	for i := range ops {
		in := ops[i].Input.(queueCall)
		in.alone = !slices.ContainsFunc(ops, func(o porcupine.Operation) bool {
			return o.ClientId != ops[i].ClientId && o.Call <= ops[i].Return && o.Return >= ops[i].Call
		})
		ops[i].Input = in
	}
	return ops
}

func TestHistoriesAreThoseOfAQueue(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		for seed := range uint64(150) {
			ops := history(t, mp, mc, 40, seed)
			result, _ := porcupine.CheckOperationsVerbose(queueOf(2), ops, 0)
			require.Equal(t, porcupine.Ok, result, "seed %d: %v", seed, ops)
		}
	})
}
