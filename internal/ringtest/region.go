// Package ringtest is what the tests of the ring and of what is built on it have
// in common: regions on the heap, records that can be told from torn ones, and,
// with the build tag shmqstep, a scheduler that runs participants one shared
// access at a time.
package ringtest

import (
	"sync/atomic"
	"unsafe"

	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Region is an aligned piece of heap memory that holds a queue.
type Region struct {
	Bytes    []byte
	Geometry layout.Geometry
	// Millis is what the ring takes for CLOCK_MONOTONIC.
	Millis atomic.Uint64
}

// NewRegion returns a queue in which every position before start was used and
// freed: as the ring would look after it carried start slots of records.
func NewRegion(g layout.Geometry, start uint64) *Region {
	buf := make([]byte, g.TotalSize()+layout.LineSize)
	skip := -uintptr(unsafe.Pointer(&buf[0])) % layout.LineSize
	m := &Region{Bytes: buf[skip:][:g.TotalSize()], Geometry: g}
	m.Start(start)
	return m
}

// Start makes the region look as if start slots had been used and freed.
func (m *Region) Start(start uint64) {
	clear(m.Bytes[layout.HotOffset:])
	m.Millis.Store(0)
	g := m.Geometry
	for p := start; p != start+g.Slots; p++ {
		switch {
		case g.ManyConsumers:
			m.SetWord(p, layout.FreeWord(p, g.Shift()))
		case p >= g.Slots: // freed by head, with the last record's word in it
			m.SetWord(p, layout.FullWord(p-g.Slots, 1, g.Shift()))
		}
	}
	for _, off := range []uint64{layout.HotHead, layout.HotTail, layout.HotHandout} {
		m.SetHot(off, start)
	}
}

// Ring returns a view of the region. It panics when there can be none.
func (m *Region) Ring() *ring.Ring {
	r, err := ring.New(m.Bytes, m.Geometry, m.Millis.Load)
	if err != nil {
		panic(err)
	}
	return r
}

func (m *Region) slot(p uint64) *uint64 {
	i := p & (m.Geometry.Slots - 1)
	return m.at(m.Geometry.SlotOffset() + i*layout.SlotSize + layout.SlotWord)
}

func (m *Region) at(off uint64) *uint64 { return (*uint64)(unsafe.Pointer(&m.Bytes[off])) }

// Word returns the word in position p's slot.
func (m *Region) Word(p uint64) layout.Word { return layout.Word(atomic.LoadUint64(m.slot(p))) }

// SetWord writes the word in position p's slot.
func (m *Region) SetWord(p uint64, w layout.Word) { atomic.StoreUint64(m.slot(p), uint64(w)) }

// Hot returns the hot word at off, one of layout.Hot*.
func (m *Region) Hot(off uint64) uint64 { return atomic.LoadUint64(m.at(layout.HotOffset + off)) }

// SetHot writes the hot word at off.
func (m *Region) SetHot(off, v uint64) { atomic.StoreUint64(m.at(layout.HotOffset+off), v) }

// SetDescription writes length and meta of position p's slot.
func (m *Region) SetDescription(p uint64, length, meta uint32) {
	i := p & (m.Geometry.Slots - 1)
	atomic.StoreUint64(m.at(m.Geometry.SlotOffset()+i*layout.SlotSize+layout.SlotLength), uint64(length)|uint64(meta)<<32)
}

// Holds reports whether b, as far as it has bytes, lies in the region.
func (m *Region) Holds(b []byte) bool {
	from := uintptr(unsafe.Pointer(unsafe.SliceData(m.Bytes)))
	at := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	return at >= from && at+uintptr(len(b)) <= from+uintptr(len(m.Bytes))
}
