package producer

import (
	"log/slog"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/attach"
)

// Options say how to open a producer. The zero value, and nil, mean the defaults.
type Options struct {
	// NoCreate refuses, with fs.ErrNotExist, to make a queue that is absent.
	NoCreate bool
	// Create says what the queue is like if it is made. Open refuses, with
	// shmq.ErrOption, a queue that exists and differs in what is not zero here; if
	// HugePages is set, it gathers the pages of one that exists. Default: shmq.Options{}.
	Create shmq.Options
	// AnyShape takes a queue that exists as it is, whatever Create says. Default false.
	AnyShape bool
	// Admit is called when the queue is there, before anything that other participants
	// could notice. Its error refuses the queue, and is what Open returns. It may be called
	// again, for another queue that has got the name. Default: nil, none is refused.
	Admit func() error
	// Prefault makes all of the queue's pages ready, so that the first lap is as
	// fast as the next. It costs some 0.1 ms for each MiB. Default false.
	Prefault bool
	// Lock keeps all of the queue's pages in memory: they are never written to swap
	// space. Where the limit of locked memory (RLIMIT_MEMLOCK) is too small, Open
	// fails with shmq.ErrRefused. Default false.
	Lock bool
	// NoGuard leaves out the guard against faults, which costs a load a call, where
	// there is no handler for them (386, for one) 6 to 8 ns; see docs/guarantees.md. Then a
	// file that is cut under the producer ends the process, with SIGBUS. The guard is
	// off by itself where the file can't be cut and has no huge pages of a pool. Default false.
	NoGuard bool
	// Wait says how a call waits. Default: shmq.SpinThenPark.
	Wait shmq.WaitPolicy
	// Durability says when records have to be on the disk. It demands a queue that was
	// made with checksums, and makes one with them. Default: at no set time, which is
	// right for queues in memory.
	Durability Durability
	// Codec turns values into bytes; Raw does not use it. It is called by one
	// goroutine at a time. Default: codec.Msgpack().
	Codec codec.Codec
	// Logger gets what an operator of the queue should know, and no call
	// returns: at level Warn, what was taken back from a participant that died, and
	// that the queue was rebuilt; at level Error, once, that it is damaged. Its handler
	// is called in the middle of a call and must not use this producer. Default: nil,
	// no logging.
	Logger *slog.Logger
}

func (o *Options) attach(name string) (*attach.Participant, error) {
	if o == nil {
		o = &Options{}
	}
	if err := o.Durability.Check(); err != nil {
		return nil, &shmq.Error{Op: "attach to", Queue: name, Err: err}
	}
	return attach.To(name, shmq.Producer, &attach.Options{NoCreate: o.NoCreate, Create: o.Create, AnyShape: o.AnyShape, Admit: o.Admit, Checksum: o.Durability != (Durability{}), Prefault: o.Prefault, Lock: o.Lock, NoGuard: o.NoGuard, Wait: o.Wait, Logger: o.Logger})
}

func (o *Options) durability() Durability {
	if o == nil {
		return Durability{}
	}
	return o.Durability
}

func (o *Options) codec() codec.Codec {
	if o == nil || o.Codec == nil {
		return codec.Msgpack()
	}
	return o.Codec
}
