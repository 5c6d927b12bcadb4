package producer

import (
	"errors"
	"fmt"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/ring"
)

// Raw sends bytes to a queue. It is for one goroutine at a time.
type Raw struct {
	ring     *ring.Producer // nil once closed, or lost by a fault
	watchful bool           // fence or durable: after a record there is more to load than one word
	end      attach.End
	durable  *durable // nil without Options.Durability
	full     error    // what a Try returns; made once
}

// OpenRaw attaches to the queue of that name as a producer, and makes the queue if it is
// absent. Errors: shmq.ErrRoleTaken with the holder's pid and command, shmq.ErrNoSeat,
// shmq.ErrNotQueue, shmq.ErrVersion, shmq.ErrDamaged, shmq.ErrName, shmq.ErrOption,
// shmq.ErrRefused, fs.ErrNotExist, fs.ErrPermission, and what shmq.Create returns. opts may
// be nil.
func OpenRaw(name string, opts *Options) (*Raw, error) {
	att, err := opts.attach(name)
	if err != nil {
		return nil, err
	}
	p := &Raw{full: &shmq.Error{Op: "send to", Queue: name, Err: fmt.Errorf("%w; wait with Send, or receive faster", shmq.ErrFull)}}
	err = att.Guard(func() (err error) {
		p.ring, err = att.Ring().NewProducer(att.Seat())
		return err
	})
	if err == nil {
		p.durable, err = newDurable(att, opts.durability())
	}
	if err == nil { // last: a producer that was refused never was one
		err = att.Guard(func() error { att.Begin(); return nil })
	}
	if err != nil {
		return nil, &shmq.Error{Op: "attach to", Queue: name, Err: errors.Join(att.Remedy(err), att.Detach())}
	}
	p.watchful = att.MustFence() || p.durable != nil
	p.end = attach.NewEnd(att, "send to", att.Ring().RoomFutex(), func() { p.ring = nil }, p.abandon)
	return p, nil
}

// abandon gives back what is reserved when the queue was removed, for consumers to get what
// lies behind it.
func (p *Raw) abandon() {
	if p.ring != nil {
		p.Abort()
	}
}

// Name returns the name of the queue.
func (p *Raw) Name() string { return p.end.Name() }

// MaxRecord returns the size of the largest record in bytes.
func (p *Raw) MaxRecord() int { return p.end.MaxRecord() }

// SlotSize returns the size of the largest record in bytes that takes one slot.
func (p *Raw) SlotSize() int { return p.end.SlotSize() }

// Check asks at once whether the queue is still there, which Send notices within a heartbeat:
// shmq.ErrRemoved if it was removed or replaced, shmq.ErrTruncated, shmq.ErrNoSpace,
// shmq.ErrClosed. Records whose Send returned before a Check that returns nil went to a
// queue that still had its name. It costs a few system calls.
func (p *Raw) Check() error {
	if p.end.Closed {
		return p.end.Fail(shmq.ErrClosed)
	}
	if err := p.end.Removed(); err != nil {
		return p.end.Fail(err)
	}
	return nil
}

// Finish marks the stream as complete and closes the producer. The stream ends when the
// last producer has gone: consumers that ask for it (consumer.Options.UntilEOF) get
// io.EOF when everything was received. If a producer attaches before that, the mark is
// void, and one that comes after it begins the next stream. If the queue was removed it returns
// shmq.ErrRemoved, and closes the producer as well: what was sent lately may have found
// nobody who receives it.
func (p *Raw) Finish() error {
	if p.end.Closed {
		return p.end.Fail(shmq.ErrClosed)
	}
	err := p.end.Removed()
	if err == nil {
		err = p.end.Do(func() error { p.end.Ring().FinishStream(); return nil })
	}
	if err != nil {
		p.end.Untold = p.end.Fail(err)
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
	if !p.end.Closed {
		p.end.GiveUp()
	}
	return p.Close()
}

// Close leaves the queue. An open reservation is aborted. What was sent stays, and the
// stream ends, unmarked, if no other producer is attached. With
// Options.Durability it is on the disk afterwards, or the error wraps shmq.ErrSync. It
// returns shmq.ErrTruncated or shmq.ErrNoSpace, and leaves all the same, if a fault met it
// or a call that has no error to return. After Finish, or a second time, it does nothing.
func (p *Raw) Close() error {
	var giveBack func()
	if p.ring != nil {
		giveBack = p.ring.Abort
	}
	if p.durable != nil {
		return p.end.Close(giveBack, p.durable.close)
	}
	return p.end.Close(giveBack, nil)
}
