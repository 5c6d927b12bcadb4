package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

const (
	firstDelay = 100 * time.Millisecond
	lastDelay  = 10 * time.Second
	// inputGrace is how long somebody whom a command left behind may go on reading its
	// standard input.
	inputGrace = time.Second
)

// work runs the command until it succeeds or may not be tried again.
func (c *crew) work(j *job, env []string) {
	delay := firstDelay
	for {
		j.attempts++
		j.err = c.attempt(j, append(env, fmt.Sprintf("SHMQ_ATTEMPT=%d", j.attempts)))
		hopeless := j.err == nil || errors.Is(j.err, errCantRun) || errors.Is(j.err, errNotFound)
		if hopeless || j.attempts > c.retries || c.stopped.Err() != nil {
			return
		}
		if c.verbose {
			c.note("queue %q: record %d: %s; again in %v", c.from.Name(), j.number, oneLine(j.err), delay)
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
func (c *crew) attempt(j *job, env []string) error {
	cmd := exec.Command(c.command[0], c.command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(string(j.input)), os.Stdout, os.Stderr
	cmd.Env = env
	cmd.WaitDelay = inputGrace
	inOwnGroup(cmd)
	if err := c.start(cmd); err != nil {
		return fmt.Errorf("%w: %w", errCantRun, err)
	}
	err := cmd.Wait()
	c.mu.Lock()
	delete(c.groups, cmd.Process.Pid)
	c.mu.Unlock()
	var exit *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrWaitDelay): // exit 0; what it did not read it did not want
		return nil
	case errors.As(err, &exit) && exit.ExitCode() == exitNotFound:
		return fmt.Errorf("%w: %w", errNotFound, err)
	case errors.As(err, &exit) && exit.ExitCode() == exitCantRun:
		return fmt.Errorf("%w: %w", errCantRun, err)
	}
	return err
}

// start starts a command, unless the context has ended: either it is not started, or
// forward finds it.
func (c *crew) start(cmd *exec.Cmd) error {
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
func (c *crew) forward() {
	var sig signalError
	if !errors.As(context.Cause(c.ctx), &sig) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for pid := range c.groups {
		signalGroup(pid, sig.sig)
	}
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
