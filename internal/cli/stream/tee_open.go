package stream

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
)

// branch is a queue that the records are sent to.
type branch struct {
	*producer.Raw
	skip    bool // records are left out while it is full
	sync    bool // it has checksums: records have to be on the disk
	sent    int  // of the records in hand
	skipped uint64
}

// open attaches to all queues.
func (t *tee) open(from string, to []string) (err error) {
	f := t.flags
	// Strict: it has to know whether there was a mark, to mark the ends of the others.
	o := &consumer.Options{NoCreate: f.noCreate, Create: f.queue.Options(), AnyShape: true, UntilEOF: f.untilEOF, Strict: true, Wait: f.wait, Lock: f.mlock}
	f.subscribe.Apply(from, &f.queue, o)
	if f.watch.Verbose {
		o.Logger = t.tty.Logger()
	}
	if t.from, err = consumer.OpenRaw(from, o); err != nil {
		return err
	}
	like, err := shmq.Stat(from)
	if err != nil {
		return err
	}
	for _, name := range to {
		b, err := t.branch(name, like)
		if err != nil {
			return err
		}
		t.to = append(t.to, b)
	}
	return nil
}

// branch attaches to a queue that is sent to. One that is absent is made like the one that
// the records come from, as far as flags do not say otherwise.
func (t *tee) branch(name string, like *shmq.Info) (*branch, error) {
	f := t.flags
	b := &branch{skip: slices.Contains(f.skip, name)}
	// Before it attaches: the end of a stream there would be undone.
	info, err := shmq.Stat(name)
	switch {
	case err == nil:
		err = t.another(name, info.CreationID)
	case errors.Is(err, fs.ErrNotExist) && !f.noCreate:
		err = nil
	}
	if err != nil {
		return nil, err
	}
	o := &producer.Options{NoCreate: f.noCreate, Create: t.shape(like), AnyShape: true, Wait: f.wait, Lock: f.mlock, Admit: func() error { return f.queue.Check(name) }}
	if f.watch.Verbose {
		o.Logger = t.tty.Logger()
	}
	if b.Raw, err = producer.OpenRaw(name, o); err != nil {
		return nil, err
	}
	if err := t.another(name, b.CreationID()); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	if info, err = shmq.Stat(name); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	b.sync = info.Checksum
	if b.skip { // more at a time would not fit, however fast its receivers are
		t.most = max(min(t.most, info.Slots/2), 1)
	}
	return b, nil
}

// shape says what a new queue is like.
func (t *tee) shape(like *shmq.Info) shmq.Options {
	o := t.flags.queue.Options()
	for _, n := range []struct {
		of *int
		is int
	}{{&o.Slots, like.Slots}, {&o.SlotSize, like.SlotSize}, {&o.Seats, like.Seats}} {
		if *n.of == 0 {
			*n.of = n.is
		}
	}
	o.Checksum = o.Checksum || like.Checksum
	o.Timestamps = o.Timestamps || like.Timestamps
	if mode, err := strconv.ParseUint(like.Mode, 8, 32); err == nil && !t.flags.ownMode {
		o.Mode = fs.FileMode(mode)
	}
	return o
}

// another refuses a queue that has two names, the one that the records come from first of all.
func (t *tee) another(name, id string) error {
	if id == t.from.CreationID() {
		return fmt.Errorf("%w: %q is queue %q itself, where the records come from; name another one", shmq.ErrOption, name, t.from.Name())
	}
	for _, b := range t.to {
		if id == b.CreationID() {
			return fmt.Errorf("%w: %q is queue %q under another name; once is enough", shmq.ErrOption, name, b.Name())
		}
	}
	return nil
}
