package crew

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
	"github.com/shmq/shmq/worker/deadletter"
)

// DeadQueue is the queue that the dead letters of one worker go to. It is made when the
// first one is sent. Its methods are safe for concurrent use.
type DeadQueue struct {
	name string
	from []origin
	like *shmq.Info // of the queue that the records are in; of several, the one with the largest letters
	note func(error)

	opening func() // called before the queue is attached to, if a test wants to

	turn chan struct{} // holds one token; a lock that a context can give up
	to   *producer.Raw // nil before the first letter, and when the queue was removed
	left bool          // Close was called
}

// The pauses between two tries while something is short.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 10 * time.Second
)

// OpenDeadQueue returns the queue of that name for records of all from. It is looked at if it exists.
// Errors, which wrap shmq.ErrOption: it is a queue that the records come from, whatever
// the two are called; its records are smaller than a dead letter may be; each consumer gets
// every record of it. Others: those of
// shmq.Stat. note, unless nil, is told, once a letter, what a letter has to wait for.
func OpenDeadQueue(name string, from []*consumer.Raw, note func(error)) (*DeadQueue, error) {
	q := &DeadQueue{name: name, note: note, turn: make(chan struct{}, 1)}
	for _, c := range from {
		if err := q.serve(c); err != nil {
			return nil, err
		}
	}
	if q.note == nil {
		q.note = func(error) {}
	}
	if _, err := shmq.Path(name); err != nil {
		return nil, err
	}
	return q, q.look()
}

// Name returns the queue's name.
func (q *DeadQueue) Name() string { return q.name }

// look checks the queue if it exists.
func (q *DeadQueue) look() error {
	info, err := shmq.Stat(q.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return q.check(info)
}

// check refuses a queue that would loop, that has no room for some records, or that keeps none.
func (q *DeadQueue) check(info *shmq.Info) error {
	if info.Consumers == shmq.Each {
		return q.refuse("each consumer of it gets every record, so that a letter which nobody has subscribed to would be lost; name a queue whose consumers share its records")
	}
	for i := range q.from {
		if info.CreationID == q.from[i].letter.CreationID {
			return q.refuse("it is queue %q itself, by another name or the same; want another queue", q.from[i].letter.Queue)
		}
	}
	if most := q.largest(); info.MaxRecord < most.need() {
		return q.refuse("its records have up to %d bytes, and a dead letter of queue %q up to %d; remove it, and it is made anew with the first letter; or make it with --slots %d --slot-size %d",
			info.MaxRecord, most.letter.Queue, most.need(), q.like.Slots, q.slotSize())
	}
	return nil
}

func (q *DeadQueue) refuse(format string, args ...any) error {
	return &shmq.Error{Op: "send dead letters to", Queue: q.name, Err: fmt.Errorf("%w: %s", shmq.ErrOption, fmt.Sprintf(format, args...))}
}

// slotSize returns the slot size with which a queue of as many slots has room for each
// letter with all its parts.
func (q *DeadQueue) slotSize() int {
	const unit = 64
	each := max(q.like.Slots/2, 1)
	need := q.largest().need() + deadletter.MaxDetails
	return ((need+each-1)/each + unit - 1) / unit * unit
}

// Send sends a letter, and waits for whatever is short until ctx ends: room in the queue,
// space for it, a seat. A queue that was removed, or replaced, is made anew, or attached to
// anew, and gets the letter. The parts of the letter that are the worker's are filled in, by its Queue. When
// it returns nil the letter is in the queue, and on the disk if that queue has checksums.
// Other errors say that no waiting would help; shmq.ErrClosed after Close.
func (q *DeadQueue) Send(ctx context.Context, l deadletter.Letter) error {
	select {
	case q.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-q.turn }()
	switch {
	case ctx.Err() != nil: // though there was a turn
		return context.Cause(ctx)
	case q.left:
		return &shmq.Error{Op: "send dead letters to", Queue: q.name, Err: shmq.ErrClosed}
	}
	for i := range q.from {
		if o := &q.from[i].letter; o.Queue == l.Queue {
			l.Path, l.CreationID, l.Host, l.PID = o.Path, o.CreationID, o.Host, o.PID
		}
	}
	told := false
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := q.try(ctx, &l, &told)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if final(err) {
			return err
		}
		if !told {
			told = true
			q.note(err)
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		}
	}
}

// try sends a letter if there is a queue for it.
func (q *DeadQueue) try(ctx context.Context, l *deadletter.Letter, told *bool) error {
	if q.to == nil {
		if err := q.open(); err != nil {
			return err
		}
	}
	b := l.Append(nil, q.to.MaxRecord())
	err := q.to.TrySend(b)
	if errors.Is(err, shmq.ErrFull) {
		if !*told {
			*told = true
			q.note(err)
		}
		err = q.to.Send(ctx, b)
	}
	if errors.Is(err, shmq.ErrSync) {
		err = q.sync(ctx, err)
	}
	if err == nil { // or it went to a queue that nobody finds any more
		err = q.to.Check()
	}
	if lost(err) { // make it anew
		_ = q.to.Close() // it says the same again
		q.to = nil
	}
	return err
}

// sync goes on until a letter that is in the queue is on the disk: sent again it would be
// there twice. It ends when the queue is lost, and the letter with it.
func (q *DeadQueue) sync(ctx context.Context, err error) error {
	q.note(err)
	for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, lastPause) {
		if err = q.to.Check(); taken(err) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		if err = q.to.Sync(); !errors.Is(err, shmq.ErrSync) || taken(err) {
			return err
		}
	}
	return err
}

// lost reports whether a queue that was attached to is of no more use.
func lost(err error) bool { return taken(err) || errors.Is(err, shmq.ErrNoSpace) }

// taken reports whether a queue that was attached to has gone, with what was in it.
func taken(err error) bool {
	return errors.Is(err, shmq.ErrRemoved) || errors.Is(err, shmq.ErrTruncated) || errors.Is(err, shmq.ErrDamaged)
}

// open attaches to the queue, and makes it if it is absent: with as many slots, seats and
// rights as the one the records are in, and larger slots. The meaning of the name may have
// changed since it was looked at.
func (q *DeadQueue) open() error {
	if err := q.look(); err != nil {
		return err
	}
	mode, err := modeOf(q.like)
	if err != nil {
		return err
	}
	o := &producer.Options{AnyShape: true, Create: shmq.Options{
		Slots: q.like.Slots, SlotSize: q.slotSize(), Seats: q.like.Seats, Mode: mode, Checksum: q.like.Checksum, Timestamps: q.like.Timestamps,
	}}
	p, info, err := q.attach(o)
	if err != nil {
		return err
	}
	if err := q.check(info); err != nil {
		return errors.Join(err, p.Close())
	}
	q.to = p
	return nil
}

// attach opens a producer that syncs each letter if the queue has checksums, and returns what the
// queue is like.
func (q *DeadQueue) attach(o *producer.Options) (*producer.Raw, *shmq.Info, error) {
	o.NoCreate = true
	before, err := shmq.Stat(q.name)
	if errors.Is(err, fs.ErrNotExist) {
		o.NoCreate = false
		before = &shmq.Info{Checksum: o.Create.Checksum}
	} else if err != nil {
		return nil, nil, err
	}
	if before.Checksum {
		o.Durability.Every = 1
	}
	if q.opening != nil {
		q.opening()
	}
	p, err := producer.OpenRaw(q.name, o)
	info, statErr := shmq.Stat(q.name)
	switch {
	case statErr == nil && info.Checksum != before.Checksum, p != nil && statErr == nil && info.CreationID != p.CreationID():
		err = errors.Join(err, fmt.Errorf("%w: another one has its name", shmq.ErrRemoved))
	case p != nil && statErr != nil:
		err = statErr
	}
	if errors.Is(err, fs.ErrNotExist) && (o.NoCreate || p != nil) { // removed since
		err = fmt.Errorf("%w: %w", shmq.ErrRemoved, err)
	}
	if err != nil && p != nil {
		_ = p.Close() // it may say that it was removed
	}
	return p, info, err
}

// Close leaves the queue, when no letter is being sent.
func (q *DeadQueue) Close() error {
	q.turn <- struct{}{}
	defer func() { <-q.turn }()
	q.left = true
	if q.to == nil {
		return nil
	}
	err := q.to.Close()
	q.to = nil
	return err
}
