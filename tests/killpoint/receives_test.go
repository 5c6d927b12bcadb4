//go:build linux && amd64

package killpoint

import (
	"slices"

	"github.com/shmq/shmq"
)

var earlierL = record(earlier, large, 3)

// receives are the operations of a consumer that finds records.
func receives(mode shmq.Options) []*scenario {
	receive := func(id uint64) call {
		return call{do: func(v *victim) { v.receive() }, ids: []uint64{id}, during: receiving, after: gone}
	}
	lease := func(id uint64) call {
		return call{do: func(v *victim) { v.lease() }, ids: []uint64{id}, during: taking, after: handed}
	}
	ack := func(i int, id uint64) call {
		return call{do: func(v *victim) { v.leases[i].Ack() }, ids: []uint64{id}, during: settling, after: gone}
	}
	release := func(i int, id uint64) call {
		return call{do: func(v *victim) { v.leases[i].Release() }, ids: []uint64{id}, during: handed, after: handed}
	}
	consume := func(v *victim) { v.consume() }

	three := []uint64{earlier2, record(earlier, pair, 3), record(earlier, small, 4)}
	leaseBatch := call{do: func(v *victim) { v.leaseBatch(3) }, ids: three, during: taking, after: handed}
	// A single consumer's records come again behind the oldest that is not
	// acknowledged, so it acknowledges in order.
	order := []int{0, 1, 2}
	if mode.Consumers == shmq.Many {
		order = []int{1, 2, 0}
	}
	batch := []call{leaseBatch}
	for _, i := range order {
		batch = append(batch, ack(i, three[i]))
	}

	lines := []uint64{record(earlier, small, 3), record(earlier, small, 4), record(earlier, small, 5)}
	receiveBatch := call{do: func(v *victim) { v.receiveBatch(3) }, ids: lines, during: receiving, after: gone}
	leaseLines := call{do: func(v *victim) { v.leaseBatch(3) }, ids: lines, during: taking, after: handed}
	ackLines := call{do: func(v *victim) { v.in.AckBatch(v.leases) }, ids: lines, during: settling, after: gone}

	leaseBoth := func(v *victim) { v.consume(); v.lease(); v.lease() }
	both := []uint64{earlier2, earlierL}
	giveBack := []call{release(1, earlierL), release(0, earlier2)}

	full := []uint64{record(earlier, pair, 2)}
	for n := range slots - 2 {
		full = append(full, record(earlier, small, 3+n))
	}

	some := []uint64{earlier2, earlierL, record(earlier, small, 4)}
	someL := []uint64{earlierL, record(earlier, small, 4)}
	plain := func(name string, records []uint64, calls ...call) *scenario {
		return &scenario{name: name, role: shmq.Consumer, at: 2, records: records, hold: true, prepare: consume, calls: calls}
	}
	all := []*scenario{
		plain("receive, inline", some, receive(earlier2)),
		plain("receive, 3 slots", someL, receive(earlierL)),
		plain("lease, acknowledge, inline", some, lease(earlier2), ack(0, earlier2)),
		plain("lease, acknowledge, 3 slots", someL, lease(earlierL), ack(0, earlierL)),
		plain("lease a batch, acknowledge", three, batch...),
		plain("lease a batch, acknowledge it as one", lines, leaseLines, ackLines),
		{
			name: "receive a batch", role: shmq.Consumer, at: 1, records: append([]uint64{earlier2}, lines...), hold: true,
			// The first record comes alone: one may have been given back.
			prepare: func(v *victim) { v.consume(); v.receive() }, received: []uint64{earlier2},
			calls: []call{receiveBatch},
		},
		{
			name: "release", role: shmq.Consumer, at: 2, records: both, hold: true,
			prepare: leaseBoth, handed: both, calls: giveBack,
		},
		{
			name: "receive, producer asleep", role: shmq.Consumer, at: 3, records: full,
			prepare: consume, sleeper: shmq.Producer, calls: []call{receive(full[0])}, frees: true,
		},
	}
	again := func(id uint64) call { // of what it had been handed before
		return call{do: func(v *victim) { v.receive() }, ids: []uint64{id}, during: settling, after: gone}
	}
	leaseAgain := func(id uint64) call {
		return call{do: func(v *victim) { v.lease() }, ids: []uint64{id}, during: handed, after: handed}
	}
	at := func(at int, s *scenario) *scenario {
		s.at = at
		return s
	}
	leaseAll := call{do: func(v *victim) { v.leaseAll(3) }, ids: three, during: taking, after: handed}
	leaseAllLines := call{do: func(v *victim) { v.leaseAll(3) }, ids: lines, during: taking, after: handed}
	receiveAll := call{do: func(v *victim) { v.receiveAll(3) }, ids: lines, during: receiving, after: gone}
	all = append(all, rarely(
		at(5, plain("receive a batch across the end", lines, receiveAll)),
		at(6, plain("lease a batch across the end, acknowledge it as one", lines, leaseAllLines, ackLines)),
		at(6, plain("lease a batch behind a filler, acknowledge", three, append([]call{leaseAll}, batch[1:]...)...)),
		plain("receive twice", lines, receive(lines[0]), receive(lines[1])),
		&scenario{
			name: "release, receive again", role: shmq.Consumer, at: 2, records: both, hold: true,
			prepare: leaseBoth, handed: both, calls: append(slices.Clone(giveBack), again(earlier2), again(earlierL)),
		},
		&scenario{ // a predecessor was handed them
			name: "lease again, acknowledge", role: shmq.Consumer, at: 2, records: both, hold: true,
			prepare: func(v *victim) { leaseBoth(v); v.check(v.in.Close()); v.consume() }, handed: both,
			calls: []call{leaseAgain(earlier2), ack(0, earlier2), leaseAgain(earlierL), ack(1, earlierL)},
		},
	)...)
	if mode.Consumers == shmq.Many {
		all = append(all, rarely(&scenario{ // of a batch a part was acknowledged
			name: "inherit a record and a batch", role: shmq.Consumer, at: 2, records: recoverable, hold: true,
			prepare: consume, corpses: func(w *world) { w.orphans(w.o.Seats - 1) },
			calls: []call{leaseAgain(recoverable[0]), leaseAgain(recoverable[1]), ack(1, recoverable[1]), ack(0, recoverable[0])},
		})...)
		all = append(all,
			plain("lease a batch, acknowledge and release", three, leaseBatch, ack(1, three[1]), release(0, three[0]), ack(2, three[2])),
			&scenario{
				name: "release, consumer asleep", role: shmq.Consumer, at: 2, records: both, hold: true,
				prepare: leaseBoth, handed: both, living: true, sleeper: shmq.Consumer, calls: giveBack,
			})
	}
	return all
}
