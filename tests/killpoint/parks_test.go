//go:build linux && amd64

package killpoint

import "github.com/shmq/shmq"

// parks are the operations that wait: they are killed on their way to sleep, asleep,
// and on their way from the end of a heartbeat to the next sleep.
func parks(mode shmq.Options) []*scenario {
	var full []uint64
	for n := range slots {
		full = append(full, record(earlier, small, 2+n))
	}
	consumer := func(name string, sleeper shmq.Role) *scenario {
		return &scenario{
			name: name, role: shmq.Consumer, at: 3, hold: true, prepare: func(v *victim) { v.consume() },
			living: true, sleeper: sleeper, calls: []call{{do: func(v *victim) { v.receive() }}},
		}
	}
	producer := func(name string, id uint64, sleeper shmq.Role) *scenario {
		return &scenario{
			name: name, role: shmq.Producer, at: 3, records: full, prepare: func(v *victim) { v.produce(); v.make(id) },
			sleeper: sleeper, calls: []call{{do: func(v *victim) { v.send(id) }, ids: []uint64{id}}},
		}
	}
	// The same in a set with another queue.
	chooser := func(name string, sleeper shmq.Role) *scenario {
		s := consumer(name, sleeper)
		s.prepare = func(v *victim) { v.consume(); v.among(v.in, 0) }
		s.calls = []call{{do: func(v *victim) { v.choose() }}}
		return s
	}
	sender := func(name string, id uint64, sleeper shmq.Role) *scenario {
		s := producer(name, id, sleeper)
		s.prepare = func(v *victim) { v.produce(); v.among(v.out, sizeOf(id)) }
		s.calls = []call{{do: func(v *victim) { v.choose() }}}
		return s
	}
	found := chooser("select, a record", 0)
	found.records = []uint64{earlier2}
	found.calls = append(found.calls, call{do: func(v *victim) { v.receive() }, ids: []uint64{earlier2}, during: receiving, after: gone})
	all := []*scenario{
		consumer("park, consumer", 0),
		producer("park, producer", mine2, 0),
		chooser("select, consumer", 0),
		sender("select, producer", mine2, 0),
		found,
	}
	if mode.Consumers == shmq.Many {
		all = append(all,
			consumer("park, consumer, another asleep", shmq.Consumer),
			chooser("select, consumer, another asleep", shmq.Consumer))
	}
	if mode.Producers == shmq.Many {
		all = append(all,
			producer("park, producer, another asleep", mine2, shmq.Producer),
			producer("park, producer, with the turn", mineL, shmq.Producer),
			sender("select, producer, another asleep", mine2, shmq.Producer),
			sender("select, producer, with the turn", mineL, shmq.Producer))
	}
	return all
}
