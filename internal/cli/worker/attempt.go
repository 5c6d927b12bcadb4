package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/shmq/shmq/internal/cli/exit"
)

const (
	firstDelay = 100 * time.Millisecond
	lastDelay  = 10 * time.Second
	// inputGrace is how long a process that a command left behind may go on reading the
	// command's standard input.
	inputGrace = time.Second
)

// work runs the command until it succeeds or may not be tried again.
func (c *Crew) work(j *job, env []string) {
	delay := firstDelay
	for {
		j.attempts++
		j.err = c.attempt(j, append(env, fmt.Sprintf("SHMQ_ATTEMPT=%d", j.attempts)))
		hopeless := j.err == nil || errors.Is(j.err, exit.ErrCantRun) || errors.Is(j.err, exit.ErrNotFound)
		if hopeless || j.attempts > c.opts.Retries || c.stopped.Err() != nil {
			return
		}
		if c.opts.Verbose {
			c.opts.Note("queue %q: record %d: %s; again in %v", c.from.Name(), j.number, exit.OneLine(j.err.Error()), delay)
		}
		t := time.NewTimer(delay)
		select {
		case <-t.C:
		case <-c.stopped.Done():
			t.Stop()
			return
		}
		delay = min(2*delay, lastDelay)
	}
}

// attempt runs the command once. It is in a process group of its own, so that a
// signal reaches all of a pipeline, and reaches it once.
func (c *Crew) attempt(j *job, env []string) error {
	cmd := exec.Command(c.opts.Command[0], c.opts.Command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(string(j.input)), os.Stdout, os.Stderr
	cmd.Env = env
	cmd.WaitDelay = inputGrace
	inOwnGroup(cmd)
	if err := c.start(cmd); err != nil {
		return fmt.Errorf("%w: %w", exit.ErrCantRun, err)
	}
	err := cmd.Wait()
	c.mu.Lock()
	delete(c.groups, cmd.Process.Pid)
	c.mu.Unlock()
	var ended *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrWaitDelay): // exit 0; what it did not read it did not want
		return nil
	case errors.As(err, &ended) && ended.ExitCode() == exit.CodeNotFound:
		return fmt.Errorf("%w: %w", exit.ErrNotFound, err)
	case errors.As(err, &ended) && ended.ExitCode() == exit.CodeCantRun:
		return fmt.Errorf("%w: %w", exit.ErrCantRun, err)
	}
	return err
}

// start starts a command, unless the context has ended: either it is not started, or
// forward finds it.
func (c *Crew) start(cmd *exec.Cmd) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.groups[cmd.Process.Pid] = true
	return nil
}

// forward sends the signal that ended the context to the commands.
func (c *Crew) forward() {
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
