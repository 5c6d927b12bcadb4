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
	all := []*scenario{
		consumer("park, consumer", 0),
		producer("park, producer", mine2, 0),
	}
	if mode.Consumers == shmq.Many {
		all = append(all, consumer("park, consumer, another asleep", shmq.Consumer))
	}
	if mode.Producers == shmq.Many {
		all = append(all,
			producer("park, producer, another asleep", mine2, shmq.Producer),
			producer("park, producer, with the turn", mineL, shmq.Producer))
	}
	return all
}
