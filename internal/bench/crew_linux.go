package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// dependent makes a child the parent's own affair: the kernel kills it when the parent
// dies, and a Ctrl-C reaches only the parent, as the child is not in its process group.
func dependent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// crew is the processes of a case.
type crew struct {
	ctx     context.Context
	kill    context.CancelFunc
	members []*member
	events  chan event
	left    int // members that have not ended
	failed  bool
}

type member struct {
	end    int
	cmd    *exec.Cmd
	orders io.WriteCloser
	says   *json.Decoder
	stderr bytes.Buffer
}

// event is an answer of a member, or its end.
type event struct {
	from *member
	answer
	gone bool
	err  error
}

func newCrew(ctx context.Context) *crew {
	ctx, kill := context.WithCancel(ctx)
	return &crew{ctx: ctx, kill: kill, events: make(chan event)}
}

// start starts the process of one end, with the files as its descriptors from 3 on.
func (c *crew) start(s spec, files []*os.File) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	m := &member{end: s.End, cmd: exec.CommandContext(c.ctx, exe)}
	m.cmd.Args = []string{os.Args[0], ChildVerb, string(text)} // a program may go by its name
	m.cmd.ExtraFiles = files
	m.cmd.Stderr = &m.stderr
	m.cmd.SysProcAttr = dependent()
	m.cmd.WaitDelay = time.Second
	if m.orders, err = m.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	m.says = json.NewDecoder(out)
	if s.Case.Confined && s.Core >= 0 {
		setAffinity([]int{s.Core}) // a child inherits its starter's cores
		defer unpin()
	}
	if err := m.cmd.Start(); err != nil {
		return err
	}
	c.members = append(c.members, m)
	c.left++
	go m.listen(c.events)
	return nil
}

// listen passes on what a member says until it has ended.
func (m *member) listen(events chan<- event) {
	for {
		var a answer
		if err := m.says.Decode(&a); err != nil {
			break // how it ended tells more
		}
		events <- event{from: m, answer: a}
	}
	err := m.cmd.Wait()
	if said := strings.TrimSpace(m.stderr.String()); said != "" {
		err = errors.Join(err, errors.New(said))
	}
	events <- event{from: m, gone: true, err: err}
}

// run gives an order to all, the receivers first, and returns their answers.
func (c *crew) run(ctx context.Context, o order) ([]answer, error) {
	for i := len(c.members) - 1; i >= 0; i-- {
		// One that does not listen has died, which answers tells.
		_ = json.NewEncoder(c.members[i].orders).Encode(o)
	}
	return c.answers(ctx)
}

// answers waits for an answer from each member, in the order of their ends.
func (c *crew) answers(ctx context.Context) (_ []answer, err error) {
	defer func() { c.failed = c.failed || err != nil }()
	all := make([]answer, len(c.members))
	for range c.members {
		select {
		case e := <-c.events:
			switch {
			case ctx.Err() != nil:
				c.note(e)
				return nil, context.Cause(ctx)
			case e.gone:
				c.note(e)
				return nil, fmt.Errorf("end %d has ended: %w", e.from.end, errors.Join(e.err, io.ErrUnexpectedEOF))
			case e.Error != "":
				return nil, fmt.Errorf("end %d: %s", e.from.end, e.Error)
			}
			all[e.from.end] = e.answer
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return all, nil
}

func (c *crew) note(e event) {
	if e.gone {
		c.left--
	}
}

// dismiss lets the members end, which takes them no time unless they are stuck, and
// waits until they have. After a failure some may wait for others for ever.
func (c *crew) dismiss() error {
	defer c.kill()
	for _, m := range c.members {
		_ = m.orders.Close()
	}
	if c.failed {
		c.kill()
	}
	stuck := time.After(dismissal)
	var errs []error
	for c.left > 0 {
		select {
		case e := <-c.events:
			c.note(e)
			if e.gone && e.err != nil && c.ctx.Err() == nil {
				errs = append(errs, fmt.Errorf("end %d: %w", e.from.end, e.err))
			}
		case <-stuck:
			c.kill()
			stuck = nil
		}
	}
	return errors.Join(errs...)
}

// dismissal is how long members have to end in order.
const dismissal = 2 * time.Second
