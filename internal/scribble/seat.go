package scribble

import (
	"os"
	"sync/atomic"

	"github.com/shmq/shmq/layout"
)

// commands are names that a terminal, a JSON reader or a metrics parser could trip over.
var commands = []string{
	"", "x", "123456789012345678901234", "\x1b[2J\x1b[31mred", "a\"b\\c\nd", "\xff\xfe\x80", "{}\t,=", "\u202egnp.exe",
}

// Seat writes one field of a seat's entry.
func (p *Pen) Seat() {
	entry := layout.SeatOffset + p.below(uint64(p.geo.Seats))*layout.SeatSize
	u32 := func(off uint64, v uint64) { atomic.StoreUint32(p.at32(entry+off), uint32(v)) }
	u64 := func(off uint64, v uint64) { atomic.StoreUint64(p.at(entry+off), v) }
	extreme := func() uint64 { return []uint64{0, 1, 1<<63 - 1, 1 << 63, 1<<64 - 1, p.any()}[p.below(6)] }
	switch p.below(12) {
	case 0:
		u32(layout.SeatState, []uint64{layout.SeatClean, layout.SeatDirty, layout.SeatDirty, 2, 1<<32 - 1}[p.below(5)])
	case 1:
		u32(layout.SeatRole, []uint64{layout.RoleProducer, layout.RoleConsumer, 0, 3, 257, 1<<32 - 1}[p.below(6)])
	case 2:
		u32(layout.SeatPID, []uint64{0, 1, uint64(os.Getpid()), 1<<31 - 1, 1<<32 - 1}[p.below(5)])
	case 3:
		u32(layout.SeatUID, extreme())
	case 4:
		u64(layout.SeatStartTime, extreme())
	case 5:
		u64(layout.SeatAttached, extreme())
	case 6:
		text := commands[p.below(uint64(len(commands)))]
		for i := range layout.SeatCommandN {
			c := byte('z') // no NUL at the end
			if i < len(text) {
				c = text[i]
			}
			p.mem[entry+layout.SeatCommand+uint64(i)] = c
		}
	case 7:
		u32(layout.SeatClock, []uint64{layout.ClockNone, layout.ClockCPU, layout.ClockUnix, 3, 1<<32 - 1}[p.below(5)])
	case 8:
		u64([]uint64{layout.SeatHeldSince, layout.SeatClockStart}[p.below(2)], extreme())
	case 9:
		u64(layout.SeatInherits, extreme())
	case 10:
		u32(layout.SeatAwaits, extreme())
	default:
		u64(layout.SeatRecords+8*p.below(5), extreme())
	}
}
