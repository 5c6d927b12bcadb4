package layout_test

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/layout"
)

func sample() layout.Header {
	return layout.Header{
		Geometry:   layout.Geometry{ManyProducers: true, ManyConsumers: true, Seats: 64, Slots: 1024, AreaSize: 256},
		Created:    1_700_000_000_123_456_789,
		CreationID: [16]byte{1, 2, 3},
		BootID:     [16]byte{9, 8, 7},
	}
}

// seal makes a changed header's checksum right again.
func seal(page []byte) []byte {
	sum := crc32.Checksum(page[:layout.OffHeaderCRC], crc32.MakeTable(crc32.Castagnoli))
	binary.LittleEndian.PutUint32(page[layout.OffHeaderCRC:], sum)
	return page
}

func TestHeaderSurvivesItsEncoding(t *testing.T) {
	t.Parallel()
	for flags := range 16 {
		h := sample()
		h.ManyProducers, h.ManyConsumers, h.Checksum, h.Timestamps = flags&1 != 0, flags&2 != 0, flags&4 != 0, flags&8 != 0
		page := h.Encode()
		require.Len(t, page, layout.HeaderSize)
		got, err := layout.Validate(page, int64(h.TotalSize()))
		require.NoError(t, err)
		require.Equal(t, h, got)
	}
}

func TestFilesThatAreNoUsableQueueAreRefused(t *testing.T) {
	t.Parallel()
	le := binary.LittleEndian
	size := int64(sample().TotalSize())
	for _, c := range []struct {
		name   string
		change func(page []byte) []byte
		size   int64
		want   error
		says   string
	}{
		{"empty", func([]byte) []byte { return nil }, 0, layout.ErrNotQueue, "magic"},
		{"other file", func(p []byte) []byte { copy(p, "\x7fELF"); return p }, size, layout.ErrNotQueue, "magic"},
		{"text-mode copy", func(p []byte) []byte { p[4] = '\n'; return p }, size, layout.ErrNotQueue, "magic"},
		{"header cut short", func(p []byte) []byte { return p[:100] }, 100, layout.ErrDamaged, "100 bytes"},
		{"file shorter than its page", func(p []byte) []byte { return p }, layout.HeaderSize - 1, layout.ErrDamaged, "4095 bytes"},
		{"negative size", func(p []byte) []byte { return p }, -1, layout.ErrDamaged, "-1 bytes"},
		{"later version, whatever its checksum", func(p []byte) []byte { le.PutUint32(p[layout.OffVersion:], 7); return p }, size, layout.ErrVersion, "version 7, this program speaks version 3"},
		{"bit flipped", func(p []byte) []byte { p[layout.OffSlots] ^= 1; return p }, size, layout.ErrDamaged, "checksum"},
		{"checksum flipped", func(p []byte) []byte { p[layout.OffHeaderCRC] ^= 1; return p }, size, layout.ErrDamaged, "checksum"},
		{"unknown feature", func(p []byte) []byte { p[layout.OffFlags] |= 64; return seal(p) }, size, layout.ErrVersion, "0x40"},
		{"truncated", func(p []byte) []byte { return p }, size - 1, layout.ErrDamaged, "truncated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := layout.Validate(c.change(sample().Encode()), c.size)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestGeometryThatContradictsItselfIsRefused(t *testing.T) {
	t.Parallel()
	size := int64(1) << 60 // never the reason
	for _, f := range []struct {
		name   string
		off    int
		width  int
		values []uint64
	}{
		{"header size", layout.OffHeaderSize, 4, []uint64{0, 4095, 8192}},
		{"seats", layout.OffSeats, 4, []uint64{0, 1, 65, 1025, 1 << 31, 1<<31 + 64, 1<<32 - 1}},
		{"slots", layout.OffSlots, 8, []uint64{0, 1, 3, 512, 2048, 1 << 25, 1 << 32, 1<<32 + 1024, 1 << 63, 1<<64 - 1}},
		{"area size", layout.OffAreaSize, 8, []uint64{0, 63, 255, 320, 1 << 31, 1<<32 + 256, 1<<64 - 64}},
		{"hot words", layout.OffHot, 8, []uint64{0, 4097, 8192, 1<<64 - 1}},
		{"seat table", layout.OffSeatTable, 8, []uint64{0, 4096, 8193}},
		{"slot table", layout.OffSlotTable, 8, []uint64{0, 8192, 1 << 63}},
		{"data areas", layout.OffData, 8, []uint64{0, 16384, 1 << 63}},
		{"total size", layout.OffTotalSize, 8, []uint64{0, 4096, 1 << 63}},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			for _, v := range f.values {
				page := sample().Encode()
				if f.width == 4 {
					binary.LittleEndian.PutUint32(page[f.off:], uint32(v))
				} else {
					binary.LittleEndian.PutUint64(page[f.off:], v)
				}
				_, err := layout.Validate(seal(page), size)
				require.ErrorIs(t, err, layout.ErrDamaged, "%s = %#x", f.name, v)
			}
		})
	}
}

func TestGeometriesAtTheLimitsFit(t *testing.T) {
	t.Parallel()
	for _, g := range []layout.Geometry{
		{Seats: 2, Slots: layout.MinSlots, AreaSize: layout.AreaUnit},
		{Seats: layout.MaxSeats, Slots: layout.MaxSlots, AreaSize: layout.MaxAreaSize},
	} {
		require.NoError(t, g.Check())
		require.Less(t, g.TotalSize(), uint64(1)<<55)
		require.Greater(t, g.MaxRecord(), 0)
		require.LessOrEqual(t, g.MaxRecord(), layout.MaxRecordSize)
		got, err := layout.Validate(layout.Header{Geometry: g}.Encode(), int64(g.TotalSize()))
		require.NoError(t, err)
		require.Equal(t, g, got.Geometry)
	}
}

// FuzzValidateNeverAcceptsWrongGeometry changes a header anywhere, checksum made
// right: what Validate accepts must be exactly what Encode writes for it, and fit
// into the file.
func FuzzValidateNeverAcceptsWrongGeometry(f *testing.F) {
	size := sample().TotalSize()
	f.Add(uint16(layout.OffSeats), []byte{0, 0, 0, 128}, size)
	f.Add(uint16(layout.OffSlots), []byte{0, 8}, size)
	f.Add(uint16(layout.OffAreaSize), []byte{0, 2}, uint64(1)<<40)
	f.Add(uint16(layout.OffFlags), []byte{3}, size)
	f.Fuzz(func(t *testing.T, off uint16, b []byte, size uint64) {
		page := sample().Encode()
		if int(off) < len(page) {
			copy(page[off:], b)
		}
		seal(page)
		h, err := layout.Validate(page, int64(size&(1<<62-1)))
		known, usable, problems := layout.Examine(page, int64(size&(1<<62-1)))
		require.Equal(t, err == nil, len(problems) == 0)
		if usable {
			require.NoError(t, known.Check())
		}
		if err != nil {
			return
		}
		require.Equal(t, h, known)
		require.NoError(t, h.Check())
		require.GreaterOrEqual(t, size&(1<<62-1), h.TotalSize())
		want := h.Encode()
		require.Equal(t, want[:layout.OffBootID+16], page[:layout.OffBootID+16])
	})
}
