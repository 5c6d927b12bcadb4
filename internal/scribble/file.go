package scribble

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Image returns the bytes of a queue that has been in use: records of one slot and of
// several, one that is held and one that is being written, and the seats of the participants that
// did that, which are dead.
func Image(g layout.Geometry, start uint64) []byte {
	m := ringtest.NewRegion(g, start)
	copy(m.Bytes, layout.Header{Geometry: g, Created: 1e18, CreationID: [16]byte{1}}.Encode())
	r := m.Ring()
	r.Seat(0).Take(ring.Occupant{Role: layout.RoleProducer, PID: 1, Attached: 1e18, Command: "sender"})
	r.Seat(1).Take(ring.Occupant{Role: layout.RoleConsumer, PID: 1, Attached: 1e18, Command: "receiver"})
	r.BeginStream()
	p, err := r.NewProducer(0)
	if err != nil {
		panic(err)
	}
	c := r.NewConsumer(1)
	if g.Each {
		r.Subscription(0).Join(ring.Joining{Seat: 1, Oldest: true, Name: "audit"})
		c = r.NewSubscriber(1, 0)
		r.Subscription(g.Subscriptions - 1).Join(ring.Joining{Seat: 1})
	}
	for n := range g.Slots / 2 {
		_ = p.Send(ringtest.Record(n, ringtest.MinRecord)) // there may be no room
	}
	_ = p.Send(ringtest.Record(99, int(min(g.AreaSize+1, uint64(g.MaxRecord())))))
	var l ring.Lease
	_ = c.TryLease(&l)
	_, _ = p.Reserve(8)
	return m.Bytes
}

var fields = []struct{ off, size uint64 }{
	{layout.OffVersion, 4}, {layout.OffHeaderSize, 4}, {layout.OffFlags, 4}, {layout.OffSeats, 4},
	{layout.OffSlots, 8}, {layout.OffAreaSize, 8}, {layout.OffHot, 8}, {layout.OffSeatTable, 8},
	{layout.OffSlotTable, 8}, {layout.OffData, 8}, {layout.OffTotalSize, 8}, {layout.OffCreated, 8},
	{layout.OffMagic, 8}, {layout.OffHeaderCRC, 4},
}

// eachFields are those of queues of which each consumer gets every record.
var eachFields = []struct{ off, size uint64 }{{layout.OffSubscriptions, 2}, {layout.OffKeep, 4}, {layout.OffFlags, 4}}

// Field changes a field of the header: for a file that no process has open yet.
func (p *Pen) Field() {
	fields := fields
	if p.geo.Each {
		fields = append(slices.Clone(fields), eachFields...)
	}
	f := fields[p.below(uint64(len(fields)))]
	b := p.mem[f.off : f.off+f.size]
	var v [8]byte
	copy(v[:], b)
	was := binary.LittleEndian.Uint64(v[:])
	now := []uint64{p.near(was), was * 2, was / 2, was + 64, was ^ 3}[p.below(5)]
	binary.LittleEndian.PutUint64(v[:], now)
	copy(b, v[:])
}

// Seal makes the header's checksum right, whatever the header says.
func (p *Pen) Seal() {
	sum := crc32.Checksum(p.mem[:layout.OffHeaderCRC], crc32.MakeTable(crc32.Castagnoli))
	binary.LittleEndian.PutUint32(p.mem[layout.OffHeaderCRC:], sum)
}
