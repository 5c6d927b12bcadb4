package ask

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/rpc"
)

// result is what came of a call.
type result struct {
	answer []byte
	err    error
}

// tally counts calls: the goroutine that begins them adds to begun, the one that writes to the
// others. A command that a signal ends reads all while they still do.
type tally struct{ begun, answered, failed atomic.Int64 }

// failures are the reasons for which one call can fail and the next need not. The exit code is
// that of the first one here that a call failed for.
var failures = []error{exit.ErrTimeout, rpc.ErrNoServer, exit.ErrData, exit.ErrFailed}

// write writes the answers in the order of the requests, and tells which calls failed. An error
// that all calls would meet ends it, and the calls in flight; answers that are there are written.
func (c *caller) write(page *format.Page) error {
	late := time.AfterFunc(time.Second, c.lonely)
	defer late.Stop()
	worst := len(failures)
	for number := 1; ; number++ {
		r, ok := c.next()
		if !ok {
			break
		}
		late.Stop()
		kind, err := c.settle(page, r)
		switch {
		case err == nil:
			continue
		case kind == len(failures) || c.ctx.Err() != nil:
			c.hangUp()
			c.writeRest(page)
			return c.stopped(err)
		case !c.several:
			return exit.Tell(c.name, failures[kind], "%s", c.reason(kind, err))
		}
		c.failed.Add(1)
		worst = min(worst, kind)
		c.outside.Store(true)
		c.tty.Line("queue %q: request %d: %s", c.name, number, c.reason(kind, err))
		c.outside.Store(false)
	}
	if worst == len(failures) {
		return nil
	}
	return exit.Tell(c.name, failures[worst], "%d of %d calls failed", c.failed.Load(), c.begun.Load())
}

// next waits for the result of the next call, while one may be begun.
func (c *caller) next() (r result, ok bool) {
	select {
	case done, ok := <-c.flight:
		if !ok {
			return r, false
		}
		return <-done, true
	case <-c.ctx.Done(): // the input need not end
		return result{err: context.Cause(c.ctx)}, true
	}
}

// settle writes an answer. It returns why there is none, and which of the failures that is.
func (c *caller) settle(page *format.Page, r result) (kind int, err error) {
	err = r.err
	if err == nil {
		if err = c.put(page, r.answer); err == nil {
			c.answered.Add(1)
			return 0, nil
		}
	}
	of := err
	switch {
	case errors.As(err, new(*rpc.Error)):
		of = exit.ErrFailed
	case errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, rpc.ErrNoServer):
		of = exit.ErrTimeout
	}
	for kind < len(failures) && !errors.Is(of, failures[kind]) {
		kind++
	}
	return kind, err
}

// writeRest writes answers of calls that have one when no more can come.
//
// Preconditions: hangUp was called.
func (c *caller) writeRest(page *format.Page) {
	for {
		select {
		case done, ok := <-c.flight:
			if !ok {
				return
			}
			if r := <-done; r.err == nil {
				if _, err := c.settle(page, r); err != nil {
					return
				}
			}
		default:
			return
		}
	}
}

// put writes an answer.
func (c *caller) put(page *format.Page, answer []byte) error {
	page.Buf = page.Buf[:0]
	if err := c.format.Put(page, answer); err != nil {
		return fmt.Errorf("%w: the answer is not msgpack (%v); --format raw takes it", exit.ErrData, err)
	}
	c.outside.Store(true)
	_, err := c.out.Write(page.Buf)
	c.outside.Store(false)
	return err
}

// reason says why a call failed.
func (c *caller) reason(kind int, err error) string {
	switch failures[kind] {
	case exit.ErrTimeout:
		return fmt.Sprintf("there was no answer for %v, though a server is attached; shmq stat tells what it is doing", c.timeout.Value())
	case rpc.ErrNoServer:
		return noServer(c.name)
	}
	return strings.TrimPrefix(exit.Reason(err), exit.ErrData.Error()+": ")
}

// stopped adds to an error how far the calls got.
func (c *caller) stopped(err error) error {
	if !c.several || errors.Is(err, exit.ErrPipe) {
		return err
	}
	return exit.Tell(c.name, err, "%s; calls begun: %d, answered: %d, failed: %d", exit.Reason(err), c.begun.Load(), c.answered.Load(), c.failed.Load())
}

// lonely says it when a call waits and there is no server.
func (c *caller) lonely() {
	if !c.client.Served() {
		c.tty.Line("queue %q: no server is attached; waiting for one", c.name)
	}
}

func noServer(name string) string {
	return fmt.Sprintf("no server is attached; start one: shmq serve %q --exec COMMAND", name)
}
