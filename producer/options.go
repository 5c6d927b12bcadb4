package producer

import (
	"fmt"
	"log/slog"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/park"
)

// Options say how to open a producer. The zero value, and nil, mean the defaults.
type Options struct {
	// NoCreate refuses, with fs.ErrNotExist, to make a queue that is absent.
	NoCreate bool
	// Create says what the queue is like if it is made. Default: shmq.Options{}.
	Create shmq.Options
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
	// Durability says when records have to be on the disk. It demands a queue that was
	// made with checksums, and makes one with them. Default: at no set time, which is
	// right for queues in memory.
	Durability shmq.Durability
	// Codec turns values into bytes; Raw does not use it. It is called by one
	// goroutine at a time. Default: codec.Msgpack().
	Codec codec.Codec
	// Logger gets what somebody who looks after the queue should know, and no call
	// returns: at level Warn, what was taken back from a participant that died, and
	// that the queue was rebuilt; at level Error, once, that it is damaged. Its handler
	// is called in the middle of a call and must not use this producer. Default: nil,
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
	if err := o.Durability.Check(); err != nil {
		return nil, &shmq.Error{Op: "attach to", Queue: name, Err: err}
	}
	create := o.Create
	create.Checksum = create.Checksum || o.Durability != (shmq.Durability{})
	return shmq.Attach(name, shmq.Producer, &shmq.AttachOptions{NoCreate: o.NoCreate, Create: create, Admit: o.Admit, Prefault: o.Prefault, Lock: o.Lock, NoGuard: o.NoGuard, Logger: o.Logger})
}

func (o *Options) durability() shmq.Durability {
	if o == nil {
		return shmq.Durability{}
	}
	return o.Durability
}

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
