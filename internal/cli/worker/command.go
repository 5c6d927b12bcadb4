package worker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/crew"
	"github.com/shmq/shmq/worker/deadletter"
)

const (
	// leftGrace is how long a process that a command left behind may go on using the
	// command's standard input, and standard error where that goes through the receiver.
	leftGrace = time.Second
	// killGrace is how long a command may go on after SIGTERM because its time is over.
	killGrace = 5 * time.Second
)

// handle runs the command once, for one record or a batch. The command has a session, and so
// a process group, of its own: a signal reaches all of a pipeline, and reaches it once.
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
	cmd.WaitDelay = leftGrace
	inOwnSession(cmd)
	if err := r.start(cmd); r.ctx.Err() != nil && err != nil {
		return err // it goes back whatever the reason
	} else if isShortage(err) {
		return tooShort(err)
	} else if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) { // it was there when the receiver began
		return &crew.Fatal{Err: fmt.Errorf("%w: %w", exit.ErrNotFound, err)}
	} else if err != nil {
		return &crew.Fatal{Err: fmt.Errorf("%w: %w", exit.ErrCantRun, err)}
	}
	inTime := r.endInTime(ctx, cmd)
	err = cmd.Wait()
	r.mu.Lock()
	delete(r.groups, cmd.Process.Pid)
	r.mu.Unlock()
	inTime()
	return r.judge(err, last)
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

// start starts a command, unless the context has ended: either it is not started, or
// forward finds it.
func (r *Runner) start(cmd *exec.Cmd) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	r.groups[cmd.Process.Pid] = cmd
	return nil
}

// forward sends the signal that ended the context to the commands.
func (r *Runner) forward() {
	var sig exit.Signal
	if !errors.As(context.Cause(r.ctx), &sig) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for pid := range r.groups {
		signalGroup(pid, sig.Sig)
	}
}

// endInTime ends a command when ctx ends. The caller calls what it returns when the command
// has ended.
func (r *Runner) endInTime(ctx context.Context, cmd *exec.Cmd) (ended func()) {
	if r.opts.Timeout == 0 {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
			r.signal(cmd, syscall.SIGTERM)
		case <-done:
			return
		}
		grace := time.NewTimer(killGrace)
		defer grace.Stop()
		select {
		case <-grace.C:
			r.signal(cmd, syscall.SIGKILL)
		case <-done:
		}
	}()
	return func() { close(done) }
}

// signal sends a signal to a command unless it has ended.
func (r *Runner) signal(cmd *exec.Cmd, sig syscall.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.groups[cmd.Process.Pid] == cmd {
		signalGroup(cmd.Process.Pid, sig)
	}
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
