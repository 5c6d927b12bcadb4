//go:build linux && amd64

package killpoint

import "github.com/shmq/shmq"

// removals are the operations of a process that has no seat.
func removals() []*scenario {
	return []*scenario{
		{
			name: "remove", at: 1, records: recoverable, removes: true,
			calls: []call{{do: func(v *victim) { v.check(shmq.Remove(v.queue)) }}},
		},
		{
			name: "remove by force", at: 1, records: recoverable, hold: true, removes: true,
			calls: []call{{do: func(v *victim) { v.check(shmq.ForceRemove(v.queue)) }}},
		},
		{
			name: "recover, from outside", at: 1, records: recoverable, hold: true,
			corpses: func(w *world) {
				w.deadConsumer(0)
				w.deadProducer(w.o.Seats - 1)
			},
			calls: []call{{do: (*victim).recoverQueue}},
		},
		{
			name: "look from outside", rare: true, at: 1, records: recoverable, hold: true,
			corpses: func(w *world) {
				w.deadConsumer(0)
				w.deadProducer(w.o.Seats - 1)
			},
			calls: []call{{do: func(v *victim) {
				_, err := shmq.Stat(v.queue)
				v.check(err)
			}}},
		},
	}
}

func (v *victim) recoverQueue() {
	_, err := shmq.Recover(v.queue, nil)
	v.check(err)
}
