//go:build linux && amd64

package killpoint

import "github.com/shmq/shmq"

// Sizes: small fits the slot's line, pair takes two slots, large three.
const small, pair, large = 20, 100, 150

var (
	earlier2 = record(earlier, small, 2)

	mine1 = record(theVictim, small, 1)
	mine2 = record(theVictim, small, 2)
	mineL = record(theVictim, large, 2)
	four  = []uint64{mine2, record(theVictim, pair, 3), record(theVictim, small, 4), record(theVictim, small, 5)}
)

// sends are the operations of a producer that finds room.
func sends() []*scenario {
	// The victim has sent a record before.
	prepare := func(v *victim) {
		v.produce()
		v.make(mine1)
		v.send(mine1)
		v.batch = nil
		v.make(mineL)
		v.make(four...)
		v.batch = v.batch[1:]
	}
	send := func(id uint64) call {
		return call{do: func(v *victim) { v.send(id) }, ids: []uint64{id}, during: sending, after: certain}
	}
	reserve := call{do: func(v *victim) {
		var err error
		v.space, err = v.out.TryReserve(large)
		v.check(err)
		copy(v.space, v.recs[mineL])
	}, ids: []uint64{mineL}}
	commit := call{do: func(v *victim) { v.check(v.out.Commit(large)) }, ids: []uint64{mineL}, during: sending, after: certain}
	abort := call{do: func(v *victim) { v.out.Abort() }, ids: []uint64{mineL}}
	batch := call{do: func(v *victim) {
		_, err := v.out.SendBatch(background, v.batch)
		v.check(err)
	}, ids: four, during: sending, after: certain}

	plain := func(name string, at int, calls ...call) *scenario {
		return &scenario{
			name: name, role: shmq.Producer, at: at, records: []uint64{earlier2}, hold: true,
			prepare: prepare, sent: []uint64{mine1}, calls: calls,
		}
	}
	return []*scenario{
		plain("send, inline", 3, send(mine2)),
		plain("send, 3 slots", 1, send(mineL)),
		plain("send, 3 slots behind a filler", 4, send(mineL)),
		plain("send a batch of 4", 1, batch),
		plain("reserve, commit", 1, reserve, commit),
		plain("reserve, abort", 1, reserve, abort),
		{
			name: "send, consumer asleep", role: shmq.Producer, at: 3, hold: true,
			prepare: func(v *victim) { v.produce(); v.make(mine2) },
			living:  true, sleeper: shmq.Consumer, calls: []call{send(mine2)},
		},
	}
}
