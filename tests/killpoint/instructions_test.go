//go:build linux && amd64

package killpoint

import (
	"context"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/producer"
)

// countMode stands in the place of a queue's mode: nobody is killed, instructions are counted.
const countMode = "count"

// counted is how many records an operation moves, batchOf how many of them at once.
const counted, batchOf = 32, 16

// operations are those that are counted, in this order; the first ones fill the queue that the
// next ones empty.
var operations = []string{"send", "receive", "send-batch-16", "receive-batch-16", "reserve-commit", "lease-acknowledge", "typed-send", "typed-receive", "bare-put", "bare-take"}

// BenchmarkInstructions counts the instructions that a record of 48 bytes takes at either end, by
// single-stepping through 32 calls that find room, or records. bare-put and bare-take copy a record
// into a line and out of it, with a store each, as bare/slots of shmq bench.
func BenchmarkInstructions(b *testing.B) {
	for _, sides := range []string{"one-one", "many-many"} {
		b.Run(sides, func(b *testing.B) {
			counts := instructions(b, sides)
			for b.Loop() { // the count is the same each time
			}
			b.ReportMetric(0, "ns/op")
			for i, name := range operations {
				b.ReportMetric(float64(counts[i])/counted, name)
			}
		})
	}
}

func instructions(t testing.TB, sides string) []int {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	q := t.TempDir() + "/q"
	o := shmq.Options{Slots: 1024, Producers: shmq.One, Consumers: shmq.One}
	if sides == "many-many" {
		o.Producers, o.Consumers = shmq.Many, shmq.Many
	}
	require.NoError(t, shmq.Create(q, &o))
	page, path := newPage(t)
	v, err := startVictim(page, path, "", q+"|"+countMode+"|"+sides, nil)
	require.NoError(t, err)
	defer v.kill()
	require.NoError(t, v.seize(0))
	require.NoError(t, v.begin())
	counts := make([]int, 2*len(operations))
	for i := range counts {
		before := v.steps
		for v.progress() == i {
			require.NoError(t, v.step())
		}
		counts[i] = v.steps - before
	}
	return counts[len(operations):] // those that came first set up what the others find
}

func playCountVictim(p *page, v *victim) {
	type reading struct {
		Sensor, Value, Low, High uint64
		Unit                     string
	}
	decode, err := consumer.Open[reading](v.queue, nil)
	v.check(err)
	encode, err := producer.Open[reading](v.queue, nil)
	v.check(err)
	in, out := decode.Raw(), encode.Raw()
	ctx := context.Background()
	rec, buf := make([]byte, 48), make([]byte, 0, 64)
	recs, bufs := make([][]byte, batchOf), make([][]byte, batchOf)
	for i := range recs {
		recs[i], bufs[i] = rec, make([]byte, 0, 64)
	}
	lines := make([]byte, counted*layout.SlotSize)
	at := unsafe.Pointer(unsafe.SliceData(lines))
	value := reading{Sensor: 7, Value: 1 << 40, Low: 1, High: 9, Unit: "kelvin"}
	each := func(f func(i int)) func() {
		return func() {
			for i := range counted {
				f(i)
			}
		}
	}
	batches := func(f func() (int, error)) func() {
		return func() {
			for n := 0; n < counted; {
				got, err := f()
				v.check(err)
				n += got
			}
		}
	}
	calls := []func(){
		each(func(int) { v.check(out.Send(ctx, rec)) }),
		each(func(int) { buf, err = in.Receive(ctx, buf); v.check(err) }),
		batches(func() (int, error) { return out.SendBatch(ctx, recs) }),
		batches(func() (int, error) { return in.ReceiveBatch(ctx, bufs) }),
		each(func(int) {
			space, err := out.Reserve(ctx, len(rec))
			v.check(err)
			copy(space, rec)
			v.check(out.Commit(len(rec)))
		}),
		each(func(int) {
			l, err := in.Lease(ctx)
			v.check(err)
			copy(rec, l.Bytes())
			l.Ack()
		}),
		each(func(int) { v.check(encode.Send(ctx, value)) }),
		each(func(int) { value, err = decode.Receive(ctx); v.check(err) }),
		each(func(i int) {
			line := unsafe.Add(at, i*layout.SlotSize)
			copy(unsafe.Slice((*byte)(unsafe.Add(line, 8)), 48), rec)
			atomics.StoreRelease64((*uint64)(line), uint64(i))
		}),
		each(func(i int) {
			line := unsafe.Add(at, i*layout.SlotSize)
			if atomics.Load64((*uint64)(line)) == uint64(i) {
				copy(rec, unsafe.Slice((*byte)(unsafe.Add(line, 8)), 48))
				atomics.StoreRelease64((*uint64)(line), uint64(i))
			}
		}),
	}
	p.perform(append(calls, calls...))
}
