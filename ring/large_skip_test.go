package ring_test

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/ring"
)

// Copies of a MiB and more go past the caches on amd64 (memmove has non-temporal stores for them), which
// no earlier plain store holds back; on arm64 no store does. A producer that waits for nobody
// announces what it will write over: a reader that copied a part of it refuses its copy.
func TestLargeCopiesThatWereWrittenOverAreRefused(t *testing.T) {
	records := 150
	if testproc.Long() {
		records = 20_000
	}
	for _, many := range []bool{false, true} {
		for _, reserve := range []bool{false, true} {
			for _, area := range []uint64{1 << 20, 1<<20 + 4096, 512 << 10} { // the last takes two or three slots
				g := each(many, true, 8, 0)
				g.AreaSize = area
				name := fmt.Sprintf("many=%v/reserve=%v/%d", many, reserve, area)
				t.Run(name, func(t *testing.T) { largeCopies(t, ringtest.NewMappedRegion(t, g, 0).Ring(), reserve, records) })
			}
		}
	}
}

func largeCopies(t *testing.T, r *ring.Ring, reserve bool, records int) {
	size := 1 << 20
	if r.Geometry().AreaSize < 1<<20 {
		size += 4096
	}
	// Records that follow each other in a slot are of different sources: eight slots or less, and
	// three of them.
	sources := make([][]byte, 3)
	for i := range sources {
		sources[i] = make([]byte, size)
		for at := 0; at < size; at += 8 {
			binary.LittleEndian.PutUint64(sources[i][at:], uint64(i+1)*0x0101010101010101)
		}
	}
	readers := []*ring.Consumer{subscribe(r, 0, ring.Joining{}), subscribe(r, 1, ring.Joining{})}
	p, err := r.NewProducer(0)
	require.NoError(t, err)
	var accepted, refused atomic.Int64
	var over atomic.Bool
	var all sync.WaitGroup
	errs := make(chan error, len(readers))
	for _, c := range readers {
		all.Go(func() {
			buf := make([]byte, 0, size)
			for !over.Load() {
				b, _, err := c.TryReceive(buf)
				switch err {
				case nil:
					accepted.Add(1)
					if err := whole(b, size); err != nil {
						errs <- err
						over.Store(true)
						return
					}
				case ring.ErrLagged:
					refused.Add(1)
				case ring.ErrEmpty:
					runtime.Gosched()
				default:
					errs <- err
					return
				}
			}
		})
	}
	// A producer that is faster than the readers, who copy and look at all, overtakes them again and again.
	for n := 0; !over.Load() && (n < records || accepted.Load() == 0 || refused.Load() == 0); n++ {
		from := sources[n%len(sources)]
		if reserve {
			b, err := p.Reserve(size)
			require.NoError(t, err)
			copy(b, from)
			require.NoError(t, p.Commit(size))
		} else {
			require.NoError(t, p.Send(from))
		}
	}
	over.Store(true)
	all.Wait()
	select {
	case err := <-errs:
		t.Fatal(err)
	default:
	}
	t.Logf("%d copies were accepted, %d jumps", accepted.Load(), refused.Load())
}

// whole reports whether all of b is of one source.
func whole(b []byte, size int) error {
	if len(b) != size {
		return fmt.Errorf("%d bytes, want %d", len(b), size)
	}
	first := binary.LittleEndian.Uint64(b)
	for at := 0; at < len(b); at += 8 {
		if now := binary.LittleEndian.Uint64(b[at:]); now != first {
			return fmt.Errorf("torn: %#x at %d, %#x at 0", now, at, first)
		}
	}
	return nil
}
