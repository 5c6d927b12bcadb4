// Package scribble is test support: a participant with write access that obeys nothing.
// A Pen knows the layout and writes what does the most harm: words of every state, lap,
// k and seat, positions that are a little wrong, lengths around every limit, seats that
// lie. Everything a queue promises of hostile bytes is tested with one.
package scribble

import (
	"math/bits"
	"sync/atomic"
	"unsafe"

	"github.com/shmq/shmq/layout"
)

// Pen scribbles over one region. It is for one goroutine at a time.
type Pen struct {
	mem    []byte
	geo    layout.Geometry
	choose Choice
	// Millis is what the participants take for CLOCK_MONOTONIC, for turns that count.
	Millis func() uint64
}

// New returns a Pen for mem, which holds a queue of geometry g from its first byte on
// and is aligned like one.
func New(mem []byte, g layout.Geometry, choose Choice) *Pen {
	return &Pen{mem: mem, geo: g, choose: choose, Millis: func() uint64 { return 0 }}
}

// Write scribbles once: mostly a single change, sometimes a burst of them, or one that
// is made and undone again and again.
func (p *Pen) Write() {
	switch p.below(16) {
	case 0:
		for range p.below(32) {
			p.one()
		}
	case 1:
		at := p.at(p.anywhere() &^ 7)
		for was := atomic.LoadUint64(at); p.below(8) != 0; {
			atomic.StoreUint64(at, p.near(was))
			atomic.StoreUint64(at, was)
		}
	default:
		p.one()
	}
}

func (p *Pen) one() {
	if p.geo.Each && p.below(4) == 0 {
		p.Subscription()
		return
	}
	switch p.below(16) {
	case 0, 1, 2, 3, 4, 5:
		p.Word()
	case 6, 7, 8:
		p.Description()
	case 9, 10, 11:
		p.Hot()
	case 12:
		p.Futex()
	case 13:
		p.Seat()
	case 14:
		p.Header()
	default:
		p.Bytes()
	}
}

// Shared changes words that every participant reads and writes with atomic operations
// only: for memory that the race detector watches.
func (p *Pen) Shared() {
	if p.geo.Each && p.below(3) == 0 {
		p.Cursor()
	} else if p.below(3) == 0 {
		p.Hot()
	} else {
		p.Word()
	}
}

var states = []layout.State{
	layout.Free, layout.Claimed, layout.Full, layout.Full, layout.Reading, layout.ReadingAcked,
	layout.Orphan, layout.OrphanAcked, layout.Skip, layout.Skip, layout.Skip + 1, 15,
}

// Word writes the word of a slot that is likely to be looked at next: another state, k,
// lap or seat.
func (p *Pen) Word() {
	i := p.index()
	at := p.at(p.geo.SlotOffset() + i*layout.SlotSize)
	if p.below(4) == 0 {
		atomic.StoreUint64(at, p.near(atomic.LoadUint64(at)))
		return
	}
	atomic.StoreUint64(at, uint64(p.word(i)))
}

// word makes a word for slot i from its parts, each of which is right now and then.
func (p *Pen) word(i uint64) layout.Word {
	shift, slots := p.geo.Shift(), p.geo.Slots
	laps := []uint64{0, 0, 0, 0, 1, 1, ^uint64(0), ^uint64(0), 2, 1 << 20, 1 << 45, p.any() >> shift}
	lap := p.load(layout.HotTail)>>shift + laps[p.below(uint64(len(laps)))]
	pos := lap<<shift | i
	left := slots - i
	k := []uint64{1, 1, 1, 2, left, left, 0, left + 1, left - 1, slots / 2, slots - 1, p.any()}[p.below(12)] & (slots - 1)
	seats := []uint64{0, 1, 2, uint64(p.geo.Seats) - 1, uint64(p.geo.Seats), layout.MaxSeats - 1}
	seat := seats[p.below(uint64(len(seats)))]
	body, st := pos&^(slots-1)|k, states[p.below(uint64(len(states)))]
	if st.Owned() {
		return layout.Word(body<<14 | seat<<4 | uint64(st))
	}
	return layout.Word(body<<4 | uint64(st))
}

// index is a slot at or near head or tail, or any.
func (p *Pen) index() uint64 {
	switch p.below(4) {
	case 0:
		return (p.load(layout.HotHead) + p.below(4)) & (p.geo.Slots - 1)
	case 1:
		return (p.load(layout.HotTail) - 2 + p.below(4)) & (p.geo.Slots - 1)
	}
	return p.below(p.geo.Slots)
}

// Description writes the length and meta of a slot.
func (p *Pen) Description() {
	area := p.geo.AreaSize
	k := p.below(p.geo.Slots) + 1
	length := []uint64{
		0, 1, layout.InlineSize, layout.InlineSize + 1, area, area + 1, k * area, k*area + 1,
		uint64(p.geo.MaxRecord()) + 1, 1<<31 - 1, 1 << 31, 1<<32 - 1, p.any(),
	}[p.below(13)]
	meta := []uint64{0, layout.MetaArea, layout.MetaArea, layout.MetaKindMask, 0xffff << layout.MetaDeliveriesShift, 1<<32 - 1, p.any()}[p.below(7)]
	at := p.geo.SlotOffset() + p.index()*layout.SlotSize + layout.SlotLength
	atomic.StoreUint64(p.at(at), length&(1<<32-1)|meta<<32)
}

var hotWords = []uint64{
	layout.HotTail, layout.HotTail, layout.HotHead, layout.HotHead, layout.HotHandout, layout.HotOrphans,
	layout.HotOrphans, layout.HotTurn, layout.HotEpoch, layout.HotFinished, layout.HotSkipped,
	layout.HotMarks, layout.HotMarks + layout.MarkEntry,
	layout.HotLeft, layout.HotTold, layout.HotMet, layout.HotEnds, layout.HotEnds,
	layout.HotEndLog, layout.HotEndLog + layout.EndEpoch, layout.HotEndLog + layout.EndSize, // of the first ends
	layout.HotEndLog + layout.EndSize + layout.EndEpoch, layout.HotEndLog + layout.EndSize + layout.EndLeftCount,
}

// Hot writes one of the words that both sides go by.
func (p *Pen) Hot() {
	off := hotWords[p.below(uint64(len(hotWords)))]
	at := p.at(layout.HotOffset + off)
	v := p.near(atomic.LoadUint64(at))
	switch other := p.below(8); {
	case other == 0:
		v = p.load(hotWords[p.below(uint64(len(hotWords)))])
	case other == 1 && off == layout.HotTurn: // stand back, all of you
		v = uint64(layout.TurnOf(int(p.below(layout.MaxSeats+2))-1, p.Millis()+p.below(300), p.near(p.load(layout.HotTail))))
	}
	atomic.StoreUint64(at, v)
}

// Futex writes a word that participants sleep on: mostly the bit that says so.
func (p *Pen) Futex() {
	at := p.at32(layout.HotOffset + []uint64{layout.HotDataFutex, layout.HotRoomFutex}[p.below(2)])
	switch was := atomic.LoadUint32(at); p.below(5) {
	case 0:
		atomic.StoreUint32(at, was|1)
	case 1:
		atomic.StoreUint32(at, was&^1)
	case 2:
		atomic.StoreUint32(at, was+2)
	case 3:
		atomic.StoreUint32(at, 1<<32-1)
	default:
		atomic.StoreUint32(at, uint32(p.any()))
	}
}

// Header writes over the first page, which no participant reads again once it is attached.
func (p *Pen) Header() { p.noise(p.below(layout.HeaderSize-64), 1+p.below(64)) }

// Bytes writes noise anywhere, or flips one bit.
func (p *Pen) Bytes() {
	off := p.anywhere()
	if p.below(2) == 0 {
		at := p.at(off &^ 7)
		atomic.StoreUint64(at, atomic.LoadUint64(at)^1<<p.below(64))
		return
	}
	p.noise(off, 1+p.below(64))
}

func (p *Pen) noise(off, n uint64) {
	for i := off; i < min(off+n, uint64(len(p.mem))); i++ {
		p.mem[i] = byte(p.any())
	}
}

// near is a value that is a little off, or as far off as can be.
func (p *Pen) near(v uint64) uint64 {
	slots := p.geo.Slots
	switch p.below(10) {
	case 0:
		return 0
	case 1:
		return 1<<64 - 1
	case 2:
		return v + 1
	case 3:
		return v - 1
	case 4:
		return v + slots
	case 5:
		return v - slots
	case 6:
		return v + p.below(2*slots) - slots
	case 7:
		return v ^ 1<<p.below(64)
	case 8:
		return bits.RotateLeft64(v, int(p.below(64)))
	}
	return p.any()
}

func (p *Pen) anywhere() uint64 {
	if p.below(2) == 0 {
		return p.below(uint64(len(p.mem)))
	}
	return p.below(p.geo.DataOffset()) // what is not payload is worth more
}

func (p *Pen) below(n uint64) uint64 { return p.choose.Below(n) }
func (p *Pen) any() uint64           { return p.choose.Below(0) }

func (p *Pen) load(hot uint64) uint64 { return atomic.LoadUint64(p.at(layout.HotOffset + hot)) }

func (p *Pen) at(off uint64) *uint64 {
	return (*uint64)(unsafe.Pointer(&p.mem[min(off, uint64(len(p.mem))-8)]))
}

func (p *Pen) at32(off uint64) *uint32 { return (*uint32)(unsafe.Pointer(&p.mem[off])) }
