package rpc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/crew"
	"github.com/shmq/shmq/internal/sys"
)

const (
	firstPause = 10 * time.Millisecond // of a request that can't be begun with for want of something
	lastPause  = time.Second
)

// server answers the requests of a queue. A crew takes them: a request is acknowledged when work
// has returned, so a server that is killed before leaves it to another one.
type server struct {
	*ServeOptions
	queue  string
	handle func(ctx context.Context, request []byte) ([]byte, error)
	peers  *peers
}

// work answers a request. What it returns is nil but for the errors of package crew by which a
// handler says that it could not begin.
func (s *server) work(ctx context.Context, rs []*crew.Record) error {
	rec := rs[0]
	if rec.Redelivered > 0 && rec.Value == nil {
		rec.Value = struct{}{} // it may be tried again
		s.Counters.Redelivered.Add(1)
	}
	r, err := parseRequest(rec.Data)
	if err != nil {
		return s.refuse(rec, err)
	}
	if expired(&r) {
		s.Counters.Expired.Add(1)
		return nil
	}
	p, err := s.peers.use(r.client)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.Counters.Gone.Add(1)
		return nil
	case errors.Is(err, shmq.ErrRefused): // this process has as many files as it can: not the client's fault
		return &crew.Shortage{Err: err}
	case err != nil:
		return s.refuse(rec, err)
	}
	defer s.peers.done(p)
	if !p.seal.holds(rec.Data, r.call) {
		return s.refuse(rec, errors.New("it is not as its client made it"))
	}
	if s.attach(ctx, p, &r) != nil {
		return nil
	}
	return s.answer(ctx, p, rec, &r)
}

func expired(r *request) bool { return r.deadline != 0 && left(r) <= 0 }

// left returns the time until the deadline of a request that has one.
func left(r *request) time.Duration {
	return time.Duration(int64(min(r.deadline, 1<<63-1)) - sys.MonotonicNanos())
}

func (s *server) refuse(rec *crew.Record, why error) error {
	s.Counters.Refused.Add(1)
	s.Logger.Warn("shmq: a request is refused", "queue", s.queue, "request", rec.Number, "error", why)
	return nil
}

// attach waits until the client's queue is attached to, for AnswerWait, once. A request that can't be
// answered is not handled.
func (s *server) attach(ctx context.Context, p *peer, r *request) error {
	if p.isAttached() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.patience(r))
	defer cancel()
	err := p.ready(ctx, s.AnswerWait)
	if err != nil {
		s.drop(p, r, err)
	}
	return err
}

// answer handles a request and sends what came of it.
func (s *server) answer(ctx context.Context, p *peer, rec *crew.Record, r *request) error {
	info := &Info{
		Queue: s.queue, ID: rec.ID, Number: rec.Number, Attempt: rec.Attempt, Redelivered: rec.Redelivered, SentAt: rec.SentAt,
		MaxAnswer: maxPayload(p.out.MaxRecord(), answerOverhead),
	}
	done := false
	defer func() {
		if !done { // the handler has ended its goroutine; the crew goes on with another one
			s.send(ctx, p, r, nil, &Error{CodePanic, "the handler ended its goroutine"})
		}
	}()
	payload, err := s.call(ctx, p, r, info)
	done = true
	var failed *Error
	var short *crew.Shortage
	var fatal *crew.Fatal
	switch {
	case errors.As(err, &short) && r.deadline == 0, errors.As(err, &short) && !expired(r), errors.As(err, &fatal):
		return err
	case err != nil && expired(r): // by that, most often: the client has given up by itself, or is about to
		s.drop(p, r, context.DeadlineExceeded)
		return nil
	case err != nil:
		failed = asError(err)
	case len(payload) > info.MaxAnswer:
		failed = &Error{CodeTooLarge, fmt.Sprintf("the answer has %d bytes, the client takes up to %d (DialOptions.MaxAnswer, shmq call --max-answer)", len(payload), info.MaxAnswer)}
	}
	s.send(ctx, p, r, payload, failed)
	return nil
}

// call calls the handler, and makes a panic an error.
func (s *server) call(ctx context.Context, p *peer, r *request, info *Info) (payload []byte, err error) {
	ctx, cancel := context.WithCancelCause(context.WithValue(ctx, infoKey{}, info))
	defer cancel(nil)
	defer context.AfterFunc(p.gone, func() { cancel(ErrClientGone) })()
	if r.deadline != 0 {
		var over context.CancelFunc
		ctx, over = context.WithTimeout(ctx, left(r))
		defer over()
	}
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			s.Logger.Error("shmq: a handler panicked", "queue", s.queue, "request", info.Number, "panic", v, "stack", string(debug.Stack()))
			err = &Error{CodePanic, fmt.Sprintf("panic: %v", v)}
		}
	}()
	payload, err = s.handle(ctx, r.payload)
	if err != nil {
		err = sound(err)
	}
	returned = true
	return payload, err
}

// sound returns err, or what came of its methods if they panic.
func sound(err error) error {
	var short *crew.Shortage
	var fatal *crew.Fatal
	e := asError(err)
	if e.Code == CodePanic {
		return e
	}
	if errors.As(err, &short) || errors.As(err, &fatal) {
		return err
	}
	return e
}

// send sends an answer, or an error, and counts it. It waits for room for a bounded time, and
// not for a call whose time is over.
func (s *server) send(ctx context.Context, p *peer, r *request, payload []byte, failed *Error) {
	var record []byte
	if failed == nil {
		record = appendAnswer(make([]byte, 0, len(payload)+answerOverhead), r.call, payload)
	} else {
		record = appendError(nil, r.call, failed, p.out.MaxRecord())
	}
	err := p.gone.Err()
	if err == nil {
		err = p.trySend(record)
	}
	if err == errNoRoom && !p.stall.over.Load() {
		err = s.wait(ctx, p, r, record)
	}
	switch {
	case err == nil && failed == nil:
		s.Counters.Answered.Add(1)
	case err == nil:
		s.Counters.Failed.Add(1)
	default:
		s.drop(p, r, err)
	}
}

// wait sends an answer when there is room, and gives up on the client when there was none for
// AnswerWait. An answer whose call has given up does not wait.
func (s *server) wait(ctx context.Context, p *peer, r *request, record []byte) (err error) {
	if expired(r) {
		return errNoRoom
	}
	p.stall.begin()
	defer func() { p.stall.end(err == nil, s.AnswerWait) }()
	// The contexts of a handler and of the server end for other reasons.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.patience(r))
	defer cancel()
	defer context.AfterFunc(p.gone, cancel)()
	return p.send(ctx, record)
}

// drop gives up on an answer. The client is told when it takes answers again, unless it is gone or
// does not wait any longer.
func (s *server) drop(p *peer, r *request, why error) {
	s.Counters.Dropped.Add(1)
	if p.gone.Err() == nil && !expired(r) {
		p.lose(r.call)
		s.Logger.Warn("shmq: an answer is dropped", "queue", s.queue, "client", p.path, "error", why)
	}
}

// patience is how long an answer waits for room.
func (s *server) patience(r *request) time.Duration {
	if r.deadline == 0 {
		return s.AnswerWait
	}
	return min(s.AnswerWait, left(r))
}

// observe logs what the crew tells.
func (s *server) observe(e crew.Event) {
	attrs := []any{"queue", s.queue, "request", e.Records[0].Number, "error", e.Err}
	switch e.Kind {
	case crew.Short:
		s.Logger.Warn("shmq: a request has to wait", attrs...)
	case crew.Late:
		s.Logger.Warn("shmq: a handler goes on though its time is over", attrs...)
	}
}
