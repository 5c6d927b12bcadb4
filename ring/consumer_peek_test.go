package ring_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/ring"
)

// With one participant at work at a time, Peek says what the call for a record, or for room,
// does, whatever happened before.
func TestPeekSaysWhatTheCallDoes(t *testing.T) {
	t.Parallel()
	for _, manyP := range []bool{false, true} {
		for _, manyC := range []bool{false, true} {
			for seed := range uint64(60) {
				peekAgainstCalls(t, manyP, manyC, rand.New(rand.NewPCG(seed, 1)))
			}
		}
	}
}

func peekAgainstCalls(t *testing.T, manyP, manyC bool, rnd *rand.Rand) {
	b := newBench(t, geometry(manyP, manyC, 8), 3)
	producers, consumers := []*ring.Producer{b.p}, []*ring.Consumer{b.c}
	if manyP {
		producers = append(producers, b.producer(2))
	}
	if manyC {
		consumers = append(consumers, b.r.NewConsumer(3))
	}
	for _, c := range consumers {
		c.Owner = c
	}
	var held []ring.Lease
	for range 300 {
		p := producers[rnd.IntN(len(producers))]
		c := consumers[rnd.IntN(len(consumers))]
		size := []int{0, 20, 100, 256}[rnd.IntN(4)]
		switch op := rnd.IntN(8); {
		case op < 3:
			room := p.Peek(size)
			err := p.Send(make([]byte, size))
			require.Equal(t, room, err != ring.ErrFull, "room for %d bytes, and %v", size, err)
		case op < 6:
			ready := c.Peek()
			var l ring.Lease
			err := c.TryLease(&l)
			require.Equal(t, ready, err == nil, "%v", err)
			if err == nil {
				held = append(held, l)
			}
		case op == 6 && len(held) > 0:
			i := rnd.IntN(len(held))
			held[i].Owner().(*ring.Consumer).Ack(&held[i])
			held = append(held[:i], held[i+1:]...)
		case op == 7 && len(held) > 0:
			i := rnd.IntN(len(held))
			held[i].Owner().(*ring.Consumer).Release(&held[i])
			held = append(held[:i], held[i+1:]...)
		}
	}
}
