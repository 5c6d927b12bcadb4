package ring_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/scribble"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// rebuildAnything rebuilds a region whatever stands in it, and uses the ring.
func rebuildAnything(m *ringtest.Region) error {
	found, err := ring.Rebuild(m.Bytes, m.Geometry)
	if err != nil {
		return err
	}
	r := m.Ring()
	torn := r.Torn()
	if m.Geometry.Each {
		return useSubscriptions(m, r)
	}
	c := r.NewConsumer(1)
	came := 0
	for ; ; came++ {
		var l ring.Lease
		if err := c.TryLease(&l); err == ring.ErrEmpty {
			break
		} else if err != nil {
			return err
		}
		if l.Redelivered == 0 || !m.Holds(l.Data) {
			return errors.New("a record without a flag, or from elsewhere")
		}
		c.Ack(&l)
	}
	if came != found.Records || r.Torn() != torn {
		return errors.New("what was found is not what came")
	}
	return useOn(r, []int{8, 44, 45, 64, 65, 130}[:min(6, m.Geometry.Slots)])
}

// scramble overwrites a region in use as FuzzRebuild's input says.
func scramble(m *ringtest.Region, noise []byte) {
	tape := &scribble.Tape{Bytes: noise}
	for pen := scribble.New(m.Bytes, m.Geometry, tape); !tape.Ended(); {
		pen.Write()
	}
}

func inUse(g layout.Geometry, start uint64, rng *rand.Rand) *ringtest.Region {
	k := newMachine(rng, g, start, 64, false)
	k.work(60)
	copy(k.m.Bytes, k.disk.image)
	return k.m
}

func TestWhateverStandsThereIsRebuilt(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		rng := rand.New(rand.NewPCG(21, 22))
		for range testproc.Rounds(400) {
			g := summed(mp, mc, 1<<(1+rng.UintN(5)))
			m := inUse(g, boundaries[rng.IntN(len(boundaries))]-rng.Uint64N(9), rng)
			pen := scribble.New(m.Bytes, m.Geometry, scribble.Dice(rng.Uint64()))
			for range rng.IntN(20) {
				pen.Write()
			}
			if rng.IntN(5) == 0 {
				for i := layout.HotOffset; i < len(m.Bytes); i++ {
					m.Bytes[i] = byte(rng.Uint32())
				}
			}
			require.NoError(t, rebuildAnything(m))
			require.NoError(t, rebuildAnything(m), "again")
		}
	})
}

func FuzzRebuild(f *testing.F) {
	f.Add(byte(0), uint64(0), []byte("0123456789abcdef"))
	f.Add(byte(3), uint64(1<<50-3), []byte("\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add(byte(13), uint64(1<<60-3), []byte("\x0a\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Add(byte(128), uint64(1<<62-3), []byte("\x00\x07\x01\x00\x02\x03"))
	f.Fuzz(func(t *testing.T, mode byte, start uint64, noise []byte) {
		g := summed(mode&1 != 0, mode&2 != 0, 1<<(1+mode>>2&3))
		var m *ringtest.Region
		switch {
		case mode&128 != 0:
			m = subscribedInUse(summedEach(int(mode&127)), start, rand.New(rand.NewPCG(start, uint64(mode))))
			scramble(m, noise)
		case mode&32 != 0:
			m = ringtest.NewRegion(g, start)
			copy(m.Bytes[layout.HotOffset:], noise)
			copy(m.Bytes[g.SlotOffset():], noise)
		default:
			m = inUse(g, start, rand.New(rand.NewPCG(start, uint64(mode))))
			scramble(m, noise)
		}
		require.NoError(t, rebuildAnything(m))
		require.NoError(t, rebuildAnything(m))
	})
}
