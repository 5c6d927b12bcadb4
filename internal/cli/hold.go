package cli

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// hold says who may use a command's queue: the work, except while it is outside, in
// a read or write that can block for ever. When a signal comes in such a moment the
// command ends without it.
type hold struct {
	ctx context.Context
	// grace is how long work may take to come back from outside by itself.
	grace time.Duration
	mu    sync.Mutex
	away  atomic.Bool // outside; others may read it
}

// run runs work, which has the queue from start to end but for its calls of
// outside. It returns what work returns; or, if the context ends first, the cause,
// once work is done or outside. Then the queue is the caller's, who closes it, and a
// work that is outside never comes back in.
func (h *hold) run(work func() error) error {
	done := make(chan error, 1)
	go func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		done <- work()
	}()
	select {
	case err := <-done:
		return err
	case <-h.ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(h.grace):
	}
	h.mu.Lock()
	select {
	case err := <-done:
		return err
	default:
		return context.Cause(h.ctx)
	}
}

// outside runs f, which must not use the queue.
func (h *hold) outside(f func()) {
	h.mu.Unlock()
	h.away.Store(true)
	f()
	h.away.Store(false)
	h.mu.Lock()
}
