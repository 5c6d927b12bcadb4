// Package pump moves records between queues and the files of a command: an input is cut
// into records that an Outbox sends in batches; a Receiver takes leases, formats them,
// writes, and acknowledges what was written. Whatever can block for ever happens outside
// of a Hold, so that a signal ends a command at once and in order.
package pump

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Hold is the right to use a command's queue. The work has it, except while it is outside,
// in a read or write that can block for ever. When a signal comes in such a moment the
// command ends without the work. The context must be set; Grace may be.
type Hold struct {
	Ctx context.Context
	// Grace is how long work may take to come back from outside by itself.
	Grace time.Duration
	mu    sync.Mutex
	away  atomic.Bool // outside; other goroutines may read it
}

// Run runs work, which has the queue from start to end but for its calls of
// Outside. Run returns what work returns; or, if the context ends first, the cause,
// once work is done or outside. Then the queue is the caller's, which closes it, and a
// work that is outside never comes back in.
func (h *Hold) Run(work func() error) error {
	done := make(chan error, 1)
	go func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		done <- work()
	}()
	select {
	case err := <-done:
		return err
	case <-h.Ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(h.Grace):
	}
	h.mu.Lock()
	select {
	case err := <-done:
		return err
	default:
		return context.Cause(h.Ctx)
	}
}

// Outside runs f, which must not use the queue.
func (h *Hold) Outside(f func()) {
	h.mu.Unlock()
	h.away.Store(true)
	f()
	h.away.Store(false)
	h.mu.Lock()
}

// Away reports whether the work is outside. It may be called from any goroutine.
func (h *Hold) Away() bool { return h.away.Load() }
