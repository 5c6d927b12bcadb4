//go:build linux

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// end is a process of a peer: one end, or both as threads, or the service beside them.
type end struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	lines  chan string // its standard output
	stderr bytes.Buffer
	gone   chan struct{} // closed when it has ended
}

// longest is how long an end may take to answer.
const longest = 60 * time.Second

// start starts a process that dies with the caller's thread. It is a group of its own, which
// can be stopped with what it starts.
func start(argv []string) (*end, error) {
	e := &end{cmd: exec.Command(argv[0], argv[1:]...), lines: make(chan string, 4096), gone: make(chan struct{})}
	e.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	e.cmd.Stderr = &e.stderr
	var err error
	if e.in, err = e.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := e.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			e.lines <- s.Text()
		}
		_ = e.cmd.Wait() // what it says is in its standard error
		close(e.gone)
	}()
	return e, nil
}

func (e *end) say(format string, args ...any) error {
	_, err := fmt.Fprintf(e.in, format+"\n", args...)
	return err
}

// expect waits for a line that begins with prefix, and returns what follows. If the other ends
// first, the line may never come.
func (e *end) expect(prefix string, others ...*end) (string, error) {
	late := time.After(longest)
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			for _, other := range others {
				if other.ended() && other.cmd.ProcessState.ExitCode() != 0 {
					return "", fmt.Errorf("the other end: %w", other.why())
				}
			}
		case l := <-e.lines:
			if rest, ok := strings.CutPrefix(l, prefix); ok {
				return strings.TrimSpace(rest), nil
			}
		case <-e.gone:
			select {
			case l := <-e.lines:
				if rest, ok := strings.CutPrefix(l, prefix); ok {
					return strings.TrimSpace(rest), nil
				}
			default:
				return "", fmt.Errorf("%s ended: %w", e.cmd.Args[0], e.why())
			}
		case <-late:
			return "", fmt.Errorf("%s: no %q within %v", strings.Join(e.cmd.Args, " "), prefix, longest)
		}
	}
}

// why is the last that an end which is gone has said of its own accord.
func (e *end) why() error {
	text := strings.TrimSpace(e.stderr.String())
	if len(text) > 2000 {
		text = text[:2000] + "..."
	}
	if text == "" {
		text = e.cmd.ProcessState.String()
	}
	return errors.New(text)
}

func (e *end) ended() bool {
	select {
	case <-e.gone:
		return true
	default:
		return false
	}
}

// signal reaches its whole group.
func (e *end) signal(s syscall.Signal) { _ = syscall.Kill(-e.cmd.Process.Pid, s) }

// kill ends it at once.
func (e *end) kill() {
	e.signal(syscall.SIGKILL)
	<-e.gone
}

// close ends it, and lets it close what it has open: an end at the end of its standard input, a
// service when it is told to.
func (e *end) close() {
	e.in.Close()
	for _, wait := range []time.Duration{time.Second, 10 * time.Second} {
		select {
		case <-e.gone:
			return
		case <-time.After(wait):
			e.signal(syscall.SIGTERM)
		}
	}
	e.kill()
}
