//go:build linux && amd64

package killpoint

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
	"github.com/shmq/shmq/ring"
)

// slots is the size of the queues: small, so that a lap is short.
const slots = 8

// world is a queue with what has happened in it, and with its living participants,
// which are in the tracer's process.
type world struct {
	*view
	t     *testing.T
	s     *scenario
	o     shmq.Options
	queue string
	residence

	ledger ledger
	came   []delivery

	holder *consumer.Raw // leases a record through it all
	held   consumer.Lease
	other  *producer.Raw // lives through it all
	space  []byte        // its reservation, if it has one
	dying  map[int]shmq.Role
	sleeper
}

var worlds atomic.Int64

// newWorld makes a queue as the scenario wants it when the victim comes.
func newWorld(t *testing.T, s *scenario) *world {
	w := &world{t: t, s: s, o: s.options(), ledger: ledger{}, dying: map[int]shmq.Role{}}
	w.settle()
	if s.absent {
		return w
	}
	p, err := producer.OpenRaw(w.queue, nil)
	require.NoError(t, err)
	c, err := consumer.OpenRaw(w.queue, nil)
	require.NoError(t, err)
	// Some records went through before, so that laps and indices are not zero.
	before, hold := slots+s.at, s.hold && w.o.Consumers == shmq.Many
	if hold {
		before--
	}
	for n := 0; n < before; n++ {
		var b []byte
		if s.skipped && n == slots-2 { // behind a filler in the last two, in the first three of the next lap
			b = make([]byte, large)
			n = slots + 2
		}
		require.NoError(t, p.TrySend(b))
		_, err := c.TryReceive(nil)
		require.NoError(t, err)
	}
	if hold {
		w.send(p, heldRecord)
		w.holder = c
		w.held, err = c.TryLease()
		require.NoError(t, err)
		w.ledger[heldRecord] = gone // to all others
	} else {
		require.NoError(t, c.Close())
	}
	for _, id := range s.records {
		w.send(p, id)
	}
	require.NoError(t, p.Close())
	for _, id := range s.sent {
		w.ledger[id] = certain
	}
	for _, id := range s.received {
		w.ledger[id] = gone
	}
	for _, id := range s.handed {
		w.ledger[id] = handed
	}
	w.view, err = w.look()
	require.NoError(t, err)
	return w
}

var (
	heldRecord     = record(earlier, 20, 1)
	reservedRecord = record(living, 20, 1)
	behindRecord   = record(living, 20, 2)
	lateRecord     = record(late, 20, 1)
	waitingRecord  = record(waiter, 20, 1)
)

func (w *world) send(p *producer.Raw, id uint64) {
	w.t.Helper()
	require.NoError(w.t, p.TrySend(ringtest.Record(id, sizeOf(id))))
	w.ledger[id] = certain
}

// ready is called when the victim has prepared itself and does not run yet.
func (w *world) ready() {
	if w.s.living && w.s.mayLive(shmq.Producer) || w.s.reserve && w.o.Producers == shmq.Many {
		var err error
		w.other, err = producer.OpenRaw(w.queue, nil)
		require.NoError(w.t, err)
	}
	if w.s.reserve && w.o.Producers == shmq.Many {
		var err error
		w.space, err = w.other.TryReserve(sizeOf(reservedRecord))
		require.NoError(w.t, err)
		w.ledger[reservedRecord] = gone // until it is committed
	}
	if w.s.corpses != nil {
		w.s.corpses(w)
	}
	if w.s.sleeper != 0 && w.s.mayLive(w.s.sleeper) {
		w.fallAsleep()
		if w.s.asleep != nil {
			w.s.asleep(w)
		}
	}
}

// strike lets the dying be dead. A sleeper has just gone to sleep then, and does not
// find them before its heartbeat.
func (w *world) strike() {
	if w.done != nil && len(w.dying) > 0 {
		before := w.waits()
		testproc.Until(w.t, func() bool { return w.waits() > before })
	}
	for i, role := range w.dying {
		w.ring(func(r *ring.Ring) { r.Seat(i).Take(ring.Occupant{Role: uint32(role), PID: 1, Command: "dead"}) })
	}
	if w.s.broken {
		w.ring(func(r *ring.Ring) { r.SetImage(otherBoot) })
		for id, f := range w.ledger {
			if f == certain {
				w.ledger[id] = handed // what a rebuild finds comes flagged
			}
		}
	}
}

// changed is that of the view, which in a queue that the victim makes begins late.
func (w *world) changed() bool {
	if w.view == nil {
		v, err := w.look()
		if err != nil {
			return false
		}
		w.view = v
		return true
	}
	return w.view.changed()
}

// left is the state that the victim leaves, if it is killed now.
func (w *world) left() (state, error) {
	w.changed()
	if w.view == nil {
		return 0, nil
	}
	return w.state()
}

// corpse lets a seat be found as that of a dead participant that did what do does. Its entry is
// dirty only when all others have come: each would clean up behind it.
func (w *world) corpse(seat int, role shmq.Role, do func(r *ring.Ring)) {
	w.ring(do)
	w.dying[seat] = role
}

// ring gives do the queue's ring without an attachment.
func (w *world) ring(do func(r *ring.Ring)) {
	f, mem, err := w.open()
	require.NoError(w.t, err)
	r, err := ring.New(mem, geometry(w.o), sys.MonotonicMillis)
	require.NoError(w.t, err)
	do(r)
	require.NoError(w.t, sys.Unmap(mem))
	require.NoError(w.t, f.Close())
}

// close ends what still lives, whatever happened.
func (w *world) close() {
	w.stopSleeper()
	if w.holder != nil {
		_ = w.holder.Close()
	}
	if w.other != nil {
		_ = w.other.Close()
	}
	if w.view != nil {
		w.view.close(w.t)
	}
	w.vacate()
}

var background = context.Background()
