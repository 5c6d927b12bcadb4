package ring_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// modes are the four combinations of single and many.
var modes = []struct{ producers, consumers bool }{{false, false}, {false, true}, {true, false}, {true, true}}

func eachMode(t *testing.T, f func(t *testing.T, manyProducers, manyConsumers bool)) {
	for _, m := range modes {
		t.Run(fmt.Sprintf("producers=%s/consumers=%s", oneMany(m.producers), oneMany(m.consumers)), func(t *testing.T) {
			t.Parallel()
			f(t, m.producers, m.consumers)
		})
	}
}

func oneMany(many bool) string {
	if many {
		return "many"
	}
	return "one"
}

func newRing(t testing.TB, g layout.Geometry) *ring.Ring {
	t.Helper()
	buf := make([]byte, g.TotalSize()+layout.LineSize)
	skip := -uintptr(unsafe.Pointer(&buf[0])) % layout.LineSize
	r, err := ring.New(buf[skip:], g, func() uint64 { return 0 })
	require.NoError(t, err)
	return r
}

func newPair(t testing.TB, g layout.Geometry) (*ring.Ring, *ring.Producer, *ring.Consumer) {
	r := newRing(t, g)
	p, err := r.NewProducer(0)
	require.NoError(t, err)
	return r, p, r.NewConsumer(1)
}

func payload(rng *rand.Rand, seq uint64, max int) []byte {
	b := make([]byte, rng.IntN(max+1))
	for i := range b {
		b[i] = byte(seq + uint64(i)*7)
	}
	if len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, seq)
	}
	return b
}

func TestRecordsOfEverySizeComeOutAsTheyWentIn(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		g := layout.Geometry{ManyProducers: mp, ManyConsumers: mc, Seats: 4, Slots: 8, AreaSize: 64}
		_, p, c := newPair(t, g)
		rng := rand.New(rand.NewPCG(1, 2))
		var sent [][]byte
		var l ring.Lease
		for seq := uint64(0); seq < 50_000; seq++ {
			b := payload(rng, seq, p.MaxRecord())
			for {
				err := p.Send(b)
				if err == nil {
					sent = append(sent, b)
					break
				}
				require.ErrorIs(t, err, ring.ErrFull)
				err = c.TryLease(&l)
				if err == ring.ErrEmpty && len(sent) == 0 {
					continue // only a filler was passed over
				}
				require.NoError(t, err)
				require.True(t, bytes.Equal(sent[0], l.Data), "record %d", seq)
				require.Zero(t, l.Redelivered)
				sent = sent[1:]
				c.Ack(&l)
			}
		}
		for _, b := range sent {
			require.NoError(t, c.TryLease(&l))
			require.True(t, bytes.Equal(b, l.Data))
			c.Ack(&l)
		}
		require.ErrorIs(t, c.TryLease(&l), ring.ErrEmpty)
		require.True(t, c.Idle())
	})
}
