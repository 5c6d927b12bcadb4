package ring

import "github.com/shmq/shmq/layout"

// Records of a stream of bytes mean nothing, so they can be cut anywhere: at what is free,
// and at the end of the ring. Then a write takes what room there is, and no filler is
// needed. Room and Publish are for a producer and a consumer that are both single, in a
// queue without checksums and time stamps.

// Room returns free bytes in the data areas, from the next slot on: most of them at most, and
// fewer at the end of the ring or of what is free. They are the producer's until it sends
// or publishes anything. Errors: ErrFull, ErrReserved, ErrDamaged.
//
// Preconditions: most > 0.
func (p *Producer) Room(most int) ([]byte, error) {
	if p.open {
		return nil, ErrReserved
	}
	m := &p.r.m
	k := min(m.SlotsFor(most), m.Geo.MaxSlotsPerRecord(), m.Cap-p.tail&m.Mask)
	k, err := p.freeByHead(p.tail, k)
	if err != nil {
		return nil, err
	}
	if k == 0 {
		return nil, ErrFull
	}
	n := min(most, int(k*m.Area))
	p.reserved = n
	return m.Areas(p.tail, n), nil
}

// Publish makes the first n bytes of what Room returned last visible, as one record, and
// gives the rest back. Error: ErrNotReserved if Room did not return as many.
func (p *Producer) Publish(n int) error {
	if p.open || n <= 0 || n > p.reserved {
		return ErrNotReserved
	}
	p.reserved = 0
	p.r.m.Describe(p.tail, n, layout.MetaArea)
	p.publish(p.tail, p.r.m.SlotsFor(n))
	return nil
}

// HasRoom reports whether it is worth while to try again, after ErrFull, to write n bytes: room
// for them is free, or a quarter of the ring, or the ring is damaged.
func (p *Producer) HasRoom(n int) bool {
	want := max(1, min(p.r.m.SlotsFor(n), p.r.m.Cap/4))
	free, err := p.freeByHead(p.tail, want)
	return free >= want || err != nil
}
