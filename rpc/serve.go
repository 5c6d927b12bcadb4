package rpc

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/crew"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/intake"
)

// Serve opens the request queue of that name, makes it if it is absent, and answers each request
// with what handle returns for it, until ctx ends. handle is called by several goroutines at a
// time if opts.Jobs says so. Its context has the values of the context of Serve, an Info (see InfoFrom) and the
// deadline of the request, and ends early when the client is gone.
//
// An error that handle returns is the client's *Error: one that is or wraps an *Error as it is, any
// other with CodeFailed. A panic is one with CodePanic, and is logged with its stack.
//
// When ctx ends Serve takes no more requests, waits for the handlers that run, sends their answers and
// returns nil. Others are left to other servers. It returns shmq.ErrOption, also for a queue of which each
// consumer gets every record, shmq.ErrName for a queue
// without a name in a directory, codec.ErrType, and what consumer.OpenRaw and the calls of a consumer
// return. opts may be nil.
func Serve[Req, Resp any](ctx context.Context, queue string, opts *ServeOptions, handle func(ctx context.Context, request Req) (Resp, error)) error {
	o, err := opts.check()
	if err == nil {
		err = codec.CheckDecode(o.Codec, reflect.TypeFor[Req]())
	}
	if err == nil {
		err = codec.CheckAppend(o.Codec, reflect.TypeFor[Resp]())
	}
	if err != nil {
		return fail.In(opServe, queue, err)
	}
	var mu sync.Mutex // a codec is for one goroutine at a time
	return serve(ctx, queue, o, func(ctx context.Context, request []byte) ([]byte, error) {
		var req Req
		if err := coded(&mu, func() error { return o.Codec.Decode(request, &req) }); err != nil {
			return nil, &Error{CodeBadRequest, err.Error()}
		}
		resp, err := handle(ctx, req)
		if err != nil {
			return nil, err
		}
		var answer []byte
		if err := coded(&mu, func() (err error) { answer, err = o.Codec.Append(nil, &resp); return err }); err != nil {
			return nil, &Error{CodeBadAnswer, err.Error()}
		}
		return answer, nil
	})
}

// ServeRaw is Serve for bytes. handle may keep and change the request; it must not change the
// answer any more.
func ServeRaw(ctx context.Context, queue string, opts *ServeOptions, handle func(ctx context.Context, request []byte) ([]byte, error)) error {
	o, err := opts.check()
	if err != nil {
		return fail.In(opServe, queue, err)
	}
	return serve(ctx, queue, o, handle)
}

const opServe = "serve"

func serve(ctx context.Context, queue string, o *ServeOptions, handle func(context.Context, []byte) ([]byte, error)) (err error) {
	if err := refuseNameless(queue); err != nil { // before it is made
		return fail.In(opServe, queue, err)
	}
	admit, err := sharedOnly(queue, &o.Create, o.Admit)
	if err != nil {
		return fail.In(opServe, queue, err)
	}
	in, err := consumer.OpenRaw(queue, &consumer.Options{NoCreate: o.NoCreate, Create: o.Create, Admit: admit, Wait: o.Wait, Logger: o.Logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	path, err := requestPath(queue)
	if err != nil {
		return fail.In(opServe, queue, err)
	}
	s := &server{ServeOptions: o, queue: queue, handle: handle}
	s.peers = &peers{requests: path, counters: o.Counters, known: map[token]*peer{}, warn: func(msg string, err error) {
		o.Logger.Warn(msg, "queue", queue, "error", err)
	}}
	// Before the first request: while a collector has the lock of a queue, its client seems to live.
	s.peers.sweep()
	watch, over := context.WithCancel(context.WithoutCancel(ctx))
	var watcher sync.WaitGroup
	watcher.Go(func() { s.peers.watch(watch) })
	defer func() {
		over()
		watcher.Wait()
		s.peers.close()
	}()
	from, err := intake.New(in)
	if err != nil {
		return fail.In(opServe, queue, err)
	}
	err = crew.New(crew.Config{
		From: from, Jobs: o.Jobs, Batch: 1, First: firstPause, Last: lastPause, Timeout: o.Timeout, Grace: o.Grace,
		Drop: true, Handle: s.work, Observe: s.observe, Left: -1,
	}).Run(ctx)
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return nil
	}
	var fatal *crew.Fatal
	if errors.As(err, &fatal) {
		err = fmt.Errorf("%w; the request is still in the queue", fatal.Err)
	}
	return fail.In(opServe, queue, err)
}
