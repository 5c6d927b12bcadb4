//go:build linux && amd64

package killpoint

import "github.com/shmq/shmq"

// Sizes: small fits the slot's line, single its data area, pair takes two slots, large three.
const small, single, pair, large = 20, 60, 100, 150

var (
	earlier2 = record(earlier, small, 2)

	mine1 = record(theVictim, small, 1)
	mine2 = record(theVictim, small, 2)
	mineL = record(theVictim, large, 2)
	mineS = record(theVictim, single, 2)
	quick = []uint64{mine2, record(theVictim, small, 3), record(theVictim, small, 4), record(theVictim, small, 5)}
	four  = []uint64{mine2, record(theVictim, pair, 3), record(theVictim, small, 4), record(theVictim, small, 5)}
	mixed = four[:3]
)

// sends are the operations of a producer that finds room.
func sends() []*scenario {
	send := func(id uint64) call {
		return call{do: func(v *victim) { v.send(id) }, ids: []uint64{id}, during: sending, after: certain}
	}
	reserve := func(id uint64) call {
		return call{do: func(v *victim) {
			var err error
			v.space, err = v.out.TryReserve(len(v.recs[id]))
			v.check(err)
			copy(v.space, v.recs[id])
		}, ids: []uint64{id}}
	}
	commit := func(id uint64) call {
		return call{do: func(v *victim) { v.check(v.out.Commit(len(v.recs[id]))) }, ids: []uint64{id}, during: sending, after: certain}
	}
	abort := call{do: func(v *victim) { v.out.Abort() }, ids: []uint64{mineL}}
	batch := func(ids []uint64) call {
		return call{do: func(v *victim) {
			_, err := v.out.SendBatch(background, v.batch)
			v.check(err)
		}, ids: ids, during: sending, after: certain}
	}

	plain := func(name string, at int, calls ...call) *scenario {
		return &scenario{
			name: name, role: shmq.Producer, at: at, records: []uint64{earlier2}, hold: true,
			prepare: func(v *victim) { // it has sent a record before
				v.produce()
				v.make(mine1)
				v.send(mine1)
				v.makeFor(calls)
			},
			sent: []uint64{mine1}, calls: calls,
		}
	}
	all := []*scenario{
		plain("send, inline", 3, send(mine2)),
		plain("send, not inline", 3, send(mineS)),
		plain("send, 3 slots", 1, send(mineL)),
		plain("send, 3 slots behind a filler", 4, send(mineL)),
		plain("send a batch of 4", 1, batch(four)),
		plain("send a batch of 4, inline", 1, batch(quick)),
		plain("reserve, commit", 1, reserve(mineL), commit(mineL)),
		plain("reserve, commit, 1 slot", 1, reserve(mineS), commit(mineS)),
		plain("reserve, abort", 1, reserve(mineL), abort),
		{
			name: "send, consumer asleep", role: shmq.Producer, at: 3, hold: true,
			prepare: func(v *victim) { v.produce(); v.make(mine2) },
			living:  true, sleeper: shmq.Consumer, calls: []call{send(mine2)},
		},
	}
	// Those that begin in the last two slots, and end in the first ones: of the mixed ones the second does not fit
	// into the last slot.
	over := plain("send a batch of 4 over a filler of the lap before", 4, batch(quick))
	over.skipped = true
	return append(all, rarely(
		over,
		plain("send a batch of 4 across the end", 4, batch(quick)),
		plain("send a batch across the end, behind a filler", 4, batch(mixed)),
	)...)
}

// makeFor makes the records of some calls. A batch is all of them.
func (v *victim) makeFor(calls []call) {
	v.batch = nil
	for _, c := range calls {
		v.make(c.ids...)
	}
}
