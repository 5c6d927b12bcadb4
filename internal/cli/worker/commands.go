package worker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/crew"
)

const (
	// leftGrace is how long a process that a command left behind may go on using the
	// command's standard input, and its output where that goes through this process.
	leftGrace = time.Second
	// killGrace is how long a command may go on after SIGTERM because its time is over.
	killGrace = 5 * time.Second
)

// commands are those that run, at most one for each handler. The signal that ends ctx goes to
// all of them.
type commands struct {
	ctx context.Context

	mu     sync.Mutex
	groups map[int]*exec.Cmd // by their process groups
}

func newCommands(ctx context.Context) commands {
	return commands{ctx: ctx, groups: map[int]*exec.Cmd{}}
}

// run runs a command until it has ended. It has a session, and so a process group, of its own: a
// signal reaches all of a pipeline, and reaches it once. When ctx ends, it gets SIGTERM, and
// SIGKILL later. A command that is not started is an error for package crew: started is false.
func (c *commands) run(ctx context.Context, cmd *exec.Cmd) (started bool, err error) {
	cmd.WaitDelay = leftGrace
	inOwnSession(cmd)
	err = c.start(cmd)
	switch {
	case err == nil:
	case c.ctx.Err() != nil:
		return false, err // it goes back whatever the reason
	case isShortage(err):
		return false, tooShort(err)
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist): // it was there when the receiver began
		return false, &crew.Fatal{Err: fmt.Errorf("%w: %w", exit.ErrNotFound, err)}
	default:
		return false, &crew.Fatal{Err: fmt.Errorf("%w: %w", exit.ErrCantRun, err)}
	}
	inTime := c.endInTime(ctx, cmd)
	err = cmd.Wait()
	c.mu.Lock()
	delete(c.groups, cmd.Process.Pid)
	c.mu.Unlock()
	inTime()
	return true, err
}

// start starts a command, unless the context has ended: either it is not started, or
// forward finds it.
func (c *commands) start(cmd *exec.Cmd) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.groups[cmd.Process.Pid] = cmd
	return nil
}

// forward sends the signal that ended the context to the commands.
func (c *commands) forward() {
	var sig exit.Signal
	if !errors.As(context.Cause(c.ctx), &sig) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for pid := range c.groups {
		signalGroup(pid, sig.Sig)
	}
}

// endInTime ends a command when ctx ends. The caller calls what it returns when the command
// has ended.
func (c *commands) endInTime(ctx context.Context, cmd *exec.Cmd) (ended func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
			c.signal(cmd, syscall.SIGTERM)
		case <-done:
			return
		}
		grace := time.NewTimer(killGrace)
		defer grace.Stop()
		select {
		case <-grace.C:
			c.signal(cmd, syscall.SIGKILL)
		case <-done:
		}
	}()
	return func() { close(done) }
}

// signal sends a signal to a command unless it has ended.
func (c *commands) signal(cmd *exec.Cmd, sig syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.groups[cmd.Process.Pid] == cmd {
		signalGroup(cmd.Process.Pid, sig)
	}
}
