package rpc

import (
	"context"
	"errors"
	"time"

	"github.com/shmq/shmq/internal/sys"
)

// One call at a time has the turn: it receives from the answer queue, hands each answer to the
// call that it is for, and passes the turn on when it has its own, or is cancelled. So a
// client needs no goroutine, and a single caller waits in the queue itself.
//
// A call is in the map from before its request is sent until its answer is taken, or its end is
// decided; whoever takes it out decides which. An answer for a call that is not there is dropped.

// Call sends a request and waits for its answer until ctx ends. The request carries the deadline
// of ctx. It returns
//
//   - the answer, which is the caller's;
//   - an *Error when the handler failed, or its answer did not come through;
//   - the error of ctx when that ended first, with ErrNoServer if no server is attached then:
//     the request may have been handled, or may still be, unless it is in the queue and its
//     deadline is over;
//   - shmq.ErrTooLarge for a request that can never fit into the request queue;
//   - shmq.ErrClosed after Close, shmq.ErrRemoved when the request queue or the answer queue was
//     removed, and what else producer.Raw.Send and consumer.Raw.Receive return. After these, dial
//     anew.
//
// While the request queue is full it waits for room.
func (c *RawClient) Call(ctx context.Context, request []byte) ([]byte, error) {
	if len(request) > c.most {
		return nil, c.failed(ctx, tooLarge("request", len(request), c.most))
	}
	if err := ctx.Err(); err != nil {
		return nil, c.failed(ctx, err)
	}
	k, err := c.begin()
	if err != nil {
		return nil, c.failed(ctx, err)
	}
	decided := false
	defer func() { // ctx is the caller's, and its methods may panic
		if !decided {
			c.end(k, true)
		}
	}()
	if err := c.send(ctx, k, request); err != nil {
		return nil, c.failed(ctx, err)
	}
	a, err := c.await(ctx, k)
	decided = true
	if err != nil {
		return nil, c.failed(ctx, err)
	}
	if a.err != nil {
		return nil, c.failed(ctx, a.err)
	}
	return a.payload, nil
}

// begin puts a call into the map.
func (c *RawClient) begin() (*call, error) {
	k := &call{done: make(chan answer, 1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return nil, c.broken
	}
	c.last++
	k.number = c.last
	c.calls[k.number] = k
	c.counts.Calls++
	if !c.watched {
		c.watched = true
		c.timer.Reset(watchEvery)
	}
	return k, nil
}

// end takes a call out of the map; false means that its answer was there before.
func (c *RawClient) end(k *call, canceled bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls[k.number] != k {
		return false
	}
	delete(c.calls, k.number)
	if canceled {
		c.counts.Canceled++
	}
	return true
}

func (c *RawClient) send(ctx context.Context, k *call, payload []byte) error {
	r := request{client: c.client, call: k.number, payload: payload}
	if at, ok := ctx.Deadline(); ok {
		r.deadline = uint64(max(sys.MonotonicNanos()+int64(time.Until(at)), 1))
	}
	record := appendRequest(make([]byte, 0, len(payload)+requestOverhead), &r)
	c.seal.close(record, k.number)
	err := c.share.Do(ctx,
		func() error { return c.out.TrySend(record) },
		func() error { return c.out.Send(ctx, record) })
	return c.reason(err)
}

// reason returns why the client can't go on, if it can't, rather than what closing its queues
// made of the call.
func (c *RawClient) reason(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && c.broken != nil {
		return c.broken
	}
	return err
}

// await waits for the answer.
func (c *RawClient) await(ctx context.Context, k *call) (a answer, err error) {
	for {
		select {
		case a = <-k.done:
			return a, nil
		case c.turn <- struct{}{}:
			err = c.receive(ctx, k)
		case <-ctx.Done():
			err = ctx.Err()
		case <-c.over:
			err = c.reason(context.Canceled)
		}
		if err == nil {
			continue
		}
		if !c.end(k, true) { // the answer was faster
			return <-k.done, nil
		}
		return answer{}, err
	}
}

// receive receives answers until k has its own, and gives the turn back.
func (c *RawClient) receive(ctx context.Context, k *call) error {
	defer func() { <-c.turn }()
	for len(k.done) == 0 {
		record, err := c.in.Receive(ctx, nil)
		switch {
		case err == nil:
			c.deliver(record)
		case ctx.Err() != nil && errors.Is(err, ctx.Err()):
			return ctx.Err()
		default:
			c.fail(err)
			return c.reason(err)
		}
	}
	return nil
}

// deliver hands an answer to its call. The record is the caller's from here on.
func (c *RawClient) deliver(record []byte) {
	number, a, err := parseAnswer(record)
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.calls[number]
	switch {
	case err != nil:
		c.counts.Bad++
	case k == nil:
		c.counts.Dropped++
	default:
		delete(c.calls, number)
		c.counts.Answers++
		if a.err != nil {
			c.counts.Errors++
		}
		k.done <- a
	}
}
