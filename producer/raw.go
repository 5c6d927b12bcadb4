package producer

import (
	"errors"
	"fmt"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/ring"
)

// Raw sends bytes to a queue. It is for one goroutine at a time.
type Raw struct {
	att      *shmq.Attachment
	ring     *ring.Producer // nil once closed, or lost by a fault
	counters *ring.Counters
	data     *uint32 // where consumers sleep
	room     *uint32 // where producers sleep
	fence    bool
	guarded  bool
	closed   bool
	untold   error    // a fault in a call that returns no error
	watchful bool     // fence or durable: who has sent has more to look at than one word
	durable  *durable // nil without Options.Durability

	spinner park.Spinner
	sleeper *park.Sleeper
	full    error // what a Try returns; made once
}

// OpenRaw attaches to the queue of that name as a producer, and makes the queue if
// it is absent. Errors: those of shmq.Attach. opts may be nil.
func OpenRaw(name string, opts *Options) (*Raw, error) {
	att, err := opts.attach(name)
	if err != nil {
		return nil, err
	}
	r := att.Ring()
	var p *ring.Producer
	if err := att.Guard(func() error {
		p, err = r.NewProducer(att.Seat())
		return err
	}); err != nil {
		return nil, &shmq.Error{Op: "attach to", Queue: name, Err: errors.Join(att.Remedy(err), att.Detach())}
	}
	d, err := newDurable(att, opts.durability())
	if err != nil {
		return nil, &shmq.Error{Op: "attach to", Queue: name, Err: errors.Join(err, att.Detach())}
	}
	// Last: a producer that was refused never was one.
	if err := att.Guard(func() error { att.Begin(); return nil }); err != nil {
		return nil, &shmq.Error{Op: "attach to", Queue: name, Err: errors.Join(err, att.Detach())}
	}
	return &Raw{
		att: att, ring: p, counters: att.Counters(), data: r.DataFutex(), room: r.RoomFutex(),
		fence: att.MustFence(), guarded: att.Guarded(), durable: d, watchful: att.MustFence() || d != nil,
		spinner: opts.spinner(), sleeper: park.NewSleeper(r.RoomFutex()),
		full: &shmq.Error{Op: "send to", Queue: name, Err: fmt.Errorf("%w; wait with Send, or receive faster", shmq.ErrFull)},
	}, nil
}

// Name returns the name of the queue.
func (p *Raw) Name() string { return p.att.Name() }

// MaxRecord returns the size of the largest record in bytes.
func (p *Raw) MaxRecord() int { return p.att.MaxRecord() }

// SlotSize returns the size of the largest record in bytes that takes one slot.
func (p *Raw) SlotSize() int { return p.att.SlotSize() }

// Finish marks the stream as complete and closes the producer. The stream ends when the
// last producer has gone: consumers that ask for it (consumer.Options.UntilEOF) get
// io.EOF when everything was received. If a producer attaches before that, the mark is
// void, and one that comes after it begins the next stream. If the queue was removed it returns
// shmq.ErrRemoved, and closes the producer as well: what was sent lately may have found
// nobody who receives it.
func (p *Raw) Finish() error {
	if p.closed {
		return p.fail(shmq.ErrClosed)
	}
	err := p.att.Removed()
	if err == nil {
		err = p.guard(func() error { p.att.Ring().FinishStream(); return nil })
	}
	if err != nil {
		p.untold = p.fail(err)
	}
	if p.durable != nil {
		p.durable.mark()
	}
	return p.Close()
}

// Abandon closes the producer and tells consumers that ask for the end of the stream
// that it was broken off (shmq.ErrBrokenOff), as they are told when a producer is killed:
// not all was sent that should have been. What was sent is delivered. Errors: as Close.
func (p *Raw) Abandon() error {
	if !p.closed {
		p.att.GiveUp()
	}
	return p.Close()
}

// Close leaves the queue. An open reservation is aborted. What was sent stays, and the
// stream ends, unmarked, if no other producer is attached. With
// Options.Durability it is on the disk afterwards, or the error wraps shmq.ErrSync. It
// returns shmq.ErrTruncated or shmq.ErrNoSpace, and leaves all the same, if a fault met it
// or a call that has no error to return.
func (p *Raw) Close() error {
	if p.closed {
		return p.fail(shmq.ErrClosed)
	}
	p.closed = true
	if p.ring != nil {
		p.quietly(p.ring.Abort)
	}
	p.ring = nil
	if p.durable != nil {
		p.untold = errors.Join(p.untold, p.durable.close())
	}
	return errors.Join(p.untold, p.att.Detach())
}
