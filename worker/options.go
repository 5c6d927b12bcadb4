package worker

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/consumer"
)

// Defaults.
const (
	DefaultRetries    = 3
	DefaultRetryAfter = 100 * time.Millisecond
	DefaultRetryMost  = 10 * time.Second
	DefaultBatch      = 100
)

// Options say how to work on records of type T. The zero value, and nil, mean the
// defaults: one record at a time, in order, and the first that fails for good ends the
// worker.
type Options[T any] struct {
	// Consumer says how to open the queue. Without UntilEOF the worker goes on through
	// the ends of streams.
	Consumer consumer.Options

	// Jobs is how many handlers run at a time. Default 1.
	Jobs int
	// Batch is how many records RunBatch and RunRawBatch hand to a handler at most. It gets
	// what is ready, at least one. Default 100. Run and RunRaw don't use it.
	Batch int

	// Retries is how often a record is tried again when its handler returns an error or
	// panics. Negative: never. Default 3.
	Retries int
	// RetryAfter is the pause before the first retry. It doubles with each, up to RetryMost,
	// and is shortened by chance, by up to a half. Other handlers go on meanwhile. Defaults
	// 100 ms and 10 s.
	RetryAfter, RetryMost time.Duration
	// Timeout is how long an attempt may take: the handler's context ends then, and an error
	// that it returns counts as a failed attempt. A handler that does not look at its
	// context is waited for. Default 0: no limit.
	Timeout time.Duration
	// Grace is how long handlers may go on after the context of Run has ended. Then theirs
	// ends, too. Default 0: no limit.
	Grace time.Duration

	// DeadLetter is the queue for records that failed for good, and for those that can't be
	// decoded: each goes there with the reason, as package worker/deadletter has it, and is then
	// acknowledged. The queue is made when the first one comes, and has to be another one
	// than that of the records, by whatever name. While it is full, or can't be made for
	// want of space, the record waits. Default "": none.
	DeadLetter string
	// Drop acknowledges such records instead. Default false: the first one ends the worker
	// with a *FailedError, and stays in the queue.
	Drop bool

	// Key returns what a record is about, a customer for example. Records of one key are
	// worked on one after the other and in their order, by this worker; a handler of
	// batches gets records of one key. Records whose key is "" have no order. Where several
	// workers share the queue, each keeps the order of what it takes: for one order of all,
	// make the queue for one consumer (shmq.Options.Consumers). Default nil: no order,
	// unless Jobs is 1.
	Key func(v T) string

	// OnLagged is called when records were lost before the worker received them, in a queue whose
	// producers wait for no consumer (shmq.Options.Skip), by the goroutine of Run; the worker goes on
	// behind them. Default: Logger gets it, at level Warn; without a Logger Run ends with the
	// error, a *consumer.LaggedError.
	OnLagged func(*consumer.LaggedError)

	// Logger gets what happens to records that do not succeed at once, and what Consumer's
	// would if that has none: at level Warn attempts that failed and shortages, at level
	// Error records that were dropped or are dead letters. Default: nil, no logging.
	Logger *slog.Logger
}

// check returns the options with their defaults. Error: shmq.ErrOption.
func (o *Options[T]) check(queue string, batch bool) (*Options[T], error) {
	c := Options[T]{}
	if o != nil {
		c = *o
	}
	bad := func(format string, args ...any) (*Options[T], error) {
		return nil, &shmq.Error{Op: "work on", Queue: queue, Err: fmt.Errorf("%w: %s", shmq.ErrOption, fmt.Sprintf(format, args...))}
	}
	switch {
	case c.Jobs < 0 || c.Batch < 0:
		return bad("%d jobs, batch %d, want 0 for the default or more", c.Jobs, c.Batch)
	case c.RetryAfter < 0 || c.RetryMost < 0 || c.Timeout < 0 || c.Grace < 0:
		return bad("a time below 0")
	case c.Drop && c.DeadLetter != "":
		return bad("both Drop and DeadLetter; a record can't be dropped and kept")
	}
	c.Jobs = or(c.Jobs, 1)
	c.Batch = or(c.Batch, DefaultBatch)
	if !batch {
		c.Batch = 1
	}
	c.Retries = max(or(c.Retries, DefaultRetries), 0)
	c.RetryAfter = or(c.RetryAfter, DefaultRetryAfter)
	c.RetryMost = max(or(c.RetryMost, DefaultRetryMost), c.RetryAfter)
	if c.Consumer.Logger == nil {
		c.Consumer.Logger = c.Logger
	}
	if c.Consumer.Codec == nil {
		c.Consumer.Codec = codec.Msgpack()
	}
	return &c, nil
}

func or[N int | time.Duration](n, def N) N {
	if n == 0 {
		return def
	}
	return n
}
