//go:build linux && amd64

package killpoint

import (
	"io"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
)

// attaches are the operations of one that comes or leaves.
func attaches(mode shmq.Options) []*scenario {
	produce, consume := call{do: func(v *victim) { v.produce() }}, call{do: func(v *victim) { v.consume() }}
	o := (&scenario{mode: mode}).options()
	create := call{do: func(v *victim) {
		_, err := consumer.OpenRaw(v.queue, &consumer.Options{Create: o})
		v.check(err)
	}}
	createOnly := call{do: func(v *victim) { v.check(shmq.Create(v.queue, &o)) }}
	anonymous := call{do: func(v *victim) {
		_, err := shmq.CreateAnonymous(&o)
		v.check(err)
	}}
	// It comes to the seat of a dead one.
	attach := func(name string, role shmq.Role, c call) *scenario {
		return &scenario{
			name: name, role: role, at: 1, records: recoverable, hold: true,
			corpses: func(w *world) {
				w.deadConsumer(0)
				w.deadProducer(w.o.Seats - 1)
			},
			calls: []call{c},
		}
	}
	all := []*scenario{
		attach("attach, producer", shmq.Producer, produce),
		attach("attach, consumer", shmq.Consumer, consume),
		{name: "create and attach", role: shmq.Consumer, absent: true, calls: []call{create}},
		{
			name: "detach, producer with a reservation", role: shmq.Producer, at: 3, records: []uint64{earlier2}, hold: true,
			prepare: func(v *victim) {
				v.produce()
				v.make(mine1)
				v.send(mine1)
				_, err := v.out.TryReserve(large)
				v.check(err)
			},
			sent:  []uint64{mine1},
			calls: []call{{do: func(v *victim) { v.check(v.out.Close()) }}},
		},
		{
			name: "detach, consumer with leases", role: shmq.Consumer, at: 2, records: []uint64{earlier2, earlierL}, hold: true,
			prepare: func(v *victim) { v.consume(); v.lease(); v.lease() },
			handed:  []uint64{earlier2, earlierL},
			living:  true, sleeper: shmq.Consumer,
			calls: []call{{do: func(v *victim) { v.check(v.in.Close()) }}},
		},
		{
			name: "finish, consumer asleep", role: shmq.Producer, at: 3, hold: true,
			prepare: func(v *victim) { v.produce() },
			sleeper: shmq.Consumer, finishes: true,
			calls: []call{{do: func(v *victim) { v.check(v.out.Finish()) }}},
		},
		{
			name: "told the end of a stream", role: shmq.Consumer, at: 2,
			prepare: func(v *victim) { v.consumeToEnd(); v.produce(); v.check(v.out.Finish()) },
			calls:   []call{{do: func(v *victim) { v.end(io.EOF) }}},
		},
	}
	sent := func(v *victim) { v.produce(); v.make(mine1); v.send(mine1) }
	return append(all, rarely(
		attach("attach, consumer, until the end", shmq.Consumer, call{do: func(v *victim) { v.consumeToEnd() }}),
		&scenario{name: "create", absent: true, calls: []call{createOnly}},
		&scenario{name: "create, anonymous", absent: true, calls: []call{anonymous}},
		&scenario{
			name: "abandon, consumer asleep", role: shmq.Producer, at: 3, hold: true,
			prepare: func(v *victim) { v.produce() },
			sleeper: shmq.Consumer, abandons: true,
			calls: []call{{do: func(v *victim) { v.check(v.out.Abandon()) }}},
		},
		&scenario{
			name: "told that a stream broke off", role: shmq.Consumer, at: 2,
			prepare: func(v *victim) { v.consumeToEnd(); v.produce(); v.check(v.out.Abandon()) },
			calls:   []call{{do: func(v *victim) { v.end(shmq.ErrBrokenOff) }}},
		},
		&scenario{
			name: "told the end of a stream, waits for the next", role: shmq.Consumer, at: 2,
			prepare: func(v *victim) { v.consumeToEnd(); v.produce(); v.check(v.out.Finish()) },
			calls:   []call{{do: func(v *victim) { v.end(io.EOF) }}, {do: func(v *victim) { v.in.NextStream(); v.none() }}},
		},
		&scenario{
			name: "sync, producer", role: shmq.Producer, at: 3, records: []uint64{earlier2}, hold: true,
			prepare: sent, sent: []uint64{mine1}, calls: []call{{do: func(v *victim) { v.check(v.out.Sync()) }}},
		},
		&scenario{
			name: "sync, consumer", role: shmq.Consumer, at: 2, records: []uint64{earlier2, earlierL}, hold: true,
			prepare: func(v *victim) { v.consume(); v.lease() }, handed: []uint64{earlier2},
			calls: []call{{do: func(v *victim) { v.check(v.in.Sync()) }}},
		},
	)...)
}
