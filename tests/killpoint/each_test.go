//go:build linux && amd64

package killpoint

import (
	"fmt"
	"hash/maphash"
	"testing"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
)

// eachMode stands in the place of a queue's mode: each consumer gets every record.
const eachMode = "each"

// eachScenario is an operation of a participant of such a queue.
type eachScenario struct {
	name       string
	many, skip bool
	keep       int
	role       shmq.Role
	at         int
	records    []uint64 // that no subscription has received
	durable    bool     // the victim's subscription is
	audited    bool     // and was there before
	received   []uint64 // by the victim in prepare
	seen       int      // how many of records were handed out there, all but the last acknowledged
	prepare    func(v *victim)
	calls      []call
}

// eachScenarios are all operations, of producers that wait and that skip, of one and of many.
func eachScenarios() (all []*eachScenario) {
	for _, many := range []bool{false, true} {
		for _, skip := range []bool{false, true} {
			of := append(eachSends(), eachReceives()...)
			for _, s := range of {
				manner := "waiting"
				if skip {
					manner = "skipping"
				}
				producers := "one"
				if many {
					producers = "many"
				}
				s.name = fmt.Sprintf("each: %s, %s/%s", s.name, producers, manner)
				s.many, s.skip = many, skip
			}
			all = append(all, of...)
		}
	}
	return all
}

// eachSends are operations of a producer that has not looked at the cursors yet.
func eachSends() (all []*eachScenario) {
	for _, s := range sends() {
		if s.sleeper != 0 || s.rare {
			continue
		}
		n := s.name
		all = append(all, &eachScenario{
			name: n, role: shmq.Producer, at: s.at, records: []uint64{earlier2}, calls: s.calls,
			prepare: func(v *victim) {
				v.produce()
				v.makeFor(s.calls)
			},
		})
	}
	return all
}

// subscribe opens a subscription.
func (v *victim) subscribe(name string, from consumer.From) {
	var err error
	v.in, err = consumer.OpenRaw(v.queue, &consumer.Options{NoCreate: true, Subscription: name, From: from})
	v.check(err)
	v.leases = make([]consumer.Lease, 0, 8)
}

func eachReceives() []*eachScenario {
	three := []uint64{earlier2, record(earlier, pair, 3), record(earlier, small, 4)}
	takeOver := func(v *victim) { v.subscribe(audit, consumer.Newest) }
	receive := func(id uint64) call {
		return call{do: func(v *victim) { v.receive() }, ids: []uint64{id}, during: receiving, after: gone}
	}
	joins := func(name string, durable bool, from consumer.From) *eachScenario {
		s := &eachScenario{name: name, role: shmq.Consumer, at: 2, records: three, keep: 4, durable: durable}
		after := fate(gone) // it begins behind them
		if from == consumer.Oldest {
			after = certain
		}
		called := ""
		if durable {
			called = audit
		}
		s.calls = []call{{do: func(v *victim) { v.subscribe(called, from) }, ids: three, during: after, after: after}}
		return s
	}
	durable := func(name string, seen int, prepare func(v *victim), calls ...call) *eachScenario {
		return &eachScenario{name: name, role: shmq.Consumer, at: 2, records: three, durable: true, audited: true, seen: seen, prepare: prepare, calls: calls}
	}
	second := durable("receive, 2 slots", 0, func(v *victim) { takeOver(v); v.receive() }, receive(three[1]))
	second.received = three[:1]
	leave := call{do: func(v *victim) { v.check(v.in.Close()) }}
	return []*eachScenario{
		joins("join at the newest", false, consumer.Newest),
		joins("join at the oldest", false, consumer.Oldest),
		joins("join, durable, at the oldest", true, consumer.Oldest),
		{
			name: "leave", role: shmq.Consumer, at: 2, records: three,
			prepare: func(v *victim) { v.subscribe("", consumer.Newest) }, calls: []call{leave},
		},
		durable("take a durable one over", 2, nil, call{do: takeOver}),
		durable("leave a durable one", 0, func(v *victim) { takeOver(v); v.lease() },
			call{do: func(v *victim) { v.check(v.in.Close()) }, ids: three[:1], during: handed, after: handed}),
		durable("receive, inline", 0, takeOver, receive(three[0])),
		second,
		durable("lease, acknowledge", 0, takeOver,
			call{do: func(v *victim) { v.lease() }, ids: three[:1], during: taking, after: handed},
			call{do: func(v *victim) { v.leases[0].Ack() }, ids: three[:1], during: settling, after: gone}),
		durable("lease a batch, acknowledge it as one", 0, takeOver,
			call{do: func(v *victim) { v.leaseBatch(3) }, ids: three, during: taking, after: handed},
			call{do: func(v *victim) { v.in.AckBatch(v.leases) }, ids: three, during: settling, after: gone}),
	}
}

func playEachVictim(p *page, v *victim, scenario string) {
	for _, s := range eachScenarios() {
		if s.name != scenario {
			continue
		}
		if s.prepare != nil {
			s.prepare(v)
		}
		calls := make([]func(), len(s.calls))
		for i := range calls {
			calls[i] = func() { s.calls[i].do(v) }
		}
		p.perform(calls)
	}
	panic("no scenario " + scenario)
}

func (s *eachScenario) play() play {
	return play{eachMode, s.name, len(s.calls), func(t *testing.T) stage { return newEachWorld(t, s) }}
}

func digest(b []byte) state {
	var h maphash.Hash
	h.SetSeed(seed)
	h.Write(b)
	return state(h.Sum64())
}
