package rpc

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/share"
	"github.com/shmq/shmq/producer"
)

const opCall = "call"

// RawClient calls with bytes. It is safe for concurrent use: any number of goroutines may have
// calls in flight. It takes one seat in the request queue, and has no goroutine of its own: one of the
// calls in flight receives the answers of all.
type RawClient struct {
	queue  string // as it was given
	path   string // of the answer queue
	client token
	seal   seal
	most   int // the largest request

	out   *producer.Raw // under share
	share *share.Share
	in    *consumer.Raw // of the call that has the turn
	turn  chan struct{} // full while a call receives

	over  chan struct{} // closed when calls can't go on
	close sync.Once     // and the error of Close
	left  error

	mu      sync.Mutex
	calls   map[uint64]*call // in flight
	last    uint64           // number of a call
	broken  error            // why over is closed
	counts  ClientCounters
	watched bool // the timer runs
	timer   *time.Timer
}

// call is one in flight.
type call struct {
	number uint64
	done   chan answer // has room for the one answer
}

// watchEvery is how often a client with calls in flight looks whether the request queue is
// still there.
const watchEvery = 250 * time.Millisecond

// DialRaw opens the request queue of that name, makes it if it is absent, and makes an answer
// queue. It need not wait for a server. Errors: shmq.ErrOption, also for a queue of which each consumer
// gets every record, shmq.ErrName for a queue without a
// name in a directory, and what producer.OpenRaw and consumer.OpenRaw return. opts may be nil.
func DialRaw(queue string, opts *DialOptions) (*RawClient, error) {
	o, err := opts.check()
	if err != nil {
		return nil, fail.In("dial", queue, err)
	}
	c, err := dial(queue, o)
	return c, fail.In("dial", queue, err)
}

func dial(queue string, o *DialOptions) (_ *RawClient, err error) {
	c := &RawClient{
		queue: queue, share: share.New(shmq.ErrFull), turn: make(chan struct{}, 1), over: make(chan struct{}),
		calls: map[uint64]*call{},
	}
	if err := refuseNameless(queue); err != nil { // before it is made
		return nil, err
	}
	admit, err := sharedOnly(queue, &o.Create, nil)
	if err != nil {
		return nil, err
	}
	c.out, err = producer.OpenRaw(queue, &producer.Options{NoCreate: o.NoCreate, Create: o.Create, Admit: admit, Wait: o.Wait, Logger: o.Logger})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.out.Close())
		}
	}()
	requests, err := requestPath(queue)
	if err != nil {
		return nil, err
	}
	c.most = maxPayload(c.out.MaxRecord(), requestOverhead)
	if _, err := Collect(queue); err != nil && o.Logger != nil { // of others, which need not be this one's to remove
		o.Logger.Warn("shmq: an answer queue of a client that is gone stays", "queue", queue, "error", err)
	}
	if err := c.openAnswers(requests, o); err != nil {
		return nil, err
	}
	c.timer = time.AfterFunc(watchEvery, c.watch)
	c.timer.Stop()
	return c, nil
}

// openAnswers makes the answer queue, and attaches to it.
func (c *RawClient) openAnswers(requests string, o *DialOptions) (err error) {
	info, err := os.Stat(requests)
	if err != nil {
		return err
	}
	if _, err := rand.Read(c.client[:]); err != nil {
		return err
	}
	c.path = answersPath(requests, c.client)
	create := o.answers()
	if create.Mode = o.AnswerMode; create.Mode == 0 {
		create.Mode = info.Mode().Perm() // who may serve may answer
	}
	c.in, err = consumer.OpenRaw(c.path, &consumer.Options{Create: create, Wait: o.Wait, Logger: o.Logger})
	if err != nil {
		return fmt.Errorf("the answer queue: %w", err)
	}
	defer func() {
		if err != nil {
			_, removed := collectAfter(c.in.Close(), c.path)
			err = errors.Join(err, removed)
		}
	}()
	if err := shareGroup(info, create.Mode, c.path); err != nil {
		return err
	}
	var id [16]byte
	if n, err := hex.Decode(id[:], []byte(c.in.CreationID())); err != nil || n != len(id) {
		return errors.Join(fmt.Errorf("the answer queue has no creation id"), err)
	}
	c.seal, err = newSeal(id)
	return err
}

// collectAfter removes an answer queue that was closed.
func collectAfter(closed error, path string) (bool, error) {
	gone, err := collect(path, false)
	return gone, errors.Join(closed, err)
}

// Queue returns the name of the request queue.
func (c *RawClient) Queue() string { return c.queue }

// MaxRequest returns the size of the largest request in bytes.
func (c *RawClient) MaxRequest() int { return c.most }

// Counters returns what this client has counted.
func (c *RawClient) Counters() ClientCounters {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts
}

// Close ends the client, and all calls that are in flight, with shmq.ErrClosed, and removes the
// answer queue. Their requests stay in the request queue: servers skip those that they have not
// begun with. Any goroutine may call it at any time; a second Close returns what the first did.
func (c *RawClient) Close() error {
	c.close.Do(func() {
		c.fail(shmq.ErrClosed)
		_, removed := collectAfter(c.in.Close(), c.path)
		if errors.Is(removed, fs.ErrNotExist) {
			removed = nil
		}
		c.left = fail.In("close", c.queue, errors.Join(removed, c.out.Close()))
	})
	return c.left
}

// fail ends all calls, now and later. The first reason stays.
func (c *RawClient) fail(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return
	}
	c.broken = why
	close(c.over)
	c.timer.Stop()
}

// watch looks whether the request queue is still there: a call that waits for an answer is at the
// other queue. The timer runs while there are calls.
func (c *RawClient) watch() {
	c.mu.Lock()
	if c.watched = len(c.calls) > 0 && c.broken == nil; !c.watched {
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	// While a call waits for room it is that one which notices.
	if _, err := c.share.Try(c.out.Check); err != nil {
		c.fail(err)
		_ = c.in.Close() // ends the wait of the call that receives
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken == nil {
		c.timer.Reset(watchEvery)
	}
}

// Served reports whether a server is attached to the request queue just now, or that can't be told.
func (c *RawClient) Served() bool {
	attached, err := serversAttached(c.queue)
	return attached || err != nil
}

// failed says why a call failed.
func (c *RawClient) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) && !c.Served() {
		err = fmt.Errorf("%w: %w to the queue; start one (rpc.Serve, or shmq serve)", err, ErrNoServer)
	}
	return fail.In(opCall, c.queue, err)
}
