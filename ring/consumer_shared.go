package ring

import (
	"slices"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/ring/internal/region"
)

// A consumer that shares the role takes records by claiming them: a take is one CAS on the
// word of the first slot that nobody has taken, from Full to Reading by this seat, over one or
// several records. head follows now and then; see hints.go.
//
// The first word of a take stays its owner's until the last record of it is
// settled and all other words are free; so whatever a crash interrupts, the first
// word still names the holder and the extent of the take.
type sharedConsumer struct {
	r    *Ring
	by   *Consumer // that this is the kind of
	seat int
	sums region.Summer

	next uint64 // the search for a record begins here, if head is not beyond it
	told uint64 // next when the consumer was last told that there is nothing

	claimed uint64 // all before was claimed, as it last learnt; see Ring.passed

	// The scan for orphans.
	seen   uint64 // value of the orphan hint that the last scan began with
	rescan bool   // there may be orphans between cursor and end
	again  bool   // there may be orphans that were behind the limit; see lookAtEnds
	cursor uint64
	end    uint64

	held      int      // records leased or inherited and not settled
	heirs     []Lease  // inherited and not handed out yet
	inherited []*batch // inherited and not settled
	spare     []*batch // settled, to be used again
	numbers   uint64   // leases numbered so far
	void      uint64   // those numbered below were given back by Close
	picked    []pick   // places of the records of the take under way
	leases    []Lease  // for receiveLeases, again and again

	inheriting uint64 // as the seat says; see inherits
	relieved   bool   // see Relieved
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

// init makes c the kind of by.
func (c *sharedConsumer) init(r *Ring, seat int, by *Consumer) {
	c.r, c.seat, c.by, c.rescan = r, seat, by, true
	c.next = atomics.Load64(r.head)
	c.told, c.claimed = c.next-1, c.next
}

// close also gives up what was inherited for later.
func (c *sharedConsumer) close() {
	if c.held > 0 {
		c.r.Sweep(c.seat)
	}
	c.inherits(0) // after the hint went up
	*c = sharedConsumer{r: c.r, by: c.by, seat: c.seat, next: c.next, told: c.next - 1, claimed: c.claimed, rescan: true, numbers: c.numbers, void: c.numbers, leases: c.leases}
}

func (c *sharedConsumer) holds() bool { return c.held > 0 }

func (c *sharedConsumer) newBatch(pos, k uint64) *batch {
	var b *batch
	if n := len(c.spare); n > 0 {
		b, c.spare = c.spare[n-1], c.spare[:n-1]
	} else {
		b = &batch{}
	}
	*b = batch{pos: pos, k: k, base: c.numbers, open: b.open[:0]}
	return b
}

// openBatch numbers n leases of b.
func (c *sharedConsumer) openBatch(b *batch, n int) {
	for range n {
		b.open = append(b.open, true)
	}
	b.left = n
	c.numbers += uint64(n)
}

// retire keeps a settled batch for later use.
func (c *sharedConsumer) retire(b *batch) {
	if i := slices.Index(c.inherited, b); i >= 0 {
		c.inherited = slices.Delete(c.inherited, i, i+1)
	}
	c.spare = append(c.spare, b)
}
