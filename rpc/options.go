package rpc

import (
	"fmt"
	"io/fs"
	"log/slog"
	"runtime"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
)

// Defaults.
const (
	// DefaultMaxAnswer is the size of the largest answer in bytes.
	DefaultMaxAnswer = 256 << 10
	// DefaultAnswerWait is how long a server waits for room in an answer queue.
	DefaultAnswerWait = time.Second
)

// DialOptions say how a client opens its queues. The zero value, and nil, mean the defaults.
type DialOptions struct {
	// NoCreate refuses, with fs.ErrNotExist, to make a request queue that is absent. Without
	// it either of client and server may start first.
	NoCreate bool
	// Create says what the request queue is like if it is made; see producer.Options.
	Create shmq.Options
	// MaxAnswer is the size in bytes, as it is encoded, of the largest answer that there has to be
	// room for: the answer queue has twice that, or room for 1024 small ones, in memory that is
	// reserved. Default DefaultMaxAnswer.
	MaxAnswer int
	// AnswerMode is the permissions of the answer queue: who may write it can answer, and who may
	// read it can have servers answer into it. Servers of other users than the client's and root
	// need it, too. Default: those of the request queue.
	AnswerMode fs.FileMode
	// Wait says how a call waits. Default: shmq.SpinThenPark.
	Wait shmq.WaitPolicy
	// Codec turns requests into bytes, and bytes into answers; a RawClient does not use it. One
	// goroutine at a time calls it. Default: codec.Msgpack().
	Codec codec.Codec
	// Logger gets what producer.Options.Logger and consumer.Options.Logger would. Default: nil,
	// no logging.
	Logger *slog.Logger
}

// ServeOptions say how to serve. The zero value, and nil, mean the defaults.
type ServeOptions struct {
	// NoCreate refuses, with fs.ErrNotExist, to make a request queue that is absent.
	NoCreate bool
	// Create says what the request queue is like if it is made; see consumer.Options.
	Create shmq.Options
	// Admit is called when the request queue is there; see consumer.Options.
	Admit func() error
	// Jobs is how many handlers run at a time. Default: runtime.GOMAXPROCS(0).
	Jobs int
	// Timeout is how long a handler may take, also if the deadline of its request is later: its
	// context ends then. A handler that does not look at its context is waited for. Default 0:
	// no limit.
	Timeout time.Duration
	// Grace is how long handlers may go on after the context of Serve has ended. Then theirs
	// ends, too. Default 0: no limit.
	Grace time.Duration
	// AnswerWait is how long a handler's goroutine waits for room in the answer queue of a
	// client that is slow or stopped, or for a client that can't be attached to. Then the answer is dropped, and
	// counted; further ones for that client do not wait until there is room again, and then it
	// is told of those that were dropped (CodeDropped), of the first 1024. Waits that the deadlines of
	// their requests have cut short add up to AnswerWait. Default DefaultAnswerWait.
	AnswerWait time.Duration
	// Wait says how the server waits for requests. Default: shmq.SpinThenPark.
	Wait shmq.WaitPolicy
	// Codec turns bytes into requests, and answers into bytes; ServeRaw does not use it. One
	// goroutine at a time calls it. Default: codec.Msgpack().
	Codec codec.Codec
	// Counters, if not nil, are counted up while the server runs. Several servers of a program
	// may share them.
	Counters *Counters
	// Logger gets what becomes of requests that are not answered, panics of handlers, and what
	// consumer.Options.Logger would: at level Warn requests that are refused and answers that
	// are dropped, at level Error panics. Default: nil, no logging.
	Logger *slog.Logger
}

func (o *DialOptions) check() (*DialOptions, error) {
	c := DialOptions{}
	if o != nil {
		c = *o
	}
	if c.MaxAnswer < 0 || c.MaxAnswer > maxAnswer {
		return nil, fmt.Errorf("%w: the largest answer has %d bytes, want 0 for the default up to %d", shmq.ErrOption, c.MaxAnswer, maxAnswer)
	}
	if c.MaxAnswer == 0 {
		c.MaxAnswer = DefaultMaxAnswer
	}
	if c.Codec == nil {
		c.Codec = codec.Msgpack()
	}
	return &c, nil
}

const (
	maxAnswer      = 1 << 30
	answerSlots    = 1024
	answerSlotSize = 256
)

// answers returns what the answer queue is like.
func (o *DialOptions) answers() shmq.Options {
	most := o.MaxAnswer + answerOverhead
	return shmq.Options{
		Producers: shmq.Many, Consumers: shmq.One, Slots: answerSlots,
		SlotSize: max((2*most+answerSlots-1)/answerSlots, answerSlotSize),
	}
}

func (o *ServeOptions) check() (*ServeOptions, error) {
	c := ServeOptions{}
	if o != nil {
		c = *o
	}
	switch {
	case c.Jobs < 0:
		return nil, fmt.Errorf("%w: %d jobs, want 0 for the default or more", shmq.ErrOption, c.Jobs)
	case c.Timeout < 0 || c.Grace < 0 || c.AnswerWait < 0:
		return nil, fmt.Errorf("%w: a time below 0", shmq.ErrOption)
	}
	if c.Jobs == 0 {
		c.Jobs = runtime.GOMAXPROCS(0)
	}
	if c.AnswerWait == 0 {
		c.AnswerWait = DefaultAnswerWait
	}
	if c.Codec == nil {
		c.Codec = codec.Msgpack()
	}
	if c.Counters == nil {
		c.Counters = new(Counters)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &c, nil
}
