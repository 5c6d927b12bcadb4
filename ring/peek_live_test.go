//go:build linux

package ring_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// uniform writes a record that is made and checked at the speed of a copy: number id
// again and again, in which every mixture of two records shows.
func uniform(b []byte, id uint64) {
	binary.LittleEndian.PutUint64(b, id)
	for n := 8; n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
}

func uniformID(b []byte) (uint64, error) {
	if len(b) < 8 || !bytes.Equal(b[8:], b[:len(b)-8]) {
		return 0, fmt.Errorf("torn: %x ... %x", b[:min(8, len(b))], b[max(0, len(b)-8):])
	}
	return binary.LittleEndian.Uint64(b), nil
}

// Large records in a small ring: a copy takes about as long as the ring needs to come
// round. Records that a viewer shows are whole and in order. SHMQ_LONG=1 runs it for a hundred
// times as many records.
func TestViewerNeverShowsATornRecord(t *testing.T) {
	records := uint64(30_000)
	if testproc.Long() {
		records *= 100
	}
	for _, mode := range modes {
		mp, mc := mode.producers, mode.consumers
		t.Run(fmt.Sprintf("producers=%s/consumers=%s", oneMany(mp), oneMany(mc)), func(t *testing.T) {
			g := layout.Geometry{ManyProducers: mp, ManyConsumers: mc, Seats: 8, Slots: 4, AreaSize: 64 << 10}
			r := ringtest.NewMappedRegion(t, g, 0).Ring()
			producers := 1
			if mp {
				producers = 2
			}
			var left atomic.Int64
			left.Store(int64(records))
			var bad atomic.Pointer[error]
			fail := func(err error) { bad.CompareAndSwap(nil, &err) }
			over := func() bool { return left.Load() <= 0 || bad.Load() != nil }
			var all sync.WaitGroup
			for i := range producers {
				p, err := r.NewProducer(i)
				require.NoError(t, err)
				all.Go(func() {
					for id := uint64(i); id < records; id += uint64(producers) {
						b, err := p.Reserve(64 << (10 + id%2)) // one slot or two
						for ; err == ring.ErrFull && !over(); b, err = p.Reserve(64 << (10 + id%2)) {
							runtime.Gosched()
						}
						if err != nil {
							fail(err)
							return
						}
						uniform(b, id)
						if err := p.Commit(len(b)); err != nil {
							fail(err)
						}
					}
				})
			}
			c := r.NewConsumer(7)
			all.Go(func() {
				ls := make([]ring.Lease, 2)
				for !over() {
					n, err := c.TryLeaseBatch(ls)
					if err != nil && err != ring.ErrEmpty {
						fail(err)
					}
					for i := range ls[:n] {
						c.Ack(&ls[i])
					}
					left.Add(-int64(n))
					runtime.Gosched()
				}
			})
			shown := 0
			all.Go(func() {
				v := inspect.NewViewer(r)
				rec := inspect.Record{}
				last := map[uint64]uint64{}
				for !over() {
					switch err := v.Next(&rec); {
					case err == ring.ErrEmpty:
						runtime.Gosched()
						continue
					case err != nil:
						fail(fmt.Errorf("viewer: %w", err))
						return
					case rec.State == inspect.Writing:
						v.Seek(rec.Pos)
						runtime.Gosched()
						continue
					}
					id, err := uniformID(rec.Data)
					if err != nil {
						fail(fmt.Errorf("at %d: %w", rec.Pos, err))
						return
					}
					from := id % uint64(producers)
					if before, ok := last[from]; ok && id <= before {
						fail(fmt.Errorf("record %d after %d", id, before))
					}
					last[from] = id
					shown++
				}
			})
			all.Wait()
			if err := bad.Load(); err != nil {
				t.Fatal(*err)
			}
			require.Positive(t, shown)
			t.Logf("%d of %d records seen", shown, records)
		})
	}
}
