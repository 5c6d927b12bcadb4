package producer

import (
	"context"

	"github.com/shmq/shmq/ring"
)

// A producer that finds the ring full holds out for a quarter of it, rather than for a
// slot. Filling each slot as it comes free, it would fetch head from the consumer's core
// once a record, and each time the consumer would have to get it back. Nothing arrives
// later for it: the records that are in the ring go first. It holds out for one sleep
// at most, and not in a ring that is too small to have a quarter.
const (
	roomyEach   = 8    // rounds of a spin between two looks at head
	roomyRounds = 1024 // rounds after which one that never sleeps takes any room
	turnEach    = 1024 // rounds of one that never sleeps between two requests for the turn
)

// lingers is how many PAUSEs a call that does not wait takes before it looks again, about a microsecond.
// Half as many do for records one by one, and not for batches.
const lingers = 64

// soon is for a call that does not wait, and found no room: it lets a while pass if consumers are at work, and reports
// whether it did. Two ends that poll would hand over each slot of a full ring alone; after a while
// a dozen are free. A producer that drops what finds no room does not pay for it while no consumer receives.
func (p *Raw) soon() bool {
	if !p.ring.Moved() {
		return false
	}
	p.pause(lingers)
	return true
}

// wait repeats try, which returned ring.ErrFull, until it returns something else or
// ctx ends, in the way that the policy says. n is the record's size.
func (p *Raw) wait(ctx context.Context, n int, try func() error) error {
	returned := false
	defer p.end.LeaveUnless(&returned)
	err := p.waitIn(ctx, n, try)
	returned = true
	return err
}

func (p *Raw) waitIn(ctx context.Context, n int, try func() error) error {
	p.notifyFiller() // its slots may be the ones to wait for
	large := n > p.end.SlotSize()
	hold := !large && p.end.Ring().HasQuarters()
	if large {
		defer p.dropTurn()
	}
	var err error
	if p.end.Spinner.Spin(ctx, func(round int) bool {
		if err = p.end.Closed(); err != nil {
			return true
		}
		if hold && round < roomyRounds && (round%roomyEach != 0 || !p.end.Ring().Roomy()) {
			return false
		}
		if large && round%turnEach == turnEach-1 {
			p.askTurn()
		}
		if err = try(); err == ring.ErrFull && round%64 == 0 {
			p.notifyFiller()
			if end := p.end.Missed(); end != nil {
				err = end
			}
		}
		return err != ring.ErrFull
	}) {
		p.passOn()
		return err
	}
	defer p.end.Sleeper.Done()
	for {
		if large {
			p.askTurn() // renewed each time; a sleep is shorter than a turn
		}
		ticket := p.end.Sleeper.Prepare()
		if !hold || p.end.Ring().Roomy() {
			if err := try(); err != ring.ErrFull {
				p.passOn()
				return err
			}
		}
		if err := p.end.Closed(); err != nil { // after Prepare; see attach.End
			p.passOn()
			return err
		}
		p.notifyFiller()
		if ctx.Err() == nil { // else it does not sleep
			p.end.Counts.Waits++
		}
		if err := p.end.Faulted(p.end.Sleeper.Sleep(ctx, ticket)); err != nil {
			if hold && try() == nil {
				err = nil
			}
			p.passOn()
			return err
		}
		hold = false
		if err := p.end.Beat(); err != nil {
			p.passOn()
			return err
		}
	}
}
