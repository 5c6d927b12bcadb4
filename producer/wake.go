package producer

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/park"
)

// settle does for n records that were sent what is left to do: it finds out whether they
// were sent to a ring that is still there, wakes a consumer if one is asleep, and keeps
// the promise of durability.
func (p *Raw) settle(n int) error {
	if p.end.Hit() {
		return p.end.Lost()
	}
	p.notify()
	if p.durable == nil {
		return nil
	}
	return p.durable.add(n)
}

// notify wakes a consumer if one is asleep.
func (p *Raw) notify() {
	if p.end.Fence { // a producer that is not registered can't tell
		atomics.Fence()
	}
	if park.Armed(p.end.Data) {
		wake := park.WakeOne
		if p.end.Each() { // the record is for all of them
			wake = park.WakeAll
		}
		p.end.Counts.Wakes += uint64(wake(p.end.Data))
	}
}

// notifyFiller wakes a consumer to pass over a filler. Nothing else that a failed
// try does is news: to wake consumers all the same would keep both sides awake when
// neither can go on, each looking because of the other.
func (p *Raw) notifyFiller() {
	if p.ring.Filled() {
		p.notify()
	}
}

// passOn wakes another producer: this one may have been woken for room that it
// leaves, or of which there is more.
func (p *Raw) passOn() {
	if park.Armed(p.end.Room) && p.end.Ring().HasRoom() {
		p.end.Counts.Wakes += uint64(park.WakeOne(p.end.Room))
	}
}

// askTurn makes the others stand back, as far as this one can use what they leave; where
// it can't, it lets them go on.
func (p *Raw) askTurn() {
	if _, gave := p.ring.AskTurn(); gave {
		p.end.Counts.Wakes += uint64(park.WakeAll(p.end.Room))
	}
}

// dropTurn lets the producers go on that stood back.
func (p *Raw) dropTurn() {
	if p.ring.DropTurn() {
		p.end.Counts.Wakes += uint64(park.WakeAll(p.end.Room))
	}
}
