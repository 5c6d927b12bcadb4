//go:build linux && amd64

package killpoint

import (
	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/ring"
)

// recoverable are records for a dead consumer to hold.
var recoverable = []uint64{earlier2, record(earlier, pair, 3), record(earlier, small, 4)}

// recoveries are what one participant does about another that died.
func recoveries(mode shmq.Options) []*scenario {
	recover := func(name string, role shmq.Role) *scenario {
		return &scenario{
			name: name, role: role, at: 1, records: recoverable, hold: true, reserve: true,
			prepare: func(v *victim) {
				var err error
				v.att, err = attach.To(v.queue, role, &attach.Options{NoCreate: true})
				v.check(err)
			},
			corpses: func(w *world) {
				seat := w.o.Seats - 1
				if role == shmq.Producer || mode.Consumers == shmq.Many {
					w.deadConsumer(seat)
					seat--
				}
				if role == shmq.Consumer || mode.Producers == shmq.Many {
					w.deadProducer(seat)
				}
			},
			calls: []call{{do: func(v *victim) { v.att.Recover() }}},
		}
	}
	all := []*scenario{
		recover("recover, by a producer", shmq.Producer),
		recover("recover, by a consumer", shmq.Consumer),
	}
	if mode.Consumers == shmq.Many {
		// A sleeping consumer may recover too, at its heartbeat.
		s := recover("recover, by a consumer, another asleep", shmq.Consumer)
		s.reserve, s.living, s.sleeper = false, true, shmq.Consumer
		all = append(all, s)
	}
	return all
}

// deadConsumer leaves a seat to which leases belong: a record taken alone, and among
// many consumers a batch, of which a part is acknowledged.
func (w *world) deadConsumer(seat int) {
	w.corpse(seat, shmq.Consumer, func(r *ring.Ring) {
		c := r.NewConsumer(seat)
		ls := make([]ring.Lease, 3)
		require.NoError(w.t, c.TryLease(&ls[0]))
		w.ledger[recoverable[0]], w.ledger[recoverable[1]] = handed, handed
		if w.o.Consumers == shmq.One {
			require.NoError(w.t, c.TryLease(&ls[1]))
			return
		}
		n, err := c.TryLeaseBatch(ls[1:])
		require.NoError(w.t, err)
		require.Equal(w.t, 2, n)
		c.Ack(&ls[2])
		w.ledger[recoverable[2]] = gone
	})
}

// orphans leaves what deadConsumer leaves, recovered.
func (w *world) orphans(seat int) {
	w.deadConsumer(seat)
	delete(w.dying, seat)
	w.ring(func(r *ring.Ring) {
		r.Seat(seat).Take(ring.Occupant{Role: uint32(shmq.Consumer), PID: 1, Command: "dead"})
	})
	_, err := shmq.Recover(w.queue, nil)
	require.NoError(w.t, err)
}

// deadProducer leaves a seat to which a claim belongs, if there are claims, and behind
// that a record of a living one.
func (w *world) deadProducer(seat int) {
	w.corpse(seat, shmq.Producer, func(r *ring.Ring) {
		p, err := r.NewProducer(seat)
		require.NoError(w.t, err)
		b, err := p.Reserve(small)
		require.NoError(w.t, err)
		copy(b, "half of it")
		if w.o.Producers == shmq.Many {
			p, err := r.NewProducer(seat - 1)
			require.NoError(w.t, err)
			w.ledger[behindRecord] = certain
			require.NoError(w.t, p.Send(ringtest.Record(behindRecord, sizeOf(behindRecord))))
		}
	})
}
