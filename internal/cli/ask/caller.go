package ask

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

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

	begun  int
	flight chan chan result // in their order; as many as may be in flight
	failed int
}

// result is what came of a call.
type result struct {
	answer []byte
	err    error
}

func (c *caller) run(words []string) error {
	// The call whose result is waited for is in flight, and not in the channel.
	c.flight = make(chan chan result, c.jobs-1)
	quit := make(chan struct{})
	written := make(chan error, 1)
	go func() {
		defer close(quit)
		written <- c.write()
	}()
	hold := &pump.Hold{Ctx: c.ctx}
	err := hold.Run(func() error {
		defer close(c.flight)
		begin := func(request []byte) error { return c.begin(request, quit) }
		switch {
		case len(words) > 0:
			return c.words(words, begin)
		case c.each:
			return c.cut(&pump.Input{Hold: hold, From: os.Stdin, Before: c.alive, Failed: unread}, begin)
		}
		return c.whole(hold, begin)
	})
	if cause := context.Cause(c.ctx); cause != nil {
		return cause // calls end by themselves, with the process
	}
	switch wrote := <-written; {
	case wrote != nil:
		return wrote
	case err != nil && err != errQuit:
		return err
	case c.failed > 0:
		return exit.Tell(c.name, exit.ErrFailed, "%d of %d calls failed", c.failed, c.begun)
	}
	return nil
}

// errQuit ends the reading of the input because the writing has ended.
var errQuit = errors.New("the calls have ended")

func (c *caller) alive() error { return context.Cause(c.ctx) }

func unread(err error) error { return fmt.Errorf("%w: %v", exit.ErrInput, err) }

// begin begins a call, when there may be another one.
func (c *caller) begin(request []byte, quit <-chan struct{}) error {
	done := make(chan result, 1)
	select {
	case c.flight <- done:
	case <-quit:
		return errQuit
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	}
	c.begun++
	request = bytes.Clone(request)
	go func() {
		ctx := c.ctx
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
func (c *caller) whole(hold *pump.Hold, begin func([]byte) error) error {
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
	return begin(request)
}

// words makes a request of each word.
func (c *caller) words(words []string, begin func([]byte) error) error {
	for i, w := range words {
		request, err := c.format.One([]byte(w), c.client.MaxRequest())
		if err != nil {
			return exit.Tell(c.name, exit.ErrData, "word %d is no request: %v", i+1, err)
		}
		if err := begin(request); err != nil {
			return err
		}
	}
	return nil
}

// cut makes a request of each record of the input.
func (c *caller) cut(in io.Reader, begin func([]byte) error) error {
	limit := c.client.MaxRequest()
	b := &format.Batch{Unit: "record", MaxRecord: limit, SlotSize: limit, Full: 1}
	b.Flush = func() error {
		defer b.Reset()
		for _, request := range b.Recs {
			if err := begin(request); err != nil {
				return err
			}
		}
		return nil
	}
	b.Warn = func(text string) { c.tty.Line("queue %q: %s", c.name, text) }
	err := c.format.Cut(in, b)
	var bad *format.Error
	if errors.As(err, &bad) {
		return exit.Tell(c.name, exit.ErrData, "%s %d of the input is no request, those before it were sent: %v", b.Unit, c.begun+1, bad)
	}
	return err
}

// write writes the answers. It ends with the first error that others would meet, too.
func (c *caller) write() error {
	late := time.AfterFunc(time.Second, c.lonely)
	defer late.Stop()
	var page format.Page
	for done := range c.flight {
		r := <-done
		late.Stop()
		var failed *rpc.Error
		switch {
		case r.err == nil:
		case errors.As(r.err, &failed):
			c.failed++
			c.tty.Line("queue %q: %s", c.name, exit.Reason(r.err))
			continue
		case c.ctx.Err() != nil:
			return context.Cause(c.ctx)
		case errors.Is(r.err, rpc.ErrNoServer):
			return c.noServer(r.err)
		case errors.Is(r.err, context.DeadlineExceeded):
			return exit.Tell(c.name, exit.ErrTimeout, "there was no answer for %v, though a server is attached; shmq stat tells what it is doing", c.timeout.Value())
		default:
			return r.err
		}
		page.Buf = page.Buf[:0]
		if err := c.format.Put(&page, r.answer); err != nil {
			return exit.Tell(c.name, exit.ErrData, "the answer is not msgpack (%v); --format raw takes it", err)
		}
		if _, err := c.out.Write(page.Buf); err != nil {
			return err
		}
	}
	return nil
}

// lonely says it when a call waits and there is no server.
func (c *caller) lonely() {
	if !c.client.Served() {
		c.tty.Line("queue %q: no server is attached; waiting for one", c.name)
	}
}

func (c *caller) noServer(err error) error {
	return exit.Tell(c.name, err, "no server is attached; start one: shmq serve %q --exec COMMAND", c.name)
}
