package consumer

import (
	"context"
	"errors"
	"io"

	"github.com/shmq/shmq/internal/fail"
)

// Channel is a queue as a Go channel, for select statements. A goroutine has the consumer, and
// takes the next record when the one before it has been taken from the channel.
//
// A record is acknowledged when its value is taken from C, and not before: what no reader has
// taken when the channel stops goes back to the queue, flagged when it comes again. It is not
// later either, for instance when the next value is asked for, because a channel has no way to
// say that a value is done with: the last one would stay unacknowledged for as long as no other
// comes, and come again after every stop. So the value that a reader has in hand dies with its
// process, as with Receive. A program that must not lose it takes leases; package selector
// waits for several queues without channels.
//
// The goroutine runs the codec, Options.OnBad and the handler of Options.Logger. Stop and Err, called from
// there, wait for themselves, for ever; Close gives up after a minute.
type Channel[T any] struct {
	// C gives the values, one after the other. It is not buffered. It is closed when the
	// channel has stopped: at the end of the stream (Options.UntilEOF), when the context ends,
	// by Stop, by Close of the consumer, or because of an error.
	C <-chan T

	cancel context.CancelFunc
	done   chan struct{}
	err    error // for after done
}

// Channel starts a goroutine that gives the values that follow to a channel, until ctx ends. The
// consumer is its own until then, or until Stop has returned: calls of others panic. Only
// Close may come at any time; it stops the channel first. A record that can't be decoded ends
// the channel with a *DecodeError, which has it, unless Options.OnBad takes care of it. So do records
// that were lost because producers do not wait, with a *LaggedError: a channel has no way to tell it.
// The next call of Channel goes on behind them.
func (c *Consumer[T]) Channel(ctx context.Context) *Channel[T] {
	return startChannel(ctx, c.raw, c.Lease)
}

// Channel is that of Consumer, for bytes. Each slice is the reader's own.
func (c *Raw) Channel(ctx context.Context) *Channel[[]byte] {
	return startChannel(ctx, c, func(ctx context.Context) ([]byte, Lease, error) {
		l, err := c.Lease(ctx)
		if err != nil {
			return nil, l, err
		}
		b := []byte{} // never nil: an empty record is a record
		if err := c.copyOut(&b, &l); err != nil {
			return nil, Lease{}, err
		}
		return b, l, nil
	})
}

// Stop stops the channel. When it returns nothing of the channel is left: the record that was
// on offer is back in the queue, the goroutine has ended, and the consumer is the caller's.
// It returns Err. A second Stop does nothing else.
func (ch *Channel[T]) Stop() error {
	ch.cancel()
	return ch.Err()
}

// Err returns why the channel has stopped, and waits for that: nil after Stop or the end of the
// stream; the error of the context; what Lease and Ack of the consumer return; an error if a
// codec has ended the goroutine.
func (ch *Channel[T]) Err() error {
	<-ch.done
	return ch.err
}

func startChannel[T any](ctx context.Context, c *Raw, next func(context.Context) (T, Lease, error)) *Channel[T] {
	whole := ctx
	ctx, cancel := context.WithCancel(ctx)
	values := make(chan T)
	ch := &Channel[T]{C: values, cancel: cancel, done: make(chan struct{})}
	c.channel.Begin(cancel, ch.done)
	go func() {
		defer close(ch.done)
		defer cancel()
		defer close(values)
		ch.err = errGoexit // unless feed returns
		err := feed(ctx, c, values, next)
		switch {
		case err == io.EOF, ctx.Err() != nil && whole.Err() == nil && errors.Is(err, ctx.Err()): // by Stop
			err = nil
		}
		ch.err = err
	}()
	return ch
}

var errGoexit = errors.New("shmq: code of the program, such as a codec, has ended the goroutine of a consumer's channel (runtime.Goexit); let it return an error")

// feed offers one record after the other. If the program's code ends the goroutine, a codec for
// one, the record is given back.
func feed[T any](ctx context.Context, c *Raw, to chan<- T, next func(context.Context) (T, Lease, error)) error {
	for {
		v, l, err := next(ctx)
		if err != nil {
			return err
		}
		select {
		case to <- v:
			if !c.settleOne(&l) { // it comes again
				return c.end.Do(func() error { return nil })
			}
		case <-ctx.Done():
			l.Release()
			return fail.In("receive from", c.Name(), ctx.Err())
		}
	}
}
