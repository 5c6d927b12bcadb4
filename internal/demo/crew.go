package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// crew is the child processes. It is for one goroutine, which it ties to its thread:
// the kernel takes the death of the thread that started a child for the parent's.
type crew struct {
	members []*member
	events  chan event
	kill    context.CancelFunc
	left    int // members that have not ended
}

// member is a child process.
type member struct {
	role   string
	number int
	pid    int
	report *report

	cmd    *exec.Cmd
	orders io.WriteCloser // nil for a consumer
	answer io.ReadCloser
	stderr bytes.Buffer
}

// event is a message of a child, or that it has ended, and how.
type event struct {
	from *member
	message
	err error
}

func (m *member) String() string { return fmt.Sprintf("%s %d (pid %d)", m.role, m.number+1, m.pid) }

// start starts all processes. They are killed when the context ends.
func start(outer context.Context, queue string, o Options) (*crew, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, kill := context.WithCancel(outer)
	c := &crew{events: make(chan event), kill: kill}
	runtime.LockOSThread()
	for i := range o.Producers + o.Consumers {
		m := &member{role: producerRole, number: i}
		if i >= o.Producers {
			m.role, m.number = consumerRole, i-o.Producers
		}
		m.cmd = exec.CommandContext(ctx, exe, childVerb, m.role, queue, strconv.Itoa(m.number))
		if err := m.start(); err != nil {
			c.dismiss()
			if ended := endOf(outer); ended != nil {
				return nil, ended
			}
			return nil, fmt.Errorf("start a %s: %w", m.role, err)
		}
		c.members = append(c.members, m)
		c.left++
		go m.listen(c.events)
	}
	return c, nil
}

func (m *member) start() (err error) {
	m.cmd.Stderr = &m.stderr
	m.cmd.SysProcAttr = dependent()
	m.cmd.WaitDelay = time.Second
	if m.answer, err = m.cmd.StdoutPipe(); err != nil {
		return err
	}
	if m.role == producerRole {
		if m.orders, err = m.cmd.StdinPipe(); err != nil {
			return err
		}
	}
	if err := m.cmd.Start(); err != nil {
		return err
	}
	m.pid = m.cmd.Process.Pid
	return nil
}

// listen passes on what a child says until it has ended.
func (m *member) listen(events chan<- event) {
	in := json.NewDecoder(m.answer)
	var err error
	for {
		var msg message
		if err = in.Decode(&msg); err != nil {
			break
		}
		events <- event{from: m, message: msg}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	// How it ended tells more than how its last message did.
	if werr := m.cmd.Wait(); werr != nil {
		err = werr
	}
	if err != nil {
		err = fmt.Errorf("%v: %w", m, err)
		if said := strings.TrimSpace(m.stderr.String()); said != "" {
			err = fmt.Errorf("%w: %s", err, said)
		}
	}
	events <- event{from: m, message: message{Kind: gone}, err: err}
}

// await waits until each member has sent a message of that kind; only producers are
// done. Meanwhile it serves the ticker, which may be the zero one. Its error is that
// of the ticker, or tells which member ended before its time, or why ctx did.
func (c *crew) await(ctx context.Context, k kind, t ticker) error {
	missing := map[*member]bool{}
	for _, m := range c.members {
		if k != done || m.role == producerRole {
			missing[m] = true
		}
	}
	for len(missing) > 0 && (k != gone || c.left > 0) {
		select {
		case e := <-c.events:
			if err := c.note(ctx, e); err != nil {
				return err
			}
			if e.Kind == k {
				delete(missing, e.from)
			}
		case <-t.C:
			if err := t.f(); err != nil {
				return err
			}
		}
	}
	return nil
}

// ticker calls f at each value of C.
type ticker struct {
	C <-chan time.Time
	f func() error
}

func (c *crew) note(ctx context.Context, e event) error {
	switch e.Kind {
	case reported:
		e.from.report = e.Report
	case gone:
		c.left--
		switch {
		case ctx.Err() != nil:
			return endOf(ctx) // that is why it was killed
		case e.err != nil:
			return e.err
		case e.from.report == nil:
			return fmt.Errorf("%v ended without a report", e.from)
		}
	}
	return nil
}

// endOf returns why ctx ended, as its error and its cause; nil if it did not.
func endOf(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if err == nil || err == cause {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// order tells all producers to perform a phase. One that does not listen has died,
// and how it died tells more than the broken pipe.
func (c *crew) order(p phase) {
	for _, m := range c.of(producerRole) {
		_ = json.NewEncoder(m.orders).Encode(p)
	}
}

// release tells all producers that there are no more orders.
func (c *crew) release() {
	for _, m := range c.of(producerRole) {
		_ = m.orders.Close()
	}
}

// dismiss kills the processes that are left, and waits for the end of each.
func (c *crew) dismiss() {
	c.kill()
	for c.left > 0 {
		if e := <-c.events; e.Kind == gone {
			c.left--
		}
	}
	runtime.UnlockOSThread()
}

func (c *crew) of(role string) (ms []*member) {
	for _, m := range c.members {
		if m.role == role {
			ms = append(ms, m)
		}
	}
	return ms
}

func (c *crew) reports(role string) (rs []*report) {
	for _, m := range c.of(role) {
		rs = append(rs, m.report)
	}
	return rs
}
