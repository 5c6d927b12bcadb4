package producer

import (
	"context"

	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/ring"
)

// wait repeats try, which returned ring.ErrFull, until it returns something else or
// ctx ends: spinning first, then asleep. n is the record's size.
func (p *Raw) wait(ctx context.Context, n int, try func() error) error {
	p.notifyFiller() // its slots may be the ones to wait for
	for range park.Spins() {
		park.SpinRound()
		if err := try(); err != ring.ErrFull {
			return err
		}
	}
	defer p.sleeper.Done()
	large := n > p.att.SlotSize()
	if large {
		defer p.dropTurn()
	}
	for {
		if large {
			p.ring.AskTurn() // renewed each time; a sleep is shorter than a turn
		}
		ticket := p.sleeper.Prepare()
		if err := try(); err != ring.ErrFull {
			p.passOn()
			return err
		}
		p.notifyFiller()
		p.counters.Waits++
		if err := p.sleeper.Sleep(ctx, ticket); err != nil {
			p.passOn()
			return err
		}
		p.att.Look()
	}
}

// passOn wakes another producer: this one may have been woken for room that it
// leaves, or of which there is more.
func (p *Raw) passOn() {
	if park.Armed(p.room) && p.att.Ring().HasRoom() {
		p.counters.Wakes += uint64(park.WakeOne(p.room))
	}
}

// dropTurn lets the producers go on that stood back.
func (p *Raw) dropTurn() {
	if p.ring.DropTurn() {
		p.counters.Wakes += uint64(park.WakeAll(p.room))
	}
}
