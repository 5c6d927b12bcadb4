//go:build linux

package storm

import (
	"errors"

	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testproc"
)

// Further arguments, after those of consume: the name of a durable subscription, and where it begins.
func subscribe(c *testproc.Child) {
	p := newPart(c)
	r := &receiver{part: p, single: true, copies: c.Args[6] == "true", keeps: p.sizes == oneSlot}
	opts := &consumer.Options{NoCreate: true, UntilEOF: true, Subscription: c.Args[7]}
	if c.Args[8] == "oldest" {
		opts.From = consumer.Oldest
	}
	p.attach(func() (err error) {
		r.from, err = consumer.OpenRaw(p.queue, opts)
		return err
	})
	if max := r.from.MaxRecord(); max > maxRecord {
		p.fail("records of %d bytes", max)
	}
	p.journal.start.Store(r.position() + 1)
	for p.ctx.Err() == nil && !p.journal.full() {
		r.step()
	}
	if p.drain.Load() {
		r.drained()
		p.journal.end.position, p.journal.end.lost = r.position(), r.from.Lost()
		p.journal.end.known.Store(true)
	}
	p.leave(r.from.Close)
}

// position asks where this process's subscription stands.
func (r *receiver) position() uint64 {
	return standing(r.child, r.queue)
}

func (r *receiver) lapped(err error) {
	var l *consumer.LaggedError
	if !errors.As(err, &l) {
		r.fail("%v does not say how much was lost", err)
	}
	n := r.journal.laps.Load()
	if n == maxLaps { // drained while producers have left: there can't be many more
		r.fail("more jumps than there is room for")
	}
	r.journal.lap[n] = lap{r.journal.takes.Load(), l.From, l.To, l.Lost}
	r.journal.laps.Store(n + 1)
}
