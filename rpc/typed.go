package rpc

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/fail"
)

// Client calls with values of type Req, and gets answers of type Resp. It is safe for concurrent
// use: any number of goroutines may have calls in flight.
type Client[Req, Resp any] struct {
	raw *RawClient

	mu    sync.Mutex // a codec is for one goroutine at a time
	codec codec.Codec
}

// Dial is DialRaw for values. Errors: as DialRaw, and codec.ErrType for a type that the codec can't
// handle. opts may be nil.
func Dial[Req, Resp any](queue string, opts *DialOptions) (*Client[Req, Resp], error) {
	o, err := opts.check()
	if err == nil {
		err = codec.CheckAppend(o.Codec, reflect.TypeFor[Req]())
	}
	if err == nil {
		err = codec.CheckDecode(o.Codec, reflect.TypeFor[Resp]())
	}
	if err != nil {
		return nil, fail.In("dial", queue, err)
	}
	raw, err := dial(queue, o)
	if err != nil {
		return nil, fail.In("dial", queue, err)
	}
	return &Client[Req, Resp]{raw: raw, codec: o.Codec}, nil
}

// Call sends a request and waits for its answer until ctx ends; see RawClient.Call. An answer that
// can't be decoded is an error of the codec's.
func (c *Client[Req, Resp]) Call(ctx context.Context, request Req) (resp Resp, err error) {
	sent, err := c.encode(&request)
	if err != nil {
		return resp, &fail.Error{Op: opCall, Queue: c.raw.queue, Err: fmt.Errorf("the request: %w", err)}
	}
	got, err := c.raw.Call(ctx, sent)
	if err != nil {
		return resp, err
	}
	if err := c.decode(got, &resp); err != nil {
		var none Resp
		return none, &fail.Error{Op: opCall, Queue: c.raw.queue, Err: fmt.Errorf("the answer: %w", err)}
	}
	return resp, nil
}

func (c *Client[Req, Resp]) encode(v *Req) (b []byte, err error) {
	err = coded(&c.mu, func() error { b, err = c.codec.Append(nil, v); return err })
	return b, err
}

func (c *Client[Req, Resp]) decode(b []byte, v *Resp) error {
	return coded(&c.mu, func() error { return c.codec.Decode(b, v) })
}

// coded runs a codec, which is the program's, for one goroutine at a time. A panic of it is an
// error about this value.
func coded(mu *sync.Mutex, do func() error) (err error) {
	mu.Lock()
	defer mu.Unlock()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the codec panicked: %v", p)
		}
	}()
	return do()
}

// Queue returns the name of the request queue.
func (c *Client[Req, Resp]) Queue() string { return c.raw.queue }

// Counters returns what this client has counted.
func (c *Client[Req, Resp]) Counters() ClientCounters { return c.raw.Counters() }

// Close ends the client and the calls in flight; see RawClient.Close.
func (c *Client[Req, Resp]) Close() error { return c.raw.Close() }
