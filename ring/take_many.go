package ring

import (
	"slices"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// Where consumers are many, a take is one CAS on the word of the slot at head,
// from Full to Reading by this seat, over one or several records. head is moved
// afterwards, by the taker or by whoever finds it behind, and before any of the
// slots can become free.
//
// The first word of a take stays its owner's until the last record of it is
// settled and all other words are free; so whatever a crash interrupts, the first
// word still says whose it was and how far it reaches.
type manyConsumer struct {
	seen   uint64 // value of the orphan hint that the last scan began with
	rescan bool   // there may be orphans between cursor and end
	again  bool   // there may be orphans that were behind the limit; see lookAtEnds
	cursor uint64
	end    uint64

	held    int      // records leased or inherited and not settled
	heirs   []Lease  // inherited and not handed out yet
	adopted []*batch // inherited and not settled
	unused  []*batch
	numbers uint64 // leases numbered so far
	picked  []pick // places of the records of the take under way
	void    uint64 // those numbered below were given back by Close

	inherits uint64 // as the seat says
	relieved bool   // see Relieved
}

// pick is the place of a record.
type pick struct{ pos, k uint64 }

// batch is what one CAS took when it was several records, or was inherited. Its
// leases are numbered from base on; a batch that is used again has other numbers,
// so a stale copy of a lease finds itself settled.
type batch struct {
	pos, k   uint64
	base     uint64
	open     []bool // by number: not settled
	left     int    // how many of open
	acked    bool   // the first record is acknowledged, or was when inherited
	released bool   // at least one record was released
}

func (c *Consumer) leaseMany(l *Lease) error {
	if c.mayInherit() {
		if err := c.inherit(l); err != ErrEmpty {
			return err
		}
	}
	for range maxTries {
		if _, _, err := c.take(1); err != nil {
			return err
		}
		at := c.many.picked[0]
		data, meta, err := c.sums.record(c.r, at.pos, at.k)
		if err != nil && err != errTorn {
			return err
		}
		got := Lease{Data: data, Redelivered: int(meta >> layout.MetaDeliveriesShift), pos: at.pos, k: uint32(at.k), seq: c.many.numbers, by: c}
		c.many.numbers++
		if err == nil {
			*l = got
			return nil
		}
		c.dropMany(&got)
	}
	return ErrEmpty
}

// dropMany is ackMany for a record that nobody gets to see. Until it is done a consumer
// that dies leaves the record to another one, who drops it.
func (c *Consumer) dropMany(l *Lease) {
	c.ackMany(l)
	c.r.dropped()
}

func (c *Consumer) leaseBatchMany(ls []Lease) (int, error) {
	if c.mayInherit() {
		if err := c.inherit(&ls[0]); err != ErrEmpty {
			if err != nil {
				return 0, err
			}
			return 1, nil
		}
	}
	for range maxTries {
		if n, err := c.leaseTaken(ls); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, ErrEmpty
}

// leaseTaken takes records once and returns how many it leased; 0 without an error when
// all of them were torn.
func (c *Consumer) leaseTaken(ls []Lease) (leased int, err error) {
	n, k, err := c.take(len(ls))
	if err != nil {
		return 0, err
	}
	var b *batch
	seq := c.many.numbers
	if n > 1 {
		b = c.newBatch(c.many.picked[0].pos, k)
		c.openBatch(b, n)
	} else {
		c.many.numbers++
	}
	for i, at := range c.many.picked[:n] {
		data, meta, err := c.sums.record(c.r, at.pos, at.k)
		if err != nil && err != errTorn {
			return leased, err
		}
		got := Lease{Data: data, Redelivered: int(meta >> layout.MetaDeliveriesShift), pos: at.pos, k: uint32(at.k), seq: seq + uint64(i), batch: b, by: c}
		if err == errTorn {
			c.dropMany(&got)
			continue
		}
		ls[leased] = got
		leased++
	}
	return leased, nil
}

// take claims up to most records at head with one CAS and notes their places in picked.
// It returns their number and the slots they span together.
func (c *Consumer) take(most int) (n int, k uint64, err error) {
	r := c.r
	for spent := uint64(0); spent < r.effort(); spent++ {
		h := atomics.Load64(r.head)
		w := r.load(h)
		if lap := w.CompareLap(h, r.shift); lap < 0 {
			return 0, 0, ErrEmpty
		} else if lap > 0 {
			if atomics.Load64(r.head) == h {
				return 0, 0, ErrDamaged // consumed and freed before head moved
			}
			continue
		}
		st := w.State()
		if st == layout.Free || st == layout.Claimed {
			return 0, 0, ErrEmpty
		}
		if k = r.span(h, w); k == 0 || st > layout.Skip {
			return 0, 0, ErrDamaged
		}
		if st == layout.Full {
			c.many.picked = append(c.many.picked[:0], pick{h, k})
			if most > 1 {
				k = c.gather(most)
			}
			n = len(c.many.picked)
			if c.mayEnd() { // asked after the words were seen
				if n = c.within(c.many.picked); n == 0 {
					return 0, 0, ErrEmpty
				}
				last := c.many.picked[n-1]
				k = last.pos + last.k - h
			}
			if !r.cas(h, w, layout.ReadingWord(h, k, c.seat, false, r.shift)) {
				spent += uint64(n)
				continue
			}
			atomics.CAS64(r.head, h, h+k)
			c.many.held += n
			c.ends.got = c.ends.got || c.ends.limited
			return n, k, nil
		}
		atomics.CAS64(r.head, h, h+k) // taken, orphaned or skipped: head lags
	}
	return 0, 0, ErrEmpty
}

// gather extends a take over the published records that follow the first, up to
// the end of the ring, the first gap, or half the slots.
func (c *Consumer) gather(most int) (k uint64) {
	r, m := c.r, &c.many
	h := m.picked[0].pos
	k = m.picked[0].k
	for len(m.picked) < most {
		q := h + k
		if q&r.mask == 0 {
			break
		}
		w := r.load(q)
		kq := r.span(q, w)
		if w.State() != layout.Full || w.CompareLap(h, r.shift) != 0 || kq == 0 || k+kq > r.geo.MaxSlotsPerRecord() {
			break
		}
		m.picked = append(m.picked, pick{q, kq})
		k += kq
	}
	return k
}

func (c *Consumer) newBatch(pos, k uint64) *batch {
	var b *batch
	if n := len(c.many.unused); n > 0 {
		b, c.many.unused = c.many.unused[n-1], c.many.unused[:n-1]
	} else {
		b = &batch{}
	}
	*b = batch{pos: pos, k: k, base: c.many.numbers, open: b.open[:0]}
	return b
}

// openBatch numbers n leases of b.
func (c *Consumer) openBatch(b *batch, n int) {
	for range n {
		b.open = append(b.open, true)
	}
	b.left = n
	c.many.numbers += uint64(n)
}

// retire keeps a settled batch for later use.
func (c *Consumer) retire(b *batch) {
	m := &c.many
	if i := slices.Index(m.adopted, b); i >= 0 {
		m.adopted = slices.Delete(m.adopted, i, i+1)
	}
	m.unused = append(m.unused, b)
}
