//go:build linux && amd64

package killpoint

import (
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

// onlyInC are operations that libshmq has and the Go packages have not, or have in another thread: time-outs, and
// waits in two parts. The victim knows them by their names.
func onlyInC(mode shmq.Options) []*scenario {
	first := []uint64{earlier2, record(earlier, small, 3)}
	none := func(n int) []call { return make([]call, n) }
	receive := func(id uint64) call { return call{ids: []uint64{id}, during: receiving, after: gone} }

	consumer := func(name string, records []uint64, calls ...call) *scenario {
		return &scenario{name: name, role: shmq.Consumer, at: 3, records: records, hold: true, living: true, calls: calls}
	}
	var full []uint64
	for n := range slots {
		full = append(full, record(earlier, small, 2+n))
	}
	producer := func(name string, id uint64, calls int) *scenario {
		s := &scenario{name: name, role: shmq.Producer, at: 3, records: full, calls: none(calls)}
		for i := range s.calls {
			s.calls[i].ids = []uint64{id}
		}
		return s
	}
	withSleeper := func(s *scenario) *scenario {
		other := *s
		other.name += ", another asleep"
		other.sleeper = s.role
		return &other
	}
	removed := func(name string, role shmq.Role) *scenario {
		return &scenario{
			name: name, role: role, at: 2, records: first, hold: true, removes: true,
			corpses: func(w *world) { require.NoError(w.t, shmq.ForceRemove(w.queue)) }, calls: none(2),
		}
	}

	armed := consumer("arm, sleep, disarm, consumer", nil, none(3)...)
	armedRoom := producer("arm, sleep, disarm, producer", mine2, 3)
	all := []*scenario{
		consumer("receive, too small a buffer", first,
			call{ids: first[:1], during: taking, after: handed}, call{ids: first[:1], during: settling, after: gone}),
		consumer("park, consumer, for a time", nil, none(1)...),
		consumer("park, consumer, with a cancel word", nil, none(1)...),
		consumer("park, consumer, takes nothing", nil, none(1)...),
		producer("park, producer, for a time", mine2, 1),
		producer("park, producer, takes nothing", mine2, 1),
		consumer("wait, a record", first, call{}, receive(first[0])),
		armed,
		consumer("arm, a record", first, call{}, receive(first[0])),
		consumer("arm, a record, disarm", first, none(2)...),
		armedRoom,
		consumer("attach, consumer, guarded", first, none(1)...),
		{
			name: "ask, producer", role: shmq.Producer, at: 3, records: first[:1], hold: true,
			sent: []uint64{mine1}, calls: none(4),
		},
		{
			name: "ask, consumer", role: shmq.Consumer, at: 2, records: first, hold: true,
			handed: first[:1], calls: none(6),
		},
		removed("find out that it was removed, producer", shmq.Producer),
		removed("find out that it was removed, consumer", shmq.Consumer),
		{
			name: "fork, a child lives on, send", role: shmq.Producer, at: 3, records: first[:1], hold: true,
			calls: []call{{}, {ids: []uint64{mine2}, during: sending, after: certain}},
		},
	}
	if mode.Consumers == shmq.Many {
		// The other one is woken for the record, or by the victim that was, and does not take it.
		all = append(all, withSleeper(armed), &scenario{
			name: "arm, send, disarm, another asleep", role: shmq.Consumer, at: 3, hold: true, sleeper: shmq.Consumer,
			calls: []call{{}, {ids: []uint64{mine2}, during: sending, after: certain}, {}},
		})
	}
	if mode.Producers == shmq.Many {
		all = append(all, withSleeper(armedRoom),
			producer("park, producer, for a time, with the turn", mineL, 1),
			producer("arm, sleep, disarm, producer, with the turn", mineL, 3))
	}
	for _, s := range slices.Concat(sends(), receives(mode)) {
		if slices.Contains([]string{"send, consumer asleep", "reserve, commit", "receive, inline", "lease, acknowledge, inline", "receive a batch"}, s.name) {
			s.name += atHeartbeat
			all = append(all, s)
		}
	}
	for _, s := range all {
		s.mode = mode
	}
	return rarely(all...)
}
