package producer

import (
	"errors"
	"fmt"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/ring"
)

// Raw sends bytes to a queue. It is for one goroutine at a time, but for Close.
type Raw struct {
	ring    *ring.Producer // nil once closed, or lost by a fault; for calls only, see attach.End
	end     attach.End
	durable *durable // nil without Options.Durability
	full    error    // what a Try returns; made once
	channel attach.Channel
	pause   func(rounds uint32) // tests replace it
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
	p := &Raw{pause: atomics.Pause, full: &shmq.Error{Op: "send to", Queue: name, Err: fmt.Errorf("%w; wait with Send, or receive faster", shmq.ErrFull)}}
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
	if att.MustFence() || p.durable != nil { // after a record there is more to look at than one word
		att.GoLong()
	}
	hooks := attach.Hooks{Drop: p.drop, GiveBack: p.giveBack}
	if p.durable != nil {
		hooks.Last = p.durable.close
	}
	p.end = attach.NewEnd(att, "send to", att.Ring().RoomFutex(), hooks)
	attach.CloseUnreached(p, &p.end)
	return p, nil
}

// drop forgets the ring.
func (p *Raw) drop() { p.ring = nil }

// giveBack gives back what is reserved.
func (p *Raw) giveBack() (held bool) {
	if p.ring == nil {
		return false
	}
	held = p.ring.Reserved()
	p.ring.Abort()
	return held
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
	return p.end.Do(func() error {
		if err := p.end.Removed(); err != nil {
			return p.end.Fail(err)
		}
		return nil
	})
}

// Finish marks the stream as complete and closes the producer. The stream ends when the
// last producer has gone: consumers that ask for it (consumer.Options.UntilEOF) get
// io.EOF when everything was received. If a producer attaches before that, the mark is
// void, and one that comes after it begins the next stream. If the queue was removed it returns
// shmq.ErrRemoved, and closes the producer as well: what was sent lately may have found
// nobody who receives it.
//
// It stops calls that are under way as Close does. On a producer that is closed already it
// returns shmq.ErrClosed: the stream was not marked.
func (p *Raw) Finish() error {
	if err := p.channel.End(); err != nil {
		return p.end.Fail(err)
	}
	return p.end.Close(func() error {
		if p.durable != nil {
			p.durable.mark()
		}
		if err := p.end.Removed(); err != nil {
			return err
		}
		return p.end.Participant.Guard(func() error { p.end.Ring().FinishStream(); return nil })
	})
}

// Abandon closes the producer and tells consumers that ask for the end of the stream
// that it was broken off (shmq.ErrBrokenOff), as they are told when a producer is killed:
// not all was sent that should have been. What was sent is delivered. Errors: as Close.
func (p *Raw) Abandon() error {
	if err := p.channel.End(); err != nil {
		return p.end.Fail(err)
	}
	err := p.end.Close(func() error { p.end.GiveUp(); return nil })
	if errors.Is(err, shmq.ErrClosed) {
		return nil // as a second Close
	}
	return err
}

// Close leaves the queue. An open reservation is aborted. What was sent stays, and the
// stream ends, unmarked, if no other producer is attached. With Options.Durability the
// records are on the disk afterwards, or the error wraps shmq.ErrSync. Any goroutine may call
// Close at any time: a call that waits ends at once with shmq.ErrClosed, and Close waits
// until the call that is under way has ended. What is called afterwards
// returns shmq.ErrClosed or does nothing; a second Close, and one after Finish, returns nil.
// The bytes of an open reservation turn into zeros that belong to this process alone. Close
// may be called within Guard, but not from the handler of Options.Logger, or from code that runs in
// the goroutine of a Channel: it returns shmq.ErrInUse after a minute, when it has waited for its
// own caller, and has to be called again. It returns shmq.ErrTruncated or shmq.ErrNoSpace, and leaves
// all the same, if a fault met it or a call that has no error to return.
//
// A producer that was dropped without Close leaves the queue when the garbage collector
// finds that nothing refers to it; when that is nobody can say. Its stream is broken off then.
func (p *Raw) Close() error {
	if err := p.channel.End(); err != nil {
		return p.end.Fail(err)
	}
	return p.end.Close(nil)
}
