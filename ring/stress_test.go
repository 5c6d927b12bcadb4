package ring_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/ring"
)

// crowd is a number of goroutines that send and take at once, as fast as they can.
type crowd struct {
	m       *ringtest.Region
	r       *ring.Ring
	total   int64
	taken   atomic.Int64
	arrived [][]atomic.Bool // by producer and number
	err     atomic.Pointer[error]
}

func (c *crowd) fail(err error) { c.err.CompareAndSwap(nil, &err) }

func (c *crowd) over() bool { return c.taken.Load() >= c.total || c.err.Load() != nil }

// produce sends n records of mixed sizes, one by one, reserved and in batches.
func (c *crowd) produce(p *ring.Producer, index, n int) {
	rng := rand.New(rand.NewPCG(uint64(index), 5))
	large := false
	for seq := 0; seq < n && c.err.Load() == nil; {
		var err error
		sent := 1
		id := func(i int) uint64 { return uint64(index)<<32 | uint64(seq+i) }
		size := func() int { return ringtest.MinRecord + rng.IntN(56) }
		if large || rng.IntN(8) == 0 {
			large = true // until it is through
			err = p.Send(ringtest.Record(id(0), p.MaxRecord()))
			if err == ring.ErrFull {
				p.AskTurn()
			} else {
				p.DropTurn()
				large = false
			}
		} else if rng.IntN(2) == 0 {
			var recs [][]byte
			for i := range min(1+rng.IntN(6), n-seq) {
				recs = append(recs, ringtest.Record(id(i), size()))
			}
			sent, err = p.SendBatch(recs)
		} else {
			var b []byte
			if b, err = p.Reserve(100); err == nil {
				length := size()
				copy(b, ringtest.Record(id(0), length))
				err = p.Commit(length)
			}
		}
		switch err {
		case nil:
			seq += sent
		case ring.ErrFull:
			runtime.Gosched()
		default:
			c.fail(err)
		}
	}
}

// consume takes records until all have arrived, gives some back, and checks each.
func (c *crowd) consume(k *ring.Consumer, index int) {
	rng := rand.New(rand.NewPCG(uint64(index), 6))
	last := map[uint64]uint64{}
	ls := make([]ring.Lease, 4)
	for misses := 0; !c.over(); misses++ {
		if misses > 20_000_000 {
			c.fail(fmt.Errorf("nothing arrives any more: %d of %d records did", c.taken.Load(), c.total))
		}
		n, err := 1, error(nil)
		if rng.IntN(2) == 0 {
			err = k.TryLease(&ls[0])
		} else {
			n, err = k.TryLeaseBatch(ls)
		}
		if err == ring.ErrEmpty {
			runtime.Gosched()
			continue
		}
		if err != nil {
			c.fail(err)
			return
		}
		misses = 0
		for i := range ls[:n] {
			c.settle(k, &ls[i], last, rng.IntN(16) == 0)
		}
	}
}

func (c *crowd) settle(k *ring.Consumer, l *ring.Lease, last map[uint64]uint64, release bool) {
	id, err := ringtest.ReadRecord(l.Data)
	if err != nil {
		c.fail(err)
		return
	}
	producer, seq := id>>32, id&(1<<32-1)
	if l.Redelivered == 0 {
		if before, ok := last[producer]; ok && before >= seq {
			c.fail(fmt.Errorf("producer %d: record %d after %d", producer, seq, before))
		}
		last[producer] = seq
	}
	if release {
		k.Release(l)
		return
	}
	if c.arrived[producer][seq].Swap(true) {
		c.fail(fmt.Errorf("producer %d: record %d twice", producer, seq))
	}
	k.Ack(l)
	c.taken.Add(1)
}

func TestEveryRecordArrivesOnceInACrowd(t *testing.T) {
	const each = 15_000
	eachMode(t, func(t *testing.T, mp, mc bool) {
		producers, consumers := 1, 1
		if mp {
			producers = 3
		}
		if mc {
			consumers = 3
		}
		g := geometry(mp, mc, 16)
		g.Checksum, g.Timestamps = mp != mc, mp
		m := ringtest.NewRegion(g, 1<<50-1000)
		c := &crowd{m: m, r: m.Ring(), total: int64(producers * each)}
		var wg sync.WaitGroup
		for i := range producers {
			c.arrived = append(c.arrived, make([]atomic.Bool, each))
			p, err := c.r.NewProducer(i)
			require.NoError(t, err)
			wg.Go(func() { c.produce(p, i, each) })
		}
		for i := range consumers {
			k := c.r.NewConsumer(producers + i)
			wg.Go(func() { c.consume(k, i) })
		}
		wg.Wait()
		if err := c.err.Load(); err != nil {
			t.Fatal(*err)
		}
		require.Equal(t, c.total, c.taken.Load())
	})
}
