package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/producer"
	"github.com/shmq/shmq/worker/deadletter"
)

// mover puts the records of dead letters back.
type mover struct {
	ctx   context.Context
	flags *requeueFlags
	from  *consumer.Raw
	done  *requeued
	to    map[string]*target
	// single: a letter that stays can't be passed over, as those behind it would come again.
	single bool
	kept   []consumer.Lease // of letters that stay: held to the end, so that they come once
}

// target is a queue that records go back to, or why they can't.
type target struct {
	queue *producer.Raw
	err   error
}

// run looks at n letters. The error about the first that could not be put back is
// returned when the others were.
func (m *mover) run(n int64) (bad error) {
	defer func() {
		m.done.Left = max(n-m.done.Requeued, 0)
		for i := range m.kept {
			m.kept[i].Release()
		}
	}()
	for range n {
		if err := context.Cause(m.ctx); err != nil {
			return err
		}
		if m.done.Requeued == int64(m.flags.count) {
			return bad
		}
		l, err := m.from.TryLease()
		if errors.Is(err, shmq.ErrEmpty) || err == io.EOF {
			return bad // others took some
		}
		if err != nil {
			return err
		}
		put, err := m.one(&l)
		if !put {
			m.kept = append(m.kept, l)
		}
		bad = cmp.Or(bad, err)
		if err != nil && m.ctx.Err() != nil || errors.Is(err, exit.ErrTimeout) || m.single && !put {
			return err
		}
	}
	return bad
}

// one puts the record of a letter back, and acknowledges the letter.
func (m *mover) one(l *consumer.Lease) (put bool, err error) {
	var data []byte
	if err := m.from.Guard(func() error { data = append(data, l.Bytes()...); return nil }); err != nil {
		return false, err
	}
	letter, err := deadletter.Parse(data)
	if err != nil {
		return false, notLetter(len(data), err)
	}
	if !m.flags.chosen(letter) {
		return false, nil
	}
	name := m.flags.target(letter)
	if err := m.known(name, letter); err != nil {
		return false, err
	}
	to := m.target(name)
	if to.err == nil {
		err = m.send(to.queue, letter.Record)
	}
	if err = cmp.Or(err, to.err); err != nil {
		return false, err
	}
	redelivered := l.Redelivered() > 0
	l.Ack()
	m.done.Requeued++
	m.done.To[name]++
	if redelivered {
		m.done.Before++
	}
	return true, nil
}

// known refuses a descriptor that is not the letter's queue: the number was the worker's, and
// here it may be any other queue, or this command's own file.
func (m *mover) known(name string, l *deadletter.Letter) error {
	if m.flags.to != "" || !strings.HasPrefix(name, "fd:") {
		return nil
	}
	if info, err := shmq.Stat(name); err == nil && info.CreationID == l.CreationID {
		return nil
	}
	return fmt.Errorf("%w: %q was a descriptor of the worker, and is not that queue here; name the queue with --to", fs.ErrNotExist, name)
}

// target opens a queue, once.
func (m *mover) target(name string) *target {
	t := m.to[name]
	if t == nil {
		t = &target{}
		m.to[name] = t
		t.queue, t.err = m.open(name)
	}
	return t
}

// open opens a queue that records go back to. A queue with checksums has each on the disk
// before its letter is acknowledged.
func (m *mover) open(name string) (*producer.Raw, error) {
	info, err := shmq.Stat(name)
	if err != nil {
		return nil, err
	}
	o := &producer.Options{NoCreate: true}
	if info.Checksum {
		o.Durability.Every = 1
	}
	// Before it attaches: the end of a stream there would be undone.
	if err := m.another(name, info.CreationID); err != nil {
		return nil, err
	}
	if info.Consumers == shmq.Each && m.flags.to == "" {
		return nil, fmt.Errorf("%w: each consumer of queue %q gets every record, so all would get this one, and not only the one that failed; name that queue with --to if that is meant, or another one", shmq.ErrOption, name)
	}
	p, err := producer.OpenRaw(name, o)
	if err != nil {
		return nil, err
	}
	if err := m.another(name, p.CreationID()); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// another refuses the queue that the letters are in.
func (m *mover) another(name, id string) error {
	if id != m.from.CreationID() {
		return nil
	}
	return fmt.Errorf("%w: %q is the queue of the letters itself; name another one with --to", shmq.ErrOption, name)
}

// send sends a record, and waits for room.
func (m *mover) send(to *producer.Raw, record []byte) error {
	ctx, cancel := m.ctx, context.CancelFunc(func() {})
	if d := m.flags.timeout.Value(); d > 0 {
		ctx, cancel = context.WithTimeoutCause(ctx, d, exit.ErrTimeout)
	}
	defer cancel()
	err := exit.Ended(ctx, to.Send(ctx, record))
	if err == exit.ErrTimeout {
		return fmt.Errorf("%w: there was no room in queue %q for %v", err, to.Name(), m.flags.timeout.Value())
	}
	if err == nil { // or it went to a queue that nobody finds any more
		err = to.Check()
	}
	return err
}

func (m *mover) close() (err error) {
	for _, t := range m.to {
		if t.queue != nil {
			err = errors.Join(err, t.queue.Close())
		}
	}
	return err
}
