package consumer

import (
	"errors"
	"fmt"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/ring"
)

// Raw receives bytes from a queue. It is for one goroutine at a time.
type Raw struct {
	att      *shmq.Attachment
	ring     *ring.Consumer // nil once closed, or lost by a fault
	counters *ring.Counters
	data     *uint32 // where consumers sleep
	room     *uint32 // where producers sleep
	fence    bool
	many     bool
	watchful bool // many or fence: received has more to look at than one word
	untilEOF bool
	strict   bool
	end      error  // of the last stream whose end it was told
	passedAt uint64 // see passOver
	guarded  bool
	closed   bool
	untold   error // a fault in a call that returns no error

	spinner park.Spinner
	sleeper *park.Sleeper
	empty   error // what a Try returns; made once
}

// OpenRaw attaches to the queue of that name as a consumer, and makes the queue if
// it is absent. Errors: those of shmq.Attach. opts may be nil.
func OpenRaw(name string, opts *Options) (*Raw, error) {
	att, err := opts.attach(name)
	if err != nil {
		return nil, err
	}
	r := att.Ring()
	var rc *ring.Consumer
	if err := att.Guard(func() error {
		if err := att.EndStream(); err != nil {
			return err
		}
		rc = r.NewConsumer(att.Seat())
		rc.Listen(opts.untilEOF())
		return nil
	}); err != nil {
		return nil, &shmq.Error{Op: "attach to", Queue: name, Err: errors.Join(err, att.Detach())}
	}
	c := &Raw{
		att: att, ring: rc, guarded: att.Guarded(), counters: att.Counters(), data: r.DataFutex(), room: r.RoomFutex(),
		fence: att.MustFence(), many: att.Consumers() == shmq.Many, watchful: att.MustFence() || att.Consumers() == shmq.Many, untilEOF: opts.untilEOF(), strict: opts.strict(),
		spinner: opts.spinner(), sleeper: park.NewSleeper(r.DataFutex()),
		empty: &shmq.Error{Op: "receive from", Queue: name, Err: fmt.Errorf("%w; wait with Receive, or send something", shmq.ErrEmpty)},
	}
	c.ring.Owner = c
	return c, nil
}

// Name returns the name of the queue.
func (c *Raw) Name() string { return c.att.Name() }

// MaxRecord returns the size of the largest record in bytes.
func (c *Raw) MaxRecord() int { return c.att.MaxRecord() }

// Close leaves the queue. Leases that are not acknowledged go to another consumer. It
// returns shmq.ErrTruncated or shmq.ErrNoSpace, and leaves all the same, if a fault met it
// or a call that has no error to return.
func (c *Raw) Close() error {
	if c.closed {
		return c.fail(shmq.ErrClosed)
	}
	c.closed = true
	if c.ring != nil {
		c.quietly(c.ring.Close)
	}
	c.ring = nil
	return errors.Join(c.untold, c.att.Detach())
}
