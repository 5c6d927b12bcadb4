package consumer

import (
	"log/slog"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/seat"
)

// From is where a subscription begins.
type From uint8

const (
	// Newest: what is sent from now on.
	Newest From = iota
	// Oldest: the oldest record that is still whole; shmq.Options.Keep says how much that is.
	Oldest
)

// Options say how to open a consumer. The zero value, and nil, mean the defaults.
type Options struct {
	// NoCreate refuses, with fs.ErrNotExist, to make a queue that is absent.
	NoCreate bool
	// Create says what the queue is like if it is made. Open refuses, with
	// shmq.ErrOption, a queue that exists and differs in what is not zero here; if
	// HugePages is set, it gathers the pages of one that exists. Default: shmq.Options{}.
	Create shmq.Options
	// AnyShape takes a queue that exists as it is, whatever Create says. Default false.
	AnyShape bool
	// UntilEOF asks for the ends of streams. A stream ends, like a pipe's, when its last
	// producer has left; io.EOF tells it after all of its records were handed out, here
	// or elsewhere. It is told to each consumer that was attached when the end came and
	// asks for it, or, if none was, to the first that comes; one that comes later waits
	// for the next stream. If a producer was killed, or gave up (Abandon), the error is
	// shmq.ErrBrokenOff, an io.ErrUnexpectedEOF, instead. Until the next stream
	// begins, or NextStream is called, each call that finds nothing returns the same
	// again. Without UntilEOF a consumer goes on through all ends. Default false.
	UntilEOF bool
	// Strict, with UntilEOF, takes only a stream that a producer finished (Finish) for
	// complete: when the last one has just left, that is shmq.ErrBrokenOff too.
	// Default false.
	Strict bool
	// From says where a new subscription begins, in a queue of which each consumer gets every record;
	// elsewhere Open refuses all but Newest with shmq.ErrOption. Default Newest.
	From From
	// Subscription is the name of a durable subscription, in such a queue: it stays when its
	// consumer is gone, and producers that wait go on waiting for it. Open takes it over where it
	// was acknowledged, and what its last consumer may have seen is flagged as redelivered; or
	// makes it. While another consumer has it Open returns shmq.ErrRoleTaken. shmq unsubscribe ends it.
	// Default "": the subscription ends with the consumer.
	Subscription string
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
	// file that is cut under the consumer ends the process, with SIGBUS. The guard is
	// off by itself where the file can't be cut and has no huge pages of a pool. Default false.
	NoGuard bool
	// Wait says how a call waits. Default: shmq.SpinThenPark.
	Wait shmq.WaitPolicy
	// Codec turns bytes into values; Raw does not use it. It is called by one
	// goroutine at a time. Default: codec.Msgpack().
	Codec codec.Codec
	// OnBad gets each record that can't be decoded, before it is settled: for a queue of dead
	// letters. If it returns nil the record is acknowledged and the call goes on to the next; if
	// it returns an error, or panics, the record is released, so that it comes again, and the
	// call returns the error. It must not use this consumer. Raw does not use it. Default: nil:
	// the record is acknowledged and the call returns a *DecodeError, which has its bytes.
	OnBad func(*DecodeError) error
	// Logger gets what an operator of the queue should know, and no call
	// returns: at level Warn, what was taken back from a participant that died, and
	// that the queue was rebuilt; at level Error, once, that it is damaged. Its handler
	// is called in the middle of a call and must not use this consumer. Default: nil,
	// no logging.
	Logger *slog.Logger
}

func (o *Options) attach(name string) (*attach.Participant, error) {
	if o == nil {
		o = &Options{}
	}
	return attach.To(name, shmq.Consumer, &attach.Options{NoCreate: o.NoCreate, Create: o.Create, AnyShape: o.AnyShape, Admit: o.Admit, Prefault: o.Prefault, Lock: o.Lock, NoGuard: o.NoGuard, Wait: o.Wait, Logger: o.Logger, Subscribe: seat.Subscribing{Oldest: o.From == Oldest, Name: o.Subscription}})
}

func (o *Options) untilEOF() bool { return o != nil && o.UntilEOF }

func (o *Options) strict() bool { return o != nil && o.Strict }

func (o *Options) onBad() func(*DecodeError) error {
	if o == nil {
		return nil
	}
	return o.OnBad
}

func (o *Options) codec() codec.Codec {
	if o == nil || o.Codec == nil {
		return codec.Msgpack()
	}
	return o.Codec
}
