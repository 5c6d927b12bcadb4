package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/crew"
	"github.com/shmq/shmq/worker/deadletter"
)

// handle runs the command once, for one record or a batch.
func (r *Runner) handle(ctx context.Context, rs []*crew.Record) error {
	in, done, err := stdin(rs)
	if err != nil {
		return tooShort(err)
	}
	defer done()
	cmd := exec.Command(r.opts.Command[0], r.opts.Command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, os.Stdout, os.Stderr
	var last *lastLines
	if r.dead != nil {
		last = &lastLines{to: os.Stderr}
		cmd.Stderr = last
	}
	cmd.Env = append(os.Environ(), r.environment(rs)...)
	if started, err := r.run(ctx, cmd); started {
		return r.judge(err, last)
	} else {
		return err
	}
}

// judge makes what came of a command an error of a handler.
func (r *Runner) judge(err error, last *lastLines) error {
	var ended *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay): // exit 0; the command did not want what it did not read
		return nil
	case errors.As(err, &ended) && ended.ExitCode() == exit.CodeNotFound:
		return &crew.Fatal{Err: fmt.Errorf("%w: %w", exit.ErrNotFound, err)}
	case errors.As(err, &ended) && ended.ExitCode() == exit.CodeCantRun:
		return &crew.Fatal{Err: fmt.Errorf("%w: %w", exit.ErrCantRun, err)}
	}
	return &commandError{err, last}
}

func tooShort(err error) error {
	return &crew.Shortage{Err: fmt.Errorf("the command can't be started just now: %w", err)}
}

// isShortage reports whether a command could not be started for want of something that
// may be there later: processes, memory, descriptors; or because its file is being
// written.
func isShortage(err error) bool {
	for _, e := range []syscall.Errno{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.ETXTBSY} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// commandError is a command that failed.
type commandError struct {
	err  error
	last *lastLines // nil where no letter will have them
}

func (e *commandError) Error() string { return e.err.Error() }
func (e *commandError) Unwrap() error { return e.err }

// Describe adds to a dead letter how the command ended.
func (e *commandError) Describe(l *deadletter.Letter) {
	var ended *exec.ExitError
	if errors.As(e.err, &ended) {
		l.Signal = signalThatEnded(ended)
		l.HasExitCode, l.ExitCode = l.Signal == "", max(ended.ExitCode(), 0)
	}
	if e.last != nil {
		l.Stderr = e.last.text()
	}
}
