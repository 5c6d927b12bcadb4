package consumer

import (
	"errors"
	"fmt"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/ring"
)

// Raw receives bytes from a queue. It is for one goroutine at a time.
type Raw struct {
	ring     *ring.Consumer // nil once closed, or lost by a fault
	many     bool
	watchful bool // many or fence: after a record there is more to load than one word
	untilEOF bool
	strict   bool
	end      attach.End
	over     error  // of the last stream whose end it was told
	passedAt uint64 // see passOver
	empty    error  // what a Try returns; made once
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
		many: att.ManyConsumers(), watchful: att.MustFence() || att.ManyConsumers(), untilEOF: opts.untilEOF(), strict: opts.strict(),
		empty: &shmq.Error{Op: "receive from", Queue: name, Err: fmt.Errorf("%w; wait with Receive, or send something", shmq.ErrEmpty)},
	}
	if err := att.Guard(func() error {
		if err := att.EndStream(); err != nil {
			return err
		}
		c.ring = att.Ring().NewConsumer(att.Seat())
		c.ring.Listen(c.untilEOF)
		return nil
	}); err != nil {
		return nil, &shmq.Error{Op: "attach to", Queue: name, Err: errors.Join(err, att.Detach())}
	}
	c.ring.Owner = c
	c.end = attach.NewEnd(att, "receive from", att.Ring().DataFutex(), func() { c.ring = nil }, nil)
	return c, nil
}

// Name returns the name of the queue.
func (c *Raw) Name() string { return c.end.Name() }

// MaxRecord returns the size of the largest record in bytes.
func (c *Raw) MaxRecord() int { return c.end.MaxRecord() }

// Close leaves the queue. Leases that are not acknowledged go to another consumer. It
// returns shmq.ErrTruncated or shmq.ErrNoSpace, and leaves all the same, if a fault met it
// or a call that has no error to return. A second time it does nothing.
func (c *Raw) Close() error {
	if c.ring == nil {
		return c.end.Close(nil, nil)
	}
	return c.end.Close(c.ring.Close, nil)
}
