package consumer

import (
	"fmt"
	"log/slog"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/park"
)

// Options say how to open a consumer. The zero value, and nil, mean the defaults.
type Options struct {
	// NoCreate refuses, with fs.ErrNotExist, to make a queue that is absent.
	NoCreate bool
	// Create says what the queue is like if it is made. Default: shmq.Options{}.
	Create shmq.Options
	// UntilEOF asks for the ends of streams. A stream ends, like a pipe's, when its last
	// producer has left; io.EOF tells it after all of its records were handed out, here
	// or elsewhere. It is told to each consumer that was attached when the end came and
	// asks for it, or, if none was, to the first that comes; who comes later waits for
	// the next stream. If a producer was killed, or gave up (Abandon), the error is
	// shmq.ErrBrokenOff, an io.ErrUnexpectedEOF, instead. Until the next stream
	// begins, or NextStream is called, each call that finds nothing returns the same
	// again. Without UntilEOF a consumer goes on through all ends. Default false.
	UntilEOF bool
	// Strict, with UntilEOF, takes only a stream that a producer finished (Finish) for
	// complete: when the last one has just left, that is shmq.ErrBrokenOff too.
	// Default false.
	Strict bool
	// Admit is called when the queue is there, and may refuse it before anybody notices;
	// see shmq.AttachOptions.
	Admit func() error
	// Prefault makes all of the queue's pages ready at once; see
	// shmq.AttachOptions.
	Prefault bool
	// Lock keeps the queue's pages in memory; see shmq.AttachOptions.
	Lock bool
	// NoGuard leaves out the guard against faults: a load a call; see
	// shmq.AttachOptions.
	NoGuard bool
	// Wait says how a call waits. Default: shmq.SpinThenPark.
	Wait shmq.WaitPolicy
	// Codec turns bytes into values; Raw does not use it. It is called by one
	// goroutine at a time. Default: codec.Msgpack().
	Codec codec.Codec
	// Logger gets what somebody who looks after the queue should know, and no call
	// returns: at level Warn, what was taken back from a participant that died, and
	// that the queue was rebuilt; at level Error, once, that it is damaged. Its handler
	// is called in the middle of a call and must not use this consumer. Default: nil,
	// no logging.
	Logger *slog.Logger
}

func (o *Options) attach(name string) (*shmq.Attachment, error) {
	if o == nil {
		o = &Options{}
	}
	if o.Wait > shmq.Park {
		return nil, &shmq.Error{Op: "attach to", Queue: name, Err: fmt.Errorf("%w: wait policy %v", shmq.ErrOption, o.Wait)}
	}
	return shmq.Attach(name, shmq.Consumer, &shmq.AttachOptions{NoCreate: o.NoCreate, Create: o.Create, Admit: o.Admit, Prefault: o.Prefault, Lock: o.Lock, NoGuard: o.NoGuard, Logger: o.Logger})
}

func (o *Options) untilEOF() bool { return o != nil && o.UntilEOF }

func (o *Options) strict() bool { return o != nil && o.Strict }

func (o *Options) spinner() park.Spinner {
	if o == nil {
		o = &Options{}
	}
	return park.NewSpinner(park.Policy(o.Wait))
}

func (o *Options) codec() codec.Codec {
	if o == nil || o.Codec == nil {
		return codec.Msgpack()
	}
	return o.Codec
}
