package scribble

import (
	"sync/atomic"

	"github.com/shmq/shmq/layout"
)

// subscription is where one of the entries begins, mostly one of the first.
func (p *Pen) subscription() uint64 {
	n := uint64(p.geo.Subscriptions)
	if p.below(4) > 0 {
		n = min(n, 3)
	}
	return p.geo.SubscriptionOffset() + p.below(n)*layout.SubscriptionSize
}

// Cursor writes a subscription's cursor or handout: any state, a position that is a little wrong, laps
// behind, or ahead of all.
func (p *Pen) Cursor() {
	entry := p.subscription()
	if p.below(4) == 0 {
		at := p.at(entry + layout.SubHandout)
		atomic.StoreUint64(at, p.near([]uint64{atomic.LoadUint64(at), p.load(layout.HotTail)}[p.below(2)]))
		return
	}
	at := p.at(entry + layout.SubCursor)
	pos := p.load(layout.HotTail)
	if p.below(2) == 0 {
		pos = layout.Cursor(atomic.LoadUint64(at)).Near(pos)
	}
	atomic.StoreUint64(at, uint64(layout.MakeCursor(int(p.below(4)), p.near(pos))))
}

// Subscription writes a field of a subscription's entry.
func (p *Pen) Subscription() {
	entry := p.subscription()
	u32 := func(off uint64, v uint64) { atomic.StoreUint32(p.at32(entry+off), uint32(v)) }
	u64 := func(off uint64, v uint64) { atomic.StoreUint64(p.at(entry+off), v) }
	switch p.below(12) {
	case 0:
		u32(layout.SubDurable, []uint64{0, 1, 1, 2, 1<<32 - 1}[p.below(5)])
	case 1:
		u32(layout.SubNameLen, []uint64{0, 1, layout.SubNameN, layout.SubNameN + 1, 1<<31 - 1, 1<<32 - 1}[p.below(6)])
	case 2:
		text := commands[p.below(uint64(len(commands)))]
		for i := range uint64(layout.SubNameN) {
			p.mem[entry+layout.SubName+i] = (text + "audit\x00")[i%uint64(len(text)+6)]
		}
	case 3:
		u32(layout.SubSeat, []uint64{0, 1, uint64(p.geo.Seats) - 1, uint64(p.geo.Seats), 1<<32 - 1}[p.below(5)])
	case 4:
		u64(layout.SubEnds, p.near(p.load(layout.HotEnds)))
	case 5:
		u64([]uint64{layout.SubLost, layout.SubSince}[p.below(2)], p.near(0))
	case 6:
		u64(layout.SubStart, p.near(p.load(layout.HotTail)))
	default:
		p.Cursor()
	}
}
