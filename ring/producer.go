package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/blockcopy"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring/internal/region"
)

// Producer puts records into a ring. It is for one goroutine at a time.
type Producer struct {
	r    *Ring
	seat int

	// tail is where a single producer writes next; it alone knows, the shared
	// tail follows. Where both sides are many it is where the search for a free slot begins, if
	// the shared tail is not beyond it. headSeen is the last head it read, in a queue with a
	// single consumer.
	tail     uint64
	headSeen uint64
	// ahead is how far tail may be ahead of headSeen for the short way of Send: a lap where
	// both sides are single and records have neither checksum nor time stamp, 0 otherwise
	// and while a reservation is open.
	ahead uint64

	// quick: Send may go the short way where both sides are many: records have neither checksum nor time
	// stamp, and no reservation is open.
	quick bool

	// roams: both sides are many, so tail lags and is told by the words; see hints.go.
	roams bool
	// claims: all before was claimed, as it last learnt; see Ring.passed.
	claims uint64
	// wary: the slot at tail was not free at the last look, so the next claim, or the next record of a single
	// producer, looks before it asks for the line to write.
	wary bool

	full uint64 // where there was no room when Moved was last called

	looks bool // a Peek is under way, which publishes no gate and no intent

	spent   uint64 // of the call's effort; see Ring.effort
	end     uint64 // of the free slots from tail on, when a claim found too few
	waiting waiting
	filled  bool // see Filled
	sums    region.Summer
	stamp   uint64 // the time of the batch under way, or 0

	// open is the reservation under way.
	open     bool
	pos      uint64
	slots    uint64
	reserved int
	meta     uint32

	marks marking
}

// NewProducer returns a producer that owns seat.
//
// Preconditions: the caller holds the seat's lock and the producer role in the
// way the geometry asks, and has recovered what an earlier owner of the seat
// left (Sweep).
func (r *Ring) NewProducer(seat int) (*Producer, error) {
	p := &Producer{r: r, seat: seat}
	if r.m.Geo.ManyProducers {
		p.tail = atomics.Load64(r.tail)
		if p.headSeen = atomics.Load64(r.head); r.m.Geo.Each {
			p.headSeen = p.tail - r.m.Cap // no room: the first claim scans
		}
		p.claims = p.tail
		p.roams, p.wary = r.m.Geo.ManyConsumers, true
		p.quick = p.roams && r.m.Plain
		return p, nil
	}
	p.ahead = r.plainLap()
	return p, p.resume()
}

// MaxRecord returns the largest payload in bytes.
func (p *Producer) MaxRecord() int { return p.r.m.Geo.MaxRecord() }

// Send copies b into the ring as one record. Errors: ErrFull, ErrTooLarge,
// ErrReserved, ErrDamaged.
func (p *Producer) Send(b []byte) error {
	t := p.tail
	if len(b) > layout.InlineSize || t-p.headSeen >= p.ahead {
		if p.quick && len(b) <= layout.InlineSize && p.sendRoaming(b) {
			return nil
		}
		return p.send(b)
	}
	// The rest is claim, write and publish in one, for the commonest case.
	r := p.r
	line := r.m.LineAt(t)
	fillLine(line, b)
	p.tail = t + 1
	atomics.StoreReleaseAsking64x2((*uint64)(line), uint64(layout.FullWord(t, 1, r.m.Shift)), r.tail, t+1, r.m.LineAt(t+ahead))
	return nil
}

// send is Send for every record.
func (p *Producer) send(b []byte) error {
	if p.open {
		return ErrReserved
	}
	if len(b) <= layout.InlineSize && p.r.m.Plain && p.sendSmall(b) {
		return nil
	}
	if len(b) > p.r.m.Geo.MaxRecord() {
		return ErrTooLarge
	}
	k := p.r.m.SlotsFor(len(b))
	pos, err := p.claim(k)
	if err != nil {
		return err
	}
	p.write(pos, b)
	p.publish(pos, k)
	return nil
}

// Reserve returns room for a payload of n bytes to be written in place. Commit
// publishes it, Abort gives it back; one of them must follow before anything
// else is sent. Errors: as Send.
func (p *Producer) Reserve(n int) ([]byte, error) {
	if uint(n) <= layout.InlineSize && p.tail-p.headSeen < p.ahead { // as in Send
		return p.reserve(p.tail, 1, n), nil
	}
	if p.open {
		return nil, ErrReserved
	}
	if n < 0 || n > p.r.m.Geo.MaxRecord() {
		return nil, ErrTooLarge
	}
	k := p.r.m.SlotsFor(n)
	pos, err := p.claim(k)
	if err != nil {
		return nil, err
	}
	return p.reserve(pos, k, n), nil
}

// reserve opens the reservation of n bytes in k slots at pos.
func (p *Producer) reserve(pos, k uint64, n int) []byte {
	b, meta := p.r.m.Place(pos, n)
	p.open, p.pos, p.slots, p.reserved, p.meta = true, pos, k, n, meta
	p.ahead, p.quick = 0, false
	return b
}

// Commit publishes the first n bytes of the reservation. Error: ErrNotReserved
// when there is none or n is larger than it.
func (p *Producer) Commit(n int) error {
	if !p.open || n < 0 || n > p.reserved {
		return ErrNotReserved
	}
	p.closeReservation()
	p.r.m.Describe(p.pos, n, p.meta)
	if !p.r.m.Plain {
		b, _ := p.r.m.Place(p.pos, p.reserved)
		p.complete(p.pos, b[:n], p.meta)
	}
	p.publish(p.pos, p.slots)
	return nil
}

// Abort gives the reservation back. Without one it does nothing.
func (p *Producer) Abort() {
	if !p.open {
		return
	}
	p.closeReservation()
	if p.r.m.Geo.ManyProducers {
		p.r.m.Store(p.pos, layout.SkipWord(p.pos, p.slots, p.r.m.Shift))
	}
}

// Reserved reports whether a reservation is open.
func (p *Producer) Reserved() bool { return p.open }

func (p *Producer) closeReservation() {
	p.open = false
	p.ahead = p.r.plainLap()
	p.quick = p.roams && p.r.m.Plain
}

// plainLap returns how far ahead is while no reservation is open.
func (r *Ring) plainLap() uint64 {
	if r.m.Geo.ManyProducers || r.m.Geo.ManyConsumers || !r.m.Plain {
		return 0
	}
	return r.m.Cap
}

// Filled reports whether a filler went out since the last call. Consumers have to
// pass over it, so one that is asleep has to be told, also when the record that
// needed the filler found no room.
func (p *Producer) Filled() bool {
	was := p.filled
	p.filled = false
	return was
}

// claim takes k slots: from then until publish they are the producer's. A single
// producer need not say so to the others.
func (p *Producer) claim(k uint64) (uint64, error) {
	switch t := p.tail; {
	case k == 1 && p.roams && p.claimRun(1) == 1:
		return t, nil
	case p.r.m.Geo.ManyProducers:
		pos, _, err := p.claimShared(k, k)
		return pos, err
	}
	return p.claimSingle(k)
}

// write copies a payload into claimed slots.
func (p *Producer) write(pos uint64, b []byte) {
	dst, meta := p.r.m.Place(pos, len(b))
	blockcopy.Copy(dst, b)
	p.r.m.Describe(pos, len(b), meta)
	if !p.r.m.Plain {
		p.complete(pos, dst, meta)
	}
}

// complete writes what a record has beyond the plain ones: when it is sent, and the
// checksum. b is the payload of the record at pos.
func (p *Producer) complete(pos uint64, b []byte, meta uint32) {
	m := &p.r.m
	var time uint64
	if m.Geo.Timestamps {
		if time = p.stamp; time == 0 {
			time = p.r.now()
		}
		*m.TimeAt(pos) = time
	}
	if m.Geo.Checksum {
		*m.SumAt(pos) = p.sums.Sum(m, pos, meta, time, b)
	}
}

// publish makes the record visible, whole. A single producer moves the shared
// tail behind it, for tools and for its successor. One of many asks for the line that a later claim of
// as many slots needs.
func (p *Producer) publish(pos, k uint64) {
	w := layout.FullWord(pos, k, p.r.m.Shift)
	if p.r.m.Geo.ManyProducers {
		atomics.StoreReleaseAsking64(p.r.m.WordAt(pos), uint64(w), p.r.m.LineAt(pos+k*ahead))
		return
	}
	p.tail = pos + k
	atomics.StoreRelease64x2(p.r.m.WordAt(pos), uint64(w), p.r.tail, p.tail)
}
