package ring_test

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Seats of a machine's participants: senders, then takers, and newcomers after the stop.
const (
	takerSeats = 3
	freshSeat  = 7
)

// machine is a ring in memory, a disk, and participants that work on the ring in turns.
type machine struct {
	rng     *rand.Rand
	m       *ringtest.Region
	r       *ring.Ring
	disk    *disk
	archive *archive
	sizes   []int

	senders []*sender
	takers  []*taker
	marks   *markBooks // nil where records have none
	mortal  bool       // participants may die inside a call
	deaths  int
	err     error
}

type sender struct {
	p    *ring.Producer
	seat int
	open *paper // of a reservation
}

type taker struct {
	c    *ring.Consumer
	seat int
	held [][]holding // by call
}

type holding struct {
	lease ring.Lease
	of    *paper
}

// stopped is what a stop of the machine inside a call panics with.
type stopped struct{}

// died is what the death of a participant inside a call panics with.
type died struct{}

func newMachine(rng *rand.Rand, g layout.Geometry, start, unit uint64, inlineOnly bool) *machine {
	m := ringtest.NewRegion(g, start)
	k := &machine{rng: rng, m: m, disk: newDisk(m, unit), archive: &archive{manyConsumers: g.ManyConsumers, last: map[uint64]uint64{}, places: map[place]uint64{}, timed: g.Timestamps}}
	k.sizes = []int{8, 20, g.InlineSize()}
	if area := int(g.AreaSize); !inlineOnly {
		k.sizes = append(k.sizes, g.InlineSize()+1, area, area+1, 2*area, 3*area+5)
	}
	k.sizes = slices.DeleteFunc(k.sizes, func(n int) bool { return n > g.MaxRecord() })
	if !g.ManyProducers && start < 1<<63+1<<62 { // entries have positions up to 2^64 - 3
		k.sizes = append([]int{g.MarkedInlineSize(), g.MarkedInlineSize() + 1}, k.sizes...)
		k.marks = &markBooks{}
		if inlineOnly {
			k.marks.most = g.MarkedInlineSize() // others get a data area with their mark
		}
	}
	k.boot()
	return k
}

// boot attaches all participants anew.
func (k *machine) boot() {
	k.r = k.m.Ring()
	k.r.SetNow(func() uint64 { return k.archive.time })
	k.begin()
	k.senders, k.takers = nil, nil
	for i := range members(k.m.Geometry.ManyProducers) {
		s := &sender{seat: i}
		k.senders = append(k.senders, s)
		k.attachSender(s)
	}
	for i := range members(k.m.Geometry.ManyConsumers) {
		t := &taker{seat: takerSeats + i}
		k.takers = append(k.takers, t)
		k.attachTaker(t)
	}
}

// begin begins an incarnation, as a participant that comes alone does. The machine may stop in the middle
// of it, or before all of it is on the disk; then the ring is rebuilt once more.
func (k *machine) begin() {
	for k.rng.IntN(3) == 0 {
		k.r.BeginIncarnation(k.rng.Uint64())
		n := k.r.LatestIncarnation()
		at := layout.HotOffset + layout.HotIncarnations + n%layout.IncarnationCount*layout.IncarnationSize
		for word := range uint64(layout.IncarnationSize / 8) {
			if k.rng.IntN(2) == 0 {
				k.disk.write((at + 8*word) / k.disk.unit * k.disk.unit)
			}
		}
		copy(k.m.Bytes, k.disk.image)
		if _, err := ring.Rebuild(k.m.Bytes, k.m.Geometry); err != nil {
			k.fail(err)
		}
		k.disk.sync()
	}
	k.r.BeginIncarnation(k.rng.Uint64())
	copy(k.disk.image[layout.HotOffset:layout.SeatOffset], k.m.Bytes[layout.HotOffset:])
}

func members(many bool) int {
	if many {
		return 2
	}
	return 1
}

func (k *machine) fail(err error) {
	if k.err == nil {
		k.err = err
	}
}

func (k *machine) failf(format string, args ...any) { k.fail(fmt.Errorf(format, args...)) }

func (k *machine) attachSender(s *sender) {
	k.r.Seat(s.seat).Take(ring.Occupant{Role: layout.RoleProducer, Attached: 1})
	p, err := k.r.NewProducer(s.seat)
	if err != nil {
		k.failf("attach: %w", err)
		return
	}
	k.r.BeginStream() // last, as attachments do
	*s = sender{p: p, seat: s.seat}
	k.marks.attached(k, p)
}

func (k *machine) attachTaker(t *taker) {
	k.archive.reopen()
	k.r.Seat(t.seat).Take(ring.Occupant{Role: layout.RoleConsumer, Attached: 1})
	*t = taker{c: k.r.NewConsumer(t.seat), seat: t.seat}
}

// work has participants do n things. It reports false when the machine stopped inside a
// call.
func (k *machine) work(n int) (whole bool) {
	defer func() {
		if e := recover(); e == (stopped{}) {
			whole = false
		} else if e != nil {
			panic(e)
		}
	}()
	for range n {
		if k.err != nil {
			return true
		}
		k.act()
	}
	return true
}

func (k *machine) act() {
	s := k.senders[k.rng.IntN(len(k.senders))]
	t := k.takers[k.rng.IntN(len(k.takers))]
	k.mortal = true
	defer func() {
		k.mortal = false
		if e := recover(); e == (died{}) {
			k.deaths++
			k.bury(s, t)
		} else if e != nil {
			panic(e)
		}
	}()
	switch k.rng.IntN(20) {
	case 0, 1, 2, 3:
		k.send(s, 1)
	case 4, 5:
		k.send(s, 2+k.rng.IntN(4))
	case 6, 7:
		k.reserve(s)
	case 8, 9, 10:
		k.lease(t, 1)
	case 11, 12:
		k.lease(t, 2+k.rng.IntN(4))
	case 13, 14, 15:
		k.settle(t)
	case 16:
		k.receive(t)
	case 17:
		k.receiveBatch(t)
	case 18:
		k.die(s, t)
	case 19:
		if k.rng.IntN(3) == 0 {
			k.sync()
		}
	}
	if k.rng.IntN(2) == 0 {
		k.disk.writeBack(k.rng, k.rng.IntN(8))
	}
}

func (k *machine) size() int { return k.sizes[k.rng.IntN(len(k.sizes))] }

func (k *machine) send(s *sender, n int) {
	if s.open != nil {
		return
	}
	k.archive.time++
	var ps []*paper
	var recs [][]byte
	for range n {
		p := k.archive.add(uint64(s.seat), k.size())
		ps = append(ps, p)
		recs = append(recs, ringtest.Record(p.id, p.size))
	}
	var err error
	marked := k.rng.IntN(2) == 0 && k.marks.may(ps...)
	switch marks := k.marks.begin(marked, ps...); {
	case marked && n == 1:
		if err = s.p.SendMarked(recs[0], marks[0]); err != nil {
			n = 0
		}
	case marked:
		n, err = s.p.SendBatchMarked(recs, marks)
	case n == 1:
		if err = s.p.Send(recs[0]); err != nil {
			n = 0
		}
	default:
		n, err = s.p.SendBatch(recs)
	}
	if err != nil && err != ring.ErrFull {
		k.failf("send: %w", err)
	}
	for _, p := range ps[:n] {
		p.sent = true
	}
	k.marks.sent(ps[:n]...)
	k.archive.drop(func(p *paper) bool { return slices.Contains(ps[n:], p) })
}

// reserve begins a reservation, or ends the one that is open.
func (k *machine) reserve(s *sender) {
	if p := s.open; p != nil {
		s.open = nil
		if k.rng.IntN(3) == 0 {
			k.archive.drop(func(q *paper) bool { return p == q })
			s.p.Abort()
			return
		}
		k.archive.time++
		p.time = k.archive.time
		commit := func() error { return s.p.Commit(p.size) }
		if k.rng.IntN(2) == 0 && k.marks.may(p) {
			k.marks.begin(true, p)
			commit = func() error { return s.p.CommitMarked(p.size, markOf(p.id)) }
		}
		if err := commit(); err != nil {
			k.failf("commit: %w", err)
		}
		p.sent = true
		k.marks.sent(p)
		return
	}
	p := k.archive.add(uint64(s.seat), k.size())
	room := k.sizes[len(k.sizes)-1] // the most
	b, err := s.p.Reserve(p.size + k.rng.IntN(room-p.size+1))
	if err != nil {
		if err != ring.ErrFull {
			k.failf("reserve: %w", err)
		}
		k.archive.drop(func(q *paper) bool { return p == q })
		return
	}
	ringtest.FillRecord(b[:p.size], p.id, 0, p.size)
	s.open = p
}

func (k *machine) lease(t *taker, n int) {
	if len(t.held) > 3 {
		return
	}
	ls := make([]ring.Lease, n)
	var err error
	if n == 1 {
		if err = t.c.TryLease(&ls[0]); err != nil {
			n = 0
		}
	} else {
		n, err = t.c.TryLeaseBatch(ls)
	}
	if err != nil && err != ring.ErrEmpty {
		k.failf("lease: %w", err)
	}
	var hs []holding
	for _, l := range ls[:n] {
		if p := k.took(l.Data, l.Redelivered); p != nil {
			if err := k.archive.placed(p, &l); err != nil {
				k.failf("running: %w", err)
			}
			hs = append(hs, holding{l, p})
		}
	}
	if len(hs) > 0 {
		t.held = append(t.held, hs)
	}
}

// took checks what comes while the machine runs.
func (k *machine) took(data []byte, redelivered int) *paper {
	p, err := k.archive.came(data, redelivered)
	if err == nil && (p.acked || !p.sent && !p.doubt) {
		err = fmt.Errorf("record %#x came, sent: %v, acknowledged: %v", p.id, p.sent, p.acked)
	}
	if err != nil {
		k.failf("running: %w", err)
		return nil
	}
	p.handed = true
	return p
}

// settle acknowledges, or releases, some of what t holds.
func (k *machine) settle(t *taker) {
	if len(t.held) == 0 {
		return
	}
	i := k.rng.IntN(len(t.held))
	hs := t.held[i]
	if k.rng.IntN(3) == 0 {
		var ls []ring.Lease
		for _, h := range hs {
			h.of.acking = true
			ls = append(ls, h.lease)
		}
		t.c.AckBatch(ls)
		for _, h := range hs {
			h.of.acked = true
		}
		hs = nil
	} else {
		j := k.rng.IntN(len(hs))
		h := hs[j]
		if k.rng.IntN(5) == 0 {
			t.c.Release(&h.lease)
		} else {
			h.of.acking = true
			t.c.Ack(&h.lease)
			h.of.acked = true
		}
		hs = slices.Delete(hs, j, j+1)
	}
	if t.held[i] = hs; len(hs) == 0 {
		t.held = slices.Delete(t.held, i, i+1)
	}
}

// receive takes a record that may be acknowledged as soon as the call begins.
func (k *machine) receive(t *taker) {
	was := k.mayAck()
	data, redelivered, err := t.c.TryReceive(nil)
	k.received(was, [][]byte{data}, redelivered, err)
}

func (k *machine) receiveBatch(t *taker) {
	was := k.mayAck()
	bufs := make([][]byte, 3)
	n, redelivered, err := t.c.TryReceiveBatch(bufs)
	k.received(was, bufs[:n], redelivered, err)
}

// mayAck notes that any record may be acknowledged by the call that follows.
func (k *machine) mayAck() (not []*paper) {
	for _, p := range k.archive.papers {
		if !p.acking {
			p.acking = true
			not = append(not, p)
		}
	}
	return not
}

func (k *machine) received(was []*paper, recs [][]byte, redelivered int, err error) {
	for _, p := range was {
		p.acking = false
	}
	if err != nil {
		if err != ring.ErrEmpty {
			k.failf("receive: %w", err)
		}
		return
	}
	for _, b := range recs {
		if p := k.took(b, redelivered); p != nil {
			p.acking, p.acked = true, true
		}
	}
}

// die replaces a participant by another on its seat.
func (k *machine) die(s *sender, t *taker) {
	if k.rng.IntN(2) == 0 {
		open := s.open
		k.r.Sweep(s.seat)
		k.archive.drop(func(p *paper) bool { return p == open })
		k.attachSender(s)
		return
	}
	if k.rng.IntN(2) == 0 {
		t.c.Close()
	}
	k.r.Sweep(t.seat)
	k.attachTaker(t)
}

// bury replaces a participant that died in the middle of a call: its record may have been sent, or
// acknowledged, or not.
func (k *machine) bury(s *sender, t *taker) {
	k.doubt(s)
	if s != nil {
		k.r.Sweep(s.seat)
		k.attachSender(s)
	}
	if t != nil {
		k.r.Sweep(t.seat)
		k.attachTaker(t)
	}
}

// doubt notes that what s has begun to send may be there, or not.
func (k *machine) doubt(s *sender) {
	for _, p := range k.archive.papers {
		p.doubt = p.doubt || s != nil && !p.sent && p.id>>32 == uint64(s.seat)
	}
}
