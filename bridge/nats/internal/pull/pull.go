package pull

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/producer"

	"github.com/shmq/shmq/bridge/nats/internal/link"
)

// Pull is one bridge into a queue.
//
// What is in the queue is known from the queue alone: each record has the sequence of its
// message as its mark, and both become visible at once. A session begins by setting the
// consumer back to behind the mark; the server then delivers from there on, in order, and
// counts its deliveries from 1, so a gap shows. Acknowledgements only tell the server what
// it may forget; whether they arrive is of no account.
type Pull struct {
	o    Options
	to   Queue
	from *link.Link
	once link.Once

	made    uint64        // when the stream was made
	mark    producer.Mark // of the last record in the queue
	any     bool          // there is such a record
	moved   uint64        // records sent
	passed  uint64        // sequence of the last message that became a dead letter
	removed uint64        // first sequence of the stream, when that was said
	all     bool          // an acknowledgement is one of all before it
	gaps    int           // sessions in a row that a gap ended

	recs  [][]byte
	page  []byte // that they are made in, with a format
	marks []producer.Mark
	msgs  []jetstream.Msg
	batch format.Batch
}

// New returns a bridge to a queue.
func New(o Options, from *link.Link, to Queue) *Pull {
	o.Batch = max(o.Batch, 1)
	p := &Pull{o: o, to: to, from: from}
	p.once.Note = o.Note
	p.batch = format.Batch{MaxRecord: to.MaxRecord(), SlotSize: to.SlotSize(), Full: 1 << 30, Flush: func() error { return nil }}
	return p
}

// again ends a session that another one follows.
type again struct{ why string }

func (e *again) Error() string { return e.why }

// errGap ends a session in which a message is missing.
var errGap = errors.New("a gap")

// Pauses between sessions that make no progress.
const (
	firstPause = 10 * time.Millisecond
	lastPause  = 2 * time.Second
)

// Run moves messages until ctx ends, the consumer has nothing more and that is asked for,
// or an error that no waiting would mend.
func (p *Pull) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-p.from.Failed():
			cancel(p.from.Reason())
		case <-done:
		}
	}()
	var err error
	if p.mark, p.any, err = p.to.Mark(); err != nil {
		return err
	}
	defer func() { _ = p.from.NC.FlushTimeout(time.Second) }() // acknowledgements
	pause := firstPause
	for {
		before := p.moved
		err := p.session(ctx)
		var retry *again
		if !errors.As(err, &retry) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if retry.why != "" {
			p.once.Say(retry.why)
		}
		if p.moved != before {
			pause = firstPause
			continue
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		pause = min(2*pause, lastPause)
	}
}

// reached returns the sequence of the last message that is dealt with.
func (p *Pull) reached() uint64 { return max(p.mark[0], p.passed) }

// delivery is a message, or the error that no more come.
type delivery struct {
	msg jetstream.Msg
	err error
}

// aheadBytes bounds what is asked for before it can be sent.
const aheadBytes = 16 << 20

// session receives and sends until something goes wrong. It returns an *again, or how the
// bridge ends.
func (p *Pull) session(ctx context.Context) error {
	epoch, err := p.from.Ready(ctx)
	if err != nil {
		return err
	}
	p.o.Stats.Sessions.Add(1)
	consumer, pending, err := p.begin(ctx)
	if err != nil {
		return err
	}
	if p.o.UntilEmpty && pending == 0 {
		return nil
	}
	iter, err := consumer.Messages(jetstream.PullMaxMessagesWithBytesLimit(p.o.Ahead, max(aheadBytes, 2*int(p.from.NC.MaxPayload()))), jetstream.PullExpiry(30*time.Second), jetstream.PullHeartbeat(5*time.Second))
	if err != nil {
		return p.unanswered(err)
	}
	messages := make(chan delivery, p.o.Ahead)
	quit := make(chan struct{})
	defer func() {
		close(quit)
		iter.Stop()
		p.o.Stats.InFlight.Store(0)
	}()
	go func() {
		for {
			m, err := iter.Next()
			select {
			case messages <- delivery{m, err}:
			case <-quit:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	s := &session{Pull: p, next: 1, seen: p.reached()}
	for {
		select {
		case d := <-messages:
			if err := s.gather(d, messages); err != nil {
				return err
			}
		case <-epoch.Lost:
			return &again{}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := s.send(ctx); err != nil {
			return err
		}
		if s.end != nil {
			return s.ended(ctx)
		}
		if p.o.UntilEmpty && s.pending == 0 {
			return nil
		}
	}
}

// ended returns what the end of the deliveries means.
func (s *session) ended(ctx context.Context) error {
	var m *misfit
	switch {
	case errors.As(s.end, &m):
		return s.unfit(ctx, m)
	case errors.Is(s.end, errGap):
		if s.gaps++; s.gaps == 3 {
			s.o.Note("consumer %s: deliveries are missing again and again: does another client receive from it? Messages that it takes and does not acknowledge come here again", s.o.Consumer)
		}
		return &again{}
	case !s.from.NC.IsConnected(), errors.Is(s.end, jetstream.ErrConsumerDeleted):
		return &again{} // said by the link; found at the beginning of the next session
	}
	return &again{fmt.Sprintf("consumer %s: %v; the bridge begins again behind what is in the queue", s.o.Consumer, s.end)}
}
