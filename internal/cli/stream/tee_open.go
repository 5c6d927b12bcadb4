package stream

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
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
	t.most = min(t.most, like.Slots) // there can't be more
	order, err := t.prepare(to, like)
	if err != nil {
		return err
	}
	opened := make([]*branch, len(to))
	for _, i := range order {
		if opened[i], err = t.branch(to[i], like); err != nil {
			break
		}
	}
	for _, b := range opened {
		if b != nil {
			t.to = append(t.to, b)
		}
	}
	return err
}

// prepare finds what is wrong with the queues that are sent to, makes those that are absent, and
// returns the order to attach in: those that are likely to refuse come first. To attach to a queue
// and leave it, because the next one refuses, would tell its receivers of the end of a stream.
func (t *tee) prepare(to []string, like *shmq.Info) (order []int, err error) {
	var good []int
	absent := make([]bool, len(to))
	for i, name := range to {
		info, err := shmq.Stat(name)
		if absent[i] = errors.Is(err, fs.ErrNotExist) && !t.flags.noCreate; absent[i] {
			continue
		}
		if err == nil {
			err = cmp.Or(t.another(name, info.CreationID), t.flags.queue.Check(name))
		}
		if err != nil {
			return nil, err
		}
		if refuses(name, info) {
			order = append(order, i)
		} else {
			good = append(good, i)
		}
	}
	var made []int
	shape := t.shape(like)
	for i, name := range to {
		if !absent[i] {
			continue
		}
		made = append(made, i)
		if len(order) > 0 { // nothing is made in vain
			continue
		}
		err := shmq.Create(name, &shape)
		if errors.Is(err, shmq.ErrNoSpace) {
			continue // to attach waits for room
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		info, err := shmq.Stat(name)
		if err == nil {
			err = t.another(name, info.CreationID)
		}
		if err != nil {
			return nil, err
		}
	}
	return slices.Concat(order, made, good), nil
}

// refuses reports whether a queue is likely to take no more producers, or none of this user.
func refuses(name string, info *shmq.Info) bool {
	alive := 0
	for _, p := range info.Participants {
		if p.Alive {
			alive++
			if p.Role == shmq.Producer && info.Producers == shmq.One {
				return true
			}
		}
	}
	if alive >= info.Seats {
		return true
	}
	path, err := shmq.Path(name)
	if err != nil {
		return true
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return true
	}
	return f.Close() != nil
}

// branch attaches to a queue that is sent to. One that is absent is made like the one that
// the records come from, as far as flags do not say otherwise.
func (t *tee) branch(name string, like *shmq.Info) (*branch, error) {
	f := t.flags
	b := &branch{skip: slices.Contains(f.skip, name)}
	o := &producer.Options{NoCreate: f.noCreate, Create: t.shape(like), AnyShape: true, Wait: f.wait, Lock: f.mlock, Admit: func() error { return f.queue.Check(name) }}
	if f.watch.Verbose {
		o.Logger = t.tty.Logger()
	}
	var err error
	if b.Raw, err = producer.OpenRaw(name, o); err != nil {
		return nil, err
	}
	if err := t.another(name, b.CreationID()); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	info, err := shmq.Stat(name)
	if err != nil {
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
	if first, twice := t.names[id]; twice && first != name {
		return fmt.Errorf("%w: %q is queue %q under another name; once is enough", shmq.ErrOption, name, first)
	}
	t.names[id] = name
	return nil
}
