package layout_test

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/layout"
)

// The numbers below are the side file, version 1.
func TestSideFileIsWhatItWas(t *testing.T) {
	t.Parallel()
	s := layout.Side{State: layout.SideReady, Own: true, Fresh: true, ID: 0x01020304, Key: 0x11121314, PID: 0x21222324, Namespace: 0x3132333435363738}
	for i := range s.Header {
		s.Header[i] = byte(i)
	}
	b := s.Encode()
	require.Len(t, b, 256)
	require.Equal(t, "73686d71730d0a1a"+"01000000"+"02000000"+"03000000"+"04030201"+"14131211"+"24232221"+"3837363534333231", hex.EncodeToString(b[:40]))
	require.Equal(t, strings.Repeat("00", 24), hex.EncodeToString(b[40:64]))
	require.Equal(t, s.Header[:], b[64:192])
	require.Equal(t, strings.Repeat("00", 60), hex.EncodeToString(b[192:252]))
	require.Equal(t, []int{1032, 1033, 128}, []int{layout.LockSide, layout.LockSegment, layout.SideHeaderSize})
	got, err := layout.DecodeSide(append(b, 7))
	require.NoError(t, err)
	require.Equal(t, s, got)
}

// A header has to fit into what a side file repeats of it.
func TestSideFileHasTheWholeHeader(t *testing.T) {
	t.Parallel()
	h := layout.Header{Geometry: layout.Geometry{Seats: 2, Slots: 2, AreaSize: 64}, Created: -1}
	page := h.Encode()
	require.Equal(t, make([]byte, layout.HeaderSize-layout.SideHeaderSize), page[layout.SideHeaderSize:])
	require.Less(t, layout.OffHeaderCRC, layout.SideHeaderSize)
}

func FuzzSideFile(f *testing.F) {
	s := layout.Side{State: layout.SideMaking, ID: -1}
	f.Add(s.Encode(), uint(0))
	f.Add([]byte(layout.SideMagic), uint(9))
	f.Fuzz(func(t *testing.T, b []byte, at uint) {
		s, err := layout.DecodeSide(b)
		if err == nil {
			again, err := layout.DecodeSide(s.Encode())
			require.NoError(t, err)
			require.Equal(t, s, again)
		}
		whole := (&layout.Side{State: layout.SideReady}).Encode()
		whole[at%layout.SideSize] ^= byte(binary.LittleEndian.Uint16(append(b, 1, 0)) | 1)
		_, err = layout.DecodeSide(whole)
		require.Error(t, err, "any changed byte is noticed")
	})
}
