//go:build linux && amd64

package killpoint

import (
	"slices"

	"github.com/shmq/shmq"
)

// checksums are the operations with a queue with checksums: those of other queues, and
// what only such a queue has: the gate, the rebuild and the sync.
func checksums(mode shmq.Options) []*scenario {
	mode.Checksum = true
	all := slices.Concat(sends(), marks(mode), receives(mode), attaches(mode), recoveries(mode), removals())
	for _, s := range all {
		s.name += ", checksums"
	}
	all = slices.Concat(all, durable(), lasts(), rebuilds())
	for _, s := range all {
		s.mode, s.variant = mode, true
	}
	return all
}

// durable are sends that return when their records are on the disk.
func durable() []*scenario {
	send := func(name string, every int, c call) *scenario {
		return &scenario{
			name: name, role: shmq.Producer, at: 1, records: []uint64{earlier2}, hold: true,
			prepare: func(v *victim) {
				v.produceDurably(every)
				v.make(four...)
			},
			calls: []call{c},
		}
	}
	return []*scenario{
		send("send, durable", 1, call{
			do: func(v *victim) { v.send(mine2) }, ids: []uint64{mine2}, during: sending, after: certain,
		}),
		send("send a batch of 4, durable", 3, call{do: func(v *victim) {
			_, err := v.out.SendBatch(background, v.batch)
			v.check(err)
		}, ids: four, during: sending, after: certain}),
	}
}

// lasts are participants that leave last, and so have to leave the queue in order.
func lasts() []*scenario {
	return []*scenario{
		{
			name: "detach, producer, the last one", role: shmq.Producer, at: 3, records: []uint64{earlier2},
			prepare: func(v *victim) { v.produce(); v.make(mine1); v.send(mine1) },
			sent:    []uint64{mine1},
			calls:   []call{{do: func(v *victim) { v.check(v.out.Close()) }}},
		},
		{
			name: "detach, consumer, the last one", role: shmq.Consumer, at: 2, records: []uint64{earlier2, earlierL},
			prepare: func(v *victim) { v.consume(); v.lease(); v.lease() },
			handed:  []uint64{earlier2, earlierL},
			calls:   []call{{do: func(v *victim) { v.check(v.in.Close()) }}},
		},
	}
}

// rebuilds are the operations of the first one to come to a queue of another boot, in
// which two had died.
func rebuilds() []*scenario {
	first := func(name string, role shmq.Role, do func(v *victim)) *scenario {
		return &scenario{
			name: name, role: role, at: 1, records: recoverable, broken: true,
			corpses: func(w *world) {
				w.deadConsumer(0)
				w.deadProducer(w.o.Seats - 1)
			},
			calls: []call{{do: do}},
		}
	}
	return []*scenario{
		first("rebuild, producer", shmq.Producer, (*victim).produce),
		first("rebuild, consumer", shmq.Consumer, (*victim).consume),
		first("rebuild, from outside", 0, (*victim).recoverQueue),
	}
}
