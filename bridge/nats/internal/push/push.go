package push

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/cli/format"

	"github.com/shmq/shmq/bridge/nats/internal/link"
)

// Push is one bridge out of a queue.
//
// It holds the leases of all records that it does not know to be in the stream, in the
// order of the queue. A session publishes them from the oldest on; the answers of the server
// settle them from the oldest on. Whatever goes wrong, a refusal, a silence, a lost
// connection, ends the session, and the next one begins by looking at what is in the stream
// (look.go). A death leaves the leases to the next bridge, which begins in the same way.
//
// Two things keep a record from being there twice: its id, which the stream remembers
// for its duplicate window, and the look at the last message of the stream. One thing keeps
// the order: each message names the one that it follows (Nats-Expected-Last-Msg-Id), so
// none is stored unless the one before it was.
type Push struct {
	o    Options
	from *consumer.Raw
	to   *link.Link
	once link.Once

	// leases[lo:hi] and items[lo:hi] are the records held; those before next were
	// published in this session. number is that of items[lo], counted over all.
	leases       []consumer.Lease
	items        []item
	lo, next, hi int
	number       uint64
	bytes        int   // published and not answered
	placed       bool  // a look was made with records in hand
	over         error // why no more are taken

	made      uint64   // when the stream was made
	subjects  []string // of the stream
	covered   bool     // the subject is the same for all records, and the stream's
	limit     int      // of a message, headers and payload
	last      string   // id of the last message in the stream, "" if it has none
	sequence  uint64   // of the last message that is known to be ours; 0: not known
	single    bool     // no chain, one at a time
	refusals  int      // sessions in a row that ended without any progress
	confirmed uint64

	name    string // of the queue, for headers
	ids     idText
	msg     nats.Msg
	scratch []byte
	page    format.Page
}

// item is what is known of a record beside its lease.
type item struct {
	id      string
	subject string
	size    int
}

// New returns a bridge from a queue, for which from is the consumer.
func New(o Options, from *consumer.Raw, to *link.Link) *Push {
	o.InFlight = min(max(o.InFlight, 1), MaxInFlight)
	p := &Push{o: o, from: from, to: to, single: o.Single, name: printable(from.Name()), leases: make([]consumer.Lease, 2*MaxInFlight), items: make([]item, 2*MaxInFlight)}
	p.once.Note = o.Note
	p.msg.Header = nats.Header{}
	return p
}

// again ends a session that another one follows.
type again struct{ why string }

func (e *again) Error() string { return e.why }

// Pauses between sessions that make no progress.
const (
	firstPause = 10 * time.Millisecond
	lastPause  = 2 * time.Second
)

// Run moves records until ctx ends, the stream of the queue does, or an error that no
// waiting would mend. What is not acknowledged then goes back to the queue when the
// consumer is closed.
func (p *Push) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work, stop := context.WithCancel(context.WithoutCancel(ctx)) // goes on a while
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(p.o.Grace, stop) })()
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-p.to.Failed():
			cancel(p.to.Reason())
		case <-done:
		}
	}()
	pause := firstPause
	for {
		before := p.confirmed
		err := p.session(ctx, work)
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
		if p.confirmed != before {
			pause, p.refusals = firstPause, 0
			continue
		}
		p.refusals++
		if p.refusals == 1 {
			continue
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, lastPause)
	}
}

// session publishes and settles records until something goes wrong. It returns an *again,
// or how the bridge ends.
func (p *Push) session(ctx, work context.Context) error {
	epoch, err := p.to.Ready(ctx)
	if err != nil {
		return err
	}
	p.o.Stats.Sessions.Add(1)
	p.next, p.bytes = p.lo, 0
	if err := p.look(work); err != nil {
		return err
	}
	s := &session{Push: p, epoch: epoch, inbox: p.to.NC.NewInbox() + ".", answers: make(chan *nats.Msg, 2*MaxInFlight)}
	s.good = fmt.Appendf(nil, `{"stream":%q,"seq":`, p.o.Stream)
	sub, err := p.to.NC.ChanSubscribe(s.inbox+"*", s.answers)
	if err != nil {
		return &again{}
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection may be gone
	defer func() { p.o.Stats.InFlight.Store(0) }()
	for {
		had := p.hi - p.lo
		if err := p.take(ctx); err != nil {
			return err
		}
		if !p.placed && p.hi-p.lo > had { // what a dead bridge held comes in parts
			continue
		}
		if !p.placed && p.lo < p.hi { // all that an earlier bridge may have published are held now
			if err := p.look(work); err != nil {
				return err
			}
			p.placed = true
			continue
		}
		if p.lo == p.hi {
			return p.ended()
		}
		if err := p.from.Guard(func() error { return s.publish(ctx) }); err != nil {
			return err
		}
		if err := s.collect(work); err != nil {
			return err
		}
	}
}

// ended returns how a bridge ends that holds no record and takes none.
func (p *Push) ended() error {
	if p.over == io.EOF {
		return nil
	}
	return p.over
}

// room makes room for more leases, and returns for how many.
func (p *Push) room() int {
	in := p.o.InFlight
	if p.single {
		in = 1
	}
	if !p.placed {
		in = MaxInFlight
	}
	n := max(in-(p.hi-p.lo), 0)
	if p.hi+n > len(p.leases) {
		copy(p.leases, p.leases[p.lo:p.hi])
		copy(p.items, p.items[p.lo:p.hi])
		p.next, p.hi, p.lo = p.next-p.lo, p.hi-p.lo, 0
	}
	return n
}

// take leases records: it waits for one if none is held.
func (p *Push) take(ctx context.Context) error {
	if p.over == nil && ctx.Err() != nil {
		p.over = context.Cause(ctx)
	}
	n := p.room()
	if p.over != nil || n <= 0 || p.bytes >= p.o.InFlightBytes {
		return nil
	}
	into := p.leases[p.hi : p.hi+n]
	var err error
	if p.lo < p.hi || p.o.UntilEmpty {
		n, err = p.from.TryLeaseBatch(into)
	} else {
		n, err = p.from.LeaseBatch(ctx, into)
	}
	switch {
	case err == nil:
	case errors.Is(err, shmq.ErrEmpty):
		if p.o.UntilEmpty && p.lo == p.hi {
			p.over = io.EOF
		}
		return nil
	case errors.Is(err, shmq.ErrBrokenOff) && !p.o.Strict:
		p.o.Note("%v", err)
		p.over = io.EOF
		return nil
	case err == io.EOF:
		p.over = io.EOF
		return nil
	case ctx.Err() != nil:
		p.over = context.Cause(ctx)
		return nil
	default:
		if p.lo == p.hi {
			return err
		}
		p.over = err // after what is held
		return nil
	}
	for i := range into[:n] {
		p.items[p.hi] = item{id: p.ids.of(into[i].ID()), size: len(into[i].Bytes())}
		p.hi++
	}
	return nil
}

// settle acknowledges the n oldest records: they are in the stream.
func (p *Push) settle(n int) {
	if n <= 0 {
		return
	}
	bytes := 0
	for _, it := range p.items[p.lo : p.lo+n] {
		bytes += it.size
	}
	p.from.AckBatch(p.leases[p.lo : p.lo+n])
	clear(p.items[p.lo : p.lo+n])
	p.lo += n
	p.next = max(p.next, p.lo)
	p.number += uint64(n)
	p.confirmed += uint64(n)
	p.o.Stats.Moved(n, bytes)
	if p.lo == p.hi {
		p.lo, p.next, p.hi = 0, 0, 0
	}
	if p.once.Said() != "" {
		p.once.Over("stream " + p.o.Stream + ": records get through again")
	}
}
