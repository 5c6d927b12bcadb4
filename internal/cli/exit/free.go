package exit

import (
	"context"
	"time"
)

// printGrace is how long the result of a command that a signal ended may take to be written:
// the reader of a full pipe may never come.
const printGrace = time.Second

// Free runs work that holds nothing in a queue, so that a signal may end it anywhere: in a long
// look, in an open or a write that blocks. When ctx ends, Free returns the cause at once and
// leaves the work behind; the process is about to end.
func Free(ctx context.Context, work func() error) error { return freeFor(ctx, 0, work) }

// Print is Free for the result of a command, which is of use after a signal too.
func Print(ctx context.Context, work func() error) error { return freeFor(ctx, printGrace, work) }

func freeFor(ctx context.Context, grace time.Duration, work func() error) error {
	done := make(chan error, 1)
	go func() { done <- work() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(grace):
		return context.Cause(ctx)
	}
}
