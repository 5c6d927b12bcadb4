package worker

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"sync"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/crew"
	"github.com/shmq/shmq/internal/intake"
)

// Run opens the queue of that name, makes it if it is absent, and calls handle for each
// record until the stream ends or ctx does. handle is called by several goroutines at a
// time if opts.Jobs says so. Its context has the values of ctx, and ends when
// opts.Timeout or opts.Grace is over.
//
// Run returns when all handlers have returned and the queue is closed: nil at the end of
// the stream and after ctx has ended; *FailedError when a record failed for good and the
// options have no place for it; an error that wraps that of Fatal; *consumer.LaggedError (see
// Options.OnLagged); shmq.ErrOption,
// codec.ErrType, and what consumer.OpenRaw and the calls of a consumer return. opts may be nil.
func Run[T any](ctx context.Context, queue string, opts *Options[T], handle func(ctx context.Context, r Record[T]) error) error {
	o, err := opts.check(queue, false)
	if err != nil {
		return err
	}
	return run(ctx, queue, o, single(handle))
}

// RunBatch is Run for a handler that works on several records at a time, as many as are
// ready, up to opts.Batch. If it returns nil all are acknowledged, if it returns an error
// all are tried again, together; BatchError tells them apart.
func RunBatch[T any](ctx context.Context, queue string, opts *Options[T], handle func(ctx context.Context, rs []Record[T]) error) error {
	o, err := opts.check(queue, true)
	if err != nil {
		return err
	}
	return run(ctx, queue, o, handle)
}

// RunRaw is Run for bytes: the record as it is, whatever opts.Consumer.Codec says.
func RunRaw(ctx context.Context, queue string, opts *Options[[]byte], handle func(ctx context.Context, r Record[[]byte]) error) error {
	o, err := opts.check(queue, false)
	if err != nil {
		return err
	}
	o.Consumer.Codec = codec.Bytes()
	return run(ctx, queue, o, single(handle))
}

// RunRawBatch is RunBatch for bytes.
func RunRawBatch(ctx context.Context, queue string, opts *Options[[]byte], handle func(ctx context.Context, rs []Record[[]byte]) error) error {
	o, err := opts.check(queue, true)
	if err != nil {
		return err
	}
	o.Consumer.Codec = codec.Bytes()
	return run(ctx, queue, o, handle)
}

// single makes a handler of batches of one.
func single[T any](handle func(context.Context, Record[T]) error) func(context.Context, []Record[T]) error {
	return func(ctx context.Context, rs []Record[T]) error { return handle(ctx, rs[0]) }
}

func run[T any](ctx context.Context, queue string, o *Options[T], handle func(context.Context, []Record[T]) error) (err error) {
	if err := codec.CheckDecode(o.Consumer.Codec, reflect.TypeFor[T]()); err != nil {
		return &shmq.Error{Op: "work on", Queue: queue, Err: err}
	}
	c, err := consumer.OpenRaw(queue, &o.Consumer)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	h := &hands[T]{queue: queue, codec: o.Consumer.Codec, key: o.Key, handle: handle, log: o.Logger}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	from, err := intake.New(c)
	if err != nil {
		return err
	}
	from.Lagged = h.lagged(o)
	config := crew.Config{
		From: from, Jobs: o.Jobs, Batch: o.Batch,
		Retries: o.Retries, First: o.RetryAfter, Last: o.RetryMost, Timeout: o.Timeout, Grace: o.Grace,
		Drop: o.Drop, Prepare: h.prepare, Keyed: o.Key != nil, Handle: h.work, Observe: h.observe, Left: -1,
	}
	if o.DeadLetter != "" {
		if config.Dead, err = crew.OpenDeadQueue(o.DeadLetter, from.All(), h.waits); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, config.Dead.Close()) }()
	}
	err = crew.New(config).Run(ctx)
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return nil
	}
	return explain(queue, err)
}

// hands stand between the engine, which knows bytes, and a handler of values.
type hands[T any] struct {
	queue  string
	key    func(T) string
	handle func(context.Context, []Record[T]) error
	log    *slog.Logger

	mu    sync.Mutex // a codec is for one goroutine at a time
	codec codec.Codec
}

// prepare decodes a record when it is taken.
func (h *hands[T]) prepare(r *crew.Record) (key string, err error) {
	v, err := h.decode(r)
	if err != nil {
		return "", err
	}
	r.Value = v
	if h.key != nil {
		key = h.key(*v)
	}
	return key, nil
}

// decode decodes a record into a value of its own.
func (h *hands[T]) decode(r *crew.Record) (*T, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := new(T)
	if err := h.codec.Decode(r.Data, v); err != nil {
		return nil, &consumer.DecodeError{Queue: h.queue, Record: r.Data, Err: err}
	}
	return v, nil
}

// work calls the handler. It gets a new value for each attempt, as it may have changed the
// last one.
func (h *hands[T]) work(ctx context.Context, rs []*crew.Record) error {
	out := make([]Record[T], len(rs))
	for i, r := range rs {
		v, _ := r.Value.(*T)
		if v == nil {
			var err error
			if v, err = h.decode(r); err != nil {
				return err
			}
		}
		r.Value = nil
		out[i] = Record[T]{Value: *v, Queue: h.queue, ID: r.ID, SentAt: r.SentAt, Number: r.Number, Attempt: r.Attempt, Redelivered: r.Redelivered}
	}
	err := h.handle(ctx, out)
	var each BatchError
	if !errors.As(err, &each) {
		return err
	}
	if fatal := (*crew.Fatal)(nil); errors.As(err, &fatal) {
		return errors.Join(fatal, crew.Partial(each))
	}
	return crew.Partial(each)
}
