package consumer

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/ring"
)

// Raw receives bytes from a queue. It is for one goroutine at a time, but for Close.
type Raw struct {
	ring     *ring.Consumer // nil once closed, or lost by a fault; for calls only, see attach.End
	many     bool
	untilEOF bool
	strict   bool
	end      attach.End
	over     error         // of the last stream whose end it was told
	passed   int           // ends that were for others, one after the other
	passedAt uint64        // see passOver
	empty    error         // what a Try returns; made once
	lost     atomic.Uint64 // what Lost returns
	channel  attach.Channel
}

// OpenRaw attaches to the queue of that name as a consumer, and makes the queue if it is
// absent. Errors: shmq.ErrRoleTaken with the holder's pid and command, shmq.ErrNoSeat,
// shmq.ErrNotQueue, shmq.ErrVersion, shmq.ErrDamaged, shmq.ErrName, shmq.ErrOption,
// shmq.ErrRefused, fs.ErrNotExist, fs.ErrPermission, and what shmq.Create returns. opts may
// be nil.
func OpenRaw(name string, opts *Options) (*Raw, error) {
	att, err := opts.attach(name)
	if err != nil {
		return nil, err
	}
	c := &Raw{
		many: att.ManyConsumers(), untilEOF: opts.untilEOF(), strict: opts.strict(),
		empty: &shmq.Error{Op: "receive from", Queue: name, Err: fmt.Errorf("%w; wait with Receive, or send something", shmq.ErrEmpty)},
	}
	if err := att.Guard(func() error {
		if err := att.EndStream(); err != nil {
			return err
		}
		c.ring = att.NewConsumer()
		c.ring.Listen(c.untilEOF)
		c.lost.Store(c.ring.Lost())
		return nil
	}); err != nil {
		return nil, &shmq.Error{Op: "attach to", Queue: name, Err: errors.Join(err, att.Discard())}
	}
	c.ring.Owner = c
	if att.MustFence() { // before it looks for sleepers
		att.GoLong()
	}
	c.end = attach.NewEnd(att, "receive from", att.Ring().DataFutex(), attach.Hooks{Drop: c.drop, GiveBack: c.giveBack})
	attach.CloseUnreached(c, &c.end)
	return c, nil
}

// Name returns the name of the queue.
func (c *Raw) Name() string { return c.end.Name() }

// MaxRecord returns the size of the largest record in bytes.
func (c *Raw) MaxRecord() int { return c.end.MaxRecord() }

// drop forgets the ring.
func (c *Raw) drop() {
	if c.ring != nil {
		c.ring.Void()
		c.ring = nil
	}
}

// giveBack gives back all leases.
func (c *Raw) giveBack() (held bool) {
	if c.ring == nil {
		return false
	}
	held = c.ring.Holds()
	c.ring.Close()
	return held
}

// Close leaves the queue. Leases that are not acknowledged go to another consumer. Any
// goroutine may call it at any time: a call that waits ends at once with shmq.ErrClosed, and
// Close waits until the call that is under way has ended. What is called afterwards returns
// shmq.ErrClosed or does nothing; a second Close returns nil. The bytes of a lease turn into
// zeros that belong to this process alone. From the body of a loop over All, and within
// Guard, Close may be called; from the handler of Options.Logger, and from code that runs in the
// goroutine of a Channel, not: it returns shmq.ErrInUse after a minute, when it has waited for its
// own caller, and has to be called again. It returns shmq.ErrTruncated or shmq.ErrNoSpace, and leaves all the same, if a fault met it or a call
// that has no error to return.
//
// A consumer that was dropped without Close leaves the queue when the garbage collector
// finds that nothing refers to it, or to a lease of it; when that is nobody can say.
func (c *Raw) Close() error {
	if err := c.channel.End(); err != nil {
		return c.end.Fail(err)
	}
	return c.end.Close(nil)
}
