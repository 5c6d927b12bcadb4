package layout_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/layout"
)

func TestIncarnationEntryIsWhatItWas(t *testing.T) {
	t.Parallel()
	n := layout.Incarnation{Number: 0x0102030405060708, Start: 0x1112131415161718, ID: 0x2122232425262728}
	b := n.Encode()
	require.Equal(t, "\x08\x07\x06\x05\x04\x03\x02\x01\x18\x17\x16\x15\x14\x13\x12\x11\x28\x27\x26\x25\x24\x23\x22\x21", string(b[:24]))
	require.Equal(t, n, layout.DecodeIncarnation(b, 8))
}

// What a death or a power failure leaves of an entry is none, whichever of its words are
// there; so is an entry at another place, and a place that was never written.
func TestPartsOfAnIncarnationEntryAreNone(t *testing.T) {
	t.Parallel()
	const place = 3
	old := layout.Incarnation{Number: place, Start: 10, ID: 0x1111}.Encode()
	fresh := layout.Incarnation{Number: place + layout.IncarnationCount, Start: 90, ID: 0x2222}.Encode()
	for _, before := range [][layout.IncarnationSize]byte{{}, old} {
		for words := 1; words < 15; words++ { // which of the four words are the new ones
			b := before
			for w := range 4 {
				if words&(1<<w) != 0 {
					copy(b[8*w:][:8], fresh[8*w:])
				}
			}
			require.Zero(t, layout.DecodeIncarnation(b, place), "words %04b", words)
		}
	}
	require.Zero(t, layout.DecodeIncarnation(fresh, place+1))
	require.Zero(t, layout.DecodeIncarnation([layout.IncarnationSize]byte{}, 0))
}

func table(ns ...layout.Incarnation) (t layout.Incarnations) {
	for _, n := range ns {
		t[n.Number%layout.IncarnationCount] = n
	}
	return t
}

func TestAPositionIsOfTheIncarnationInWhichItWasSent(t *testing.T) {
	t.Parallel()
	empty := table()
	require.Zero(t, empty.Latest())
	require.Zero(t, empty.Of(7))

	some := table(layout.Incarnation{1, 10, 0xa}, layout.Incarnation{2, 20, 0xb}, layout.Incarnation{3, 20, 0xc}, layout.Incarnation{4, 50, 0xd})
	require.Equal(t, layout.Incarnation{4, 50, 0xd}, some.Latest())
	for p, want := range map[uint64]uint64{9: 0, 10: 0xa, 19: 0xa, 20: 0xc, 49: 0xc, 50: 0xd, 1 << 62: 0xd} {
		require.Equal(t, want, some.Of(p), "position %d", p)
	}
	// Positions that go back are of the one that began last.
	back := table(layout.Incarnation{1, 10, 0xa}, layout.Incarnation{2, 50, 0xb}, layout.Incarnation{3, 20, 0xc})
	require.EqualValues(t, 0xc, back.Of(60))
	require.EqualValues(t, 0xa, back.Of(19))
	// Across the end of the numbers.
	const end = 1<<64 - 5
	wrap := table(layout.Incarnation{1, end - 10, 0xa}, layout.Incarnation{2, end, 0xb})
	require.EqualValues(t, 0xa, wrap.Of(end-1))
	require.EqualValues(t, 0xb, wrap.Of(3))
}

// Records are sent, some are lost with the power, and positions used again, more often than
// the table has entries. No two records ever get one id: those whose entry was overwritten
// get other ids, which nobody had.
func TestTwoRecordsNeverGetOneID(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	type id struct{ incarnation, position uint64 }
	had := map[id]int{} // which record had it
	var all layout.Incarnations
	var live []int // records by position
	sent, changed := 0, 0
	begin := func(start int) {
		next := all.Latest()
		if next.Number == 0 || next.Start != uint64(start) {
			next.Number, next.Start = next.Number+1, uint64(start)
		}
		next.ID = rng.Uint64()
		all[next.Number%layout.IncarnationCount] = next
	}
	begin(0)
	for range 5 * layout.IncarnationCount {
		for range rng.IntN(5) {
			live = append(live, sent)
			sent++
		}
		for p, record := range live {
			got := id{all.Of(uint64(p)), uint64(p)}
			before, ok := had[got]
			if ok {
				require.Equal(t, before, record, "position %d", p)
			} else if record < sent-5 {
				changed++
			}
			had[got] = record
		}
		end := max(int(all.Latest().Start), len(live)-rng.IntN(5))
		live = live[:end]
		begin(end)
	}
	require.Greater(t, all.Latest().Number, uint64(2*layout.IncarnationCount))
	require.NotZero(t, changed, "the table was too large for the test")
}
