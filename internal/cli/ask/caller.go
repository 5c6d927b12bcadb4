package ask

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/cli/progress"
	"github.com/shmq/shmq/internal/cli/pump"
	"github.com/shmq/shmq/rpc"
)

// caller makes the calls of one command. Answers are written in the order of the requests, by
// the goroutine that run starts.
type caller struct {
	*callFlags
	ctx    context.Context
	name   string
	client *rpc.RawClient
	out    io.Writer
	tty    *progress.Console

	several bool // requests; each has a number then
	tally
	flight  chan chan result // in their order; as many as may be in flight
	reading context.Context  // ends with the writing; nothing is begun then
	calling context.Context  // of the calls
	hangUp  func()           // ends it
	outside atomic.Bool      // in a write that can block for ever
}

func (c *caller) run(words []string) error {
	c.several = c.each || len(words) > 1
	info, err := shmq.Stat(c.name)
	if err != nil {
		return err
	}
	jobs := min(c.jobs, info.Slots) // others would wait for room
	c.calling, c.hangUp = context.WithCancel(c.ctx)
	defer c.hangUp()
	// The call whose result is waited for is in flight, and not in the channel.
	c.flight = make(chan chan result, jobs-1)
	reading, quit := context.WithCancelCause(c.ctx)
	c.reading = reading
	written := make(chan error, 1)
	go func() {
		defer quit(errQuit)
		written <- c.write(&format.Page{})
	}()
	hold := &pump.Hold{Ctx: reading}
	err = hold.Run(func() error {
		defer close(c.flight)
		switch {
		case len(words) > 0:
			return c.words(words)
		case c.each:
			return c.cut(&pump.Input{Hold: hold, From: os.Stdin, Before: c.alive, Failed: unread})
		}
		return c.whole(hold)
	})
	wrote := c.wrote(written)
	if cause := context.Cause(c.ctx); cause != nil {
		return c.stopped(cause)
	}
	if err != nil && err != errQuit {
		return err
	}
	return wrote
}

// wrote waits for the end of the writing; after a signal for no write that is blocked.
func (c *caller) wrote(written <-chan error) error {
	select {
	case err := <-written:
		return err
	case <-c.ctx.Done():
	}
	for {
		select {
		case err := <-written:
			return err
		case <-time.After(pump.WriteGrace):
			if c.outside.Load() {
				return nil
			}
		}
	}
}

// errQuit ends the reading of the input because the writing has ended.
var errQuit = errors.New("the calls have ended")

func (c *caller) alive() error { return context.Cause(c.reading) }

func unread(err error) error { return fmt.Errorf("%w: %v", exit.ErrInput, err) }

// begin begins a call, when there may be another one.
func (c *caller) begin(request []byte) error {
	done := make(chan result, 1)
	select {
	case c.flight <- done:
	case <-c.reading.Done():
		return context.Cause(c.reading)
	}
	c.begun.Add(1)
	request = bytes.Clone(request)
	go func() {
		ctx := c.calling
		if c.timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, c.timeout.Value())
			defer cancel()
		}
		var r result
		r.answer, r.err = c.client.Call(ctx, request)
		done <- r
	}()
	return nil
}

// whole makes one request of all of the input.
func (c *caller) whole(hold *pump.Hold) error {
	limit := c.client.MaxRequest()
	var data []byte
	var err error
	hold.Outside(func() { data, err = io.ReadAll(io.LimitReader(os.Stdin, 8*int64(limit)+1<<10)) })
	if err != nil {
		return exit.Tell(c.name, exit.ErrInput, "%v", unread(err))
	}
	request, err := c.format.One(data, limit)
	if err != nil {
		return exit.Tell(c.name, exit.ErrData, "the input is no request: %v", err)
	}
	return c.begin(request)
}

// words makes a request of each word.
func (c *caller) words(words []string) error {
	for i, w := range words {
		request, err := c.format.One([]byte(w), c.client.MaxRequest())
		if err != nil {
			return exit.Tell(c.name, exit.ErrData, "word %d is no request: %v", i+1, err)
		}
		if err := c.begin(request); err != nil {
			return err
		}
	}
	return nil
}

// cut makes a request of each record of the input.
func (c *caller) cut(in io.Reader) error {
	limit := c.client.MaxRequest()
	b := &format.Batch{Unit: "record", MaxRecord: limit, SlotSize: limit, Full: 1}
	b.Flush = func() error {
		defer b.Reset()
		for _, request := range b.Recs {
			if err := c.begin(request); err != nil {
				return err
			}
		}
		return nil
	}
	b.Warn = func(text string) { c.tty.Line("queue %q: %s", c.name, text) }
	err := c.format.Cut(in, b)
	var bad *format.Error
	if errors.As(err, &bad) {
		return exit.Tell(c.name, exit.ErrData, "%s %d of the input is no request, those before it were sent: %v", b.Unit, c.begun.Load()+1, bad)
	}
	return err
}
