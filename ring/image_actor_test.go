//go:build shmqstep

package ring_test

import (
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// actor is a participant that notes in the books what it does, and when by its tape.
type actor struct {
	s     *scene
	t     *tape // nil for what happens before the tape
	seat  int
	maker uint64 // of its records
	p     *ring.Producer
	c     *ring.Consumer
}

// now returns how many stores the actor has made.
func (a *actor) now() int {
	if a.t == nil {
		return before
	}
	a.t.look()
	return len(a.t.stores)
}

// recover does for a seat what an attachment does that found its lock free.
func (a *actor) recover(seat int) {
	if s := a.s.r.Seat(seat); s.Dirty() {
		a.s.r.Sweep(seat)
		s.Clean()
	}
}

// attach takes the seat as an attachment does.
func (a *actor) attach(producer bool) {
	role := uint32(layout.RoleConsumer)
	if producer {
		role = layout.RoleProducer
	}
	a.recover(a.seat)
	a.s.r.Seat(a.seat).Take(occupant(role))
	if a.t != nil {
		for _, seat := range a.s.dead {
			a.recover(seat)
		}
	}
	if producer {
		a.mark(false, a.s.r.BeginStream)
		p, err := a.s.r.NewProducer(a.seat)
		if err != nil {
			a.s.books.failf("attach: %w", err)
		}
		a.p = p
		return
	}
	a.c = a.s.r.NewConsumer(a.seat)
}

// occupant is one whose fields all differ from those of the other role's.
func occupant(role uint32) ring.Occupant {
	n := 1000 * role
	return ring.Occupant{Role: role, PID: n + 1, UID: n + 2, StartTime: uint64(n) + 3, Attached: int64(n) + 4, Command: "role"[:role+2]}
}

func (a *actor) mark(finished bool, call func()) {
	now := a.now()
	call()
	a.s.books.stream = append(a.s.books.stream, change{now, a.now(), finished})
}

func (a *actor) detach() {
	if a.c != nil {
		a.c.Close()
	}
	if a.p != nil {
		a.mark(true, a.s.r.FinishStream)
	}
	a.s.r.Seat(a.seat).Clean()
}

// send sends records, as one batch when there are several.
func (a *actor) send(sizes ...int) {
	now := a.now()
	var recs [][]byte
	var es []*entry
	for _, n := range sizes {
		e := a.s.books.add(a.maker, n, now)
		es = append(es, e)
		recs = append(recs, ringtest.Record(e.id, n))
	}
	a.sentAs(es, func() (int, error) {
		if len(recs) > 1 {
			return a.p.SendBatch(recs)
		}
		return unlessFailed(a.p.Send(recs[0]))
	})
}

func unlessFailed(err error) (int, error) {
	if err != nil {
		return 0, err
	}
	return 1, nil
}

// sendMarked is send for records that are marked with their ids.
func (a *actor) sendMarked(sizes ...int) {
	now := a.now()
	var recs [][]byte
	var marks []layout.Mark
	var es []*entry
	for _, n := range sizes {
		e := a.s.books.add(a.maker, n, now)
		e.marked = true
		es = append(es, e)
		recs, marks = append(recs, ringtest.Record(e.id, n)), append(marks, markOf(e.id))
	}
	a.sentAs(es, func() (int, error) {
		if len(recs) > 1 {
			return a.p.SendBatchMarked(recs, marks)
		}
		return unlessFailed(a.p.SendMarked(recs[0], marks[0]))
	})
}

// sentAs notes what send has sent of es.
func (a *actor) sentAs(es []*entry, send func() (int, error)) {
	sent, err := send()
	if err != nil && err != ring.ErrFull {
		a.s.books.failf("send: %w", err)
	}
	a.sent(es, sent)
}

func (a *actor) sent(es []*entry, n int) {
	now := a.now()
	for i, e := range es {
		if i < n {
			e.sent = now
		} else {
			a.s.books.drop(e)
		}
	}
}

// reserve writes a record of n bytes in place, in two parts. It returns nil when
// there is no room.
func (a *actor) reserve(room, n int) *entry {
	e := a.s.books.add(a.maker, n, a.now())
	b, err := a.p.Reserve(room)
	if err != nil {
		if err != ring.ErrFull {
			a.s.books.failf("reserve: %w", err)
		}
		a.s.books.drop(e)
		return nil
	}
	ringtest.FillRecord(b[:n], e.id, 0, n/2)
	a.now()
	ringtest.FillRecord(b[:n], e.id, n/2, n)
	return e
}

func (a *actor) commit(e *entry) {
	if e == nil {
		return
	}
	if err := a.p.Commit(e.size); err != nil {
		a.s.books.failf("commit: %w", err)
	}
	e.sent = a.now()
}

func (a *actor) commitMarked(e *entry) {
	if e == nil {
		return
	}
	e.marked = true
	if err := a.p.CommitMarked(e.size, markOf(e.id)); err != nil {
		a.s.books.failf("commit: %w", err)
	}
	e.sent = a.now()
}

func (a *actor) abort(e *entry) {
	if e == nil {
		return
	}
	a.p.Abort()
	a.s.books.drop(e)
}

// lease takes up to n records with one call.
func (a *actor) lease(n int) []ring.Lease {
	now := a.now()
	ls := make([]ring.Lease, n)
	var err error
	if n > 1 {
		n, err = a.c.TryLeaseBatch(ls)
	} else {
		err = a.c.TryLease(&ls[0])
	}
	if err != nil {
		if err != ring.ErrEmpty {
			a.s.books.failf("lease: %w", err)
		}
		return nil
	}
	for _, l := range ls[:n] {
		if e := a.taken(now, l.Data, l.Redelivered); e != nil {
			e.handed = min(e.handed, a.now())
		}
	}
	return ls[:n]
}

// taken notes that a record was taken in a call that began at now.
func (a *actor) taken(now int, data []byte, redelivered int) *entry {
	id, err := ringtest.ReadRecord(data)
	e := a.s.books.find(id)
	switch {
	case err != nil:
		a.s.books.failf("torn: %w", err)
		return nil
	case e == nil || e.sent > now:
		a.s.books.failf("record %#x was never sent", id)
		return nil
	case len(data) != e.size:
		a.s.books.failf("record %#x has %d bytes, not %d", id, len(data), e.size)
	case redelivered == 0 && e.handed != never:
		a.s.books.failf("record %#x comes again without a flag", id)
	}
	e.taking = min(e.taking, now)
	return e
}

func (a *actor) ack(l *ring.Lease) {
	id, _ := ringtest.ReadRecord(l.Data)
	e := a.s.books.find(id)
	e.acking = a.now()
	a.c.Ack(l)
	e.acked = a.now()
}

// ackAll acknowledges leases in this order, as far as there are so many.
func (a *actor) ackAll(ls []ring.Lease, order ...int) {
	for _, i := range order {
		if i < len(ls) {
			a.ack(&ls[i])
		}
	}
}

// ackBatch acknowledges all of them in one call.
func (a *actor) ackBatch(ls []ring.Lease) {
	var es []*entry
	for i := range ls {
		id, _ := ringtest.ReadRecord(ls[i].Data)
		e := a.s.books.find(id)
		e.acking = a.now()
		es = append(es, e)
	}
	a.c.AckBatch(ls)
	for _, e := range es {
		e.acked = a.now()
	}
}

// receiveBatch takes at most n records in one call.
func (a *actor) receiveBatch(n int) {
	now := a.now()
	bufs := make([][]byte, n)
	got, redelivered, err := a.c.TryReceiveBatch(bufs)
	if err != nil {
		if err != ring.ErrEmpty {
			a.s.books.failf("receive batch: %w", err)
		}
		return
	}
	for _, b := range bufs[:got] {
		if e := a.taken(now, b, redelivered); e != nil {
			e.acking = now
			e.handed = min(e.handed, a.now())
			e.acked = a.now()
		}
	}
}

func (a *actor) release(ls []ring.Lease, i int) {
	if i < len(ls) {
		a.c.Release(&ls[i])
	}
}

func (a *actor) receive() {
	now := a.now()
	b, redelivered, err := a.c.TryReceive(nil)
	if err != nil {
		if err != ring.ErrEmpty {
			a.s.books.failf("receive: %w", err)
		}
		return
	}
	if e := a.taken(now, b, redelivered); e != nil {
		e.acking = now
		e.handed = min(e.handed, a.now())
		e.acked = a.now()
	}
}
