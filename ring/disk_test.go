package ring_test

import (
	"math/rand/v2"
	"slices"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
)

// disk is what stands on the disk of a region in memory: each unit of it as it was at
// some moment since the last sync.
type disk struct {
	m     *ringtest.Region
	image []byte
	unit  uint64 // bytes that reach the disk together
	parts []part // what is used of the region
}

type part struct{ from, units uint64 }

func newDisk(m *ringtest.Region, unit uint64) *disk {
	d := &disk{m: m, image: slices.Clone(m.Bytes), unit: unit}
	g := m.Geometry
	for _, p := range []part{
		{layout.HotOffset, layout.HotMarks + layout.LineSize},
		{layout.SeatOffset, uint64(g.Seats) * layout.SeatSize},
		{g.SlotOffset(), g.Slots * layout.SlotSize},
		{g.DataOffset(), g.Slots * g.AreaSize},
	} {
		d.parts = append(d.parts, part{p.from, (p.units + unit - 1) / unit})
	}
	if unit < layout.HotSize {
		d.parts = append(d.parts, part{layout.HotOffset + layout.HotIncarnations, layout.IncarnationCount * layout.IncarnationSize / unit})
	}
	return d
}

// sync brings all to the disk.
func (d *disk) sync() { copy(d.image, d.m.Bytes) }

// writeBack brings n units to the disk, any ones.
func (d *disk) writeBack(rng *rand.Rand, n int) {
	for range n {
		p := d.parts[rng.IntN(len(d.parts))]
		d.write(p.from + rng.Uint64N(p.units)*d.unit)
	}
}

// write brings the unit at an offset to the disk.
func (d *disk) write(at uint64) { copy(d.image[at:at+d.unit], d.m.Bytes[at:]) }

// mix returns an image of which each unit is one of a or of b.
func (d *disk) mix(rng *rand.Rand, a, b []byte) []byte {
	c := slices.Clone(a)
	share := rng.IntN(5)
	for _, p := range d.parts {
		for i := range p.units {
			if at := p.from + i*d.unit; rng.IntN(5) <= share {
				copy(c[at:at+d.unit], b[at:])
			}
		}
	}
	return c
}
