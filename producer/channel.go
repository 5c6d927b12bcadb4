package producer

import (
	"context"
	"errors"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/ring"
)

// Channel is a queue as a Go channel to send to, for select statements. A goroutine has the
// producer. It takes a value from the channel only when the queue has room for a record, so a
// case of a select that sends is ready when the queue is, and not before.
//
// A value that was taken from the channel is sent: Stop waits for that. Where it can't be any
// more, because the context or the queue has ended, Unsent has it.
//
// The goroutine runs the codec and the handler of Options.Logger. Stop, Err and Unsent, called from
// there, wait for themselves, for ever; Close gives up after a minute.
type Channel[T any] struct {
	// C takes the values. It is not buffered. The program may close it, when all was sent.
	C chan<- T

	halt context.CancelFunc
	done chan struct{}
	err  error // for after done, as the following

	unsent T
	has    bool
}

// Channel starts a goroutine that sends what comes through a channel, until the channel is
// closed or ctx ends. The producer is its own until then, or until Stop has returned: calls of
// others panic. Only Close, Finish and Abandon may come at any time; they stop the channel first, and
// a value for which there is no room yet stays unsent.
func (p *Producer[T]) Channel(ctx context.Context) *Channel[T] {
	return startChannel(ctx, p.raw, p.Send)
}

// Channel is that of Producer, for bytes. A slice that was taken belongs to the channel until
// the next one is taken.
func (p *Raw) Channel(ctx context.Context) *Channel[[]byte] {
	return startChannel(ctx, p, p.Send)
}

// Done is closed when the channel has stopped: then C takes nothing any more. A select that
// sends to C has a case for it.
func (ch *Channel[T]) Done() <-chan struct{} { return ch.done }

// Stop takes no more values, and returns when the last one that was taken is in the queue, or
// will never be. Then nothing of the channel is left, and the producer is the caller's. It
// returns Err. A second Stop does nothing else.
func (ch *Channel[T]) Stop() error {
	ch.halt()
	return ch.Err()
}

// Err returns why the channel has stopped, and waits for that: nil after Stop and when C was
// closed; the error of the context; what Send of the producer returns; an error if a codec, or
// other code of the program, has ended the goroutine.
func (ch *Channel[T]) Err() error {
	<-ch.done
	return ch.err
}

// Unsent returns the value that was taken and not sent, if there is one, when the channel has
// stopped; it waits for that. With shmq.ErrSync there is none: that value is in the queue, but not
// known to be on the disk. With shmq.ErrTruncated or shmq.ErrNoSpace it is not known whether the
// value was sent.
func (ch *Channel[T]) Unsent() (v T, has bool) {
	<-ch.done
	return ch.unsent, ch.has
}

func startChannel[T any](ctx context.Context, p *Raw, send func(context.Context, T) error) *Channel[T] {
	// halted ends before sending does: what was taken is sent.
	sending, drop := context.WithCancel(ctx)
	halted, halt := context.WithCancel(sending)
	values := make(chan T)
	ch := &Channel[T]{C: values, halt: halt, done: make(chan struct{})}
	p.channel.Begin(drop, ch.done)
	go func() {
		defer close(ch.done)
		defer drop()
		ch.err = errGoexit // unless it returns
		ch.err = ch.feed(ctx, halted, p, values, func(v T) error { return send(sending, v) })
	}()
	return ch
}

// feed sends one value after the other until the channel is closed or halted ends, with or
// without ctx.
func (ch *Channel[T]) feed(ctx, halted context.Context, p *Raw, from <-chan T, send func(T) error) error {
	for {
		if err := p.awaitRoom(halted); err != nil {
			if ctx.Err() == nil && halted.Err() != nil { // by Stop or Close
				return nil
			}
			return err
		}
		select {
		case v, ok := <-from:
			if !ok {
				return nil
			}
			if err := ch.pass(v, send); err != nil {
				return err
			}
		case <-halted.Done():
			if err := ctx.Err(); err != nil {
				return p.end.Ended(err)
			}
			return nil
		}
	}
}

// pass sends v, and keeps it if that fails, or if the program's code ends the goroutine, a codec
// for one. With ErrSync, which comes from what follows the publication, it was sent.
func (ch *Channel[T]) pass(v T, send func(T) error) error {
	err := errGoexit
	defer func() {
		if err != nil && !errors.Is(err, shmq.ErrSync) {
			ch.unsent, ch.has = v, true
		}
	}()
	err = send(v)
	return err
}

var errGoexit = errors.New("shmq: code of the program, such as a codec, has ended the goroutine of a producer's channel (runtime.Goexit); let it return an error")

// awaitRoom waits until there is room for a record of one slot, until ctx ends.
func (p *Raw) awaitRoom(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return p.end.Ended(err)
	}
	return p.end.Do(func() error {
		try := func() error {
			if p.ring.Peek(0) {
				return nil
			}
			return ring.ErrFull
		}
		err := try()
		if err == ring.ErrFull {
			err = p.wait(ctx, 0, try)
		}
		if err != nil {
			return p.refused(err, 0)
		}
		return nil
	})
}
