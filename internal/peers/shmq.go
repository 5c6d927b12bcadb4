//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/producer"
)

var background = context.Background()

// shmqEnd is one end of two queues, there and back.
type shmqEnd struct {
	out *producer.Raw
	in  *consumer.Raw
	buf []byte
}

func openShmq(o order) (goLink, error) {
	create := shmq.Options{Producers: o.producers, Consumers: o.consumers, Slots: window(o.size), SlotSize: max(o.size, 64)}
	out, in := "there", "back"
	if o.receiver {
		out, in = in, out
	}
	p, err := producer.OpenRaw(o.path(out), &producer.Options{Create: create})
	if err != nil {
		return nil, err
	}
	opts := &consumer.Options{Create: create}
	if o.consumers == shmq.Each {
		opts.Subscription = "peer" // durable: a successor goes on where a dead one was
	}
	c, err := consumer.OpenRaw(o.path(in), opts)
	return &shmqEnd{out: p, in: c, buf: make([]byte, 0, o.size)}, err
}

// send and receive try again until they succeed, or wait in the kernel.
func (e *shmqEnd) send(o *order, rec []byte) error {
	if !o.polling {
		return e.out.Send(background, rec)
	}
	var full error // the one that was found to be ErrFull: it is always the same
	for {
		err := e.out.TrySend(rec)
		if err == nil {
			return nil
		}
		if err != full && !errors.Is(err, shmq.ErrFull) {
			return err
		}
		full = err
		if o.pause != 0 {
			atomics.Pause(1)
		}
	}
}

func (e *shmqEnd) receive(o *order) (err error) {
	if !o.polling {
		e.buf, err = e.in.Receive(background, e.buf)
		return err
	}
	var empty error
	for {
		got, err := e.in.TryReceive(e.buf)
		if err == nil {
			e.buf = got
			return nil
		}
		if err != empty && !errors.Is(err, shmq.ErrEmpty) {
			return err
		}
		empty = err
		if o.pause != 0 {
			atomics.Pause(1)
		}
	}
}

func (e *shmqEnd) take(o *order, n int) error {
	if err := e.receive(o); err != nil {
		return err
	}
	return checkNumber(e.buf, o.size, uint64(n))
}

func (e *shmqEnd) throughput(order order) (start, end int64, err error) {
	o := &order
	rec := make([]byte, o.size)
	start = now()
	switch {
	case o.receiver && o.batch > 1:
		err = e.takeBatches(o)
	case o.receiver:
		for n := 0; n < o.n && err == nil; n++ {
			err = e.take(o, n)
		}
	case o.batch > 1:
		err = e.sendBatches(o)
	default:
		for n := 0; n < o.n && err == nil; n++ {
			number(rec, uint64(n))
			err = e.send(o, rec)
		}
	}
	return start, now(), err
}

func (e *shmqEnd) roundTrip(order order) (start, end int64, err error) {
	o := &order
	rec := make([]byte, o.size)
	start = now()
	for n := 0; n < o.n && err == nil; n++ {
		if o.receiver {
			if err = e.take(o, n); err == nil {
				err = e.send(o, e.buf)
			}
			continue
		}
		number(rec, uint64(n))
		if err = e.send(o, rec); err == nil {
			err = e.take(o, n)
		}
	}
	return start, now(), err
}

func (e *shmqEnd) takeBatches(o *order) error {
	bufs := make([][]byte, o.batch)
	for i := range bufs {
		bufs[i] = make([]byte, 0, o.size)
	}
	for n := 0; n < o.n; {
		got, err := e.receiveBatch(o, bufs)
		if err != nil {
			return err
		}
		for _, rec := range bufs[:got] {
			if err := checkNumber(rec, o.size, uint64(n)); err != nil {
				return err
			}
			n++
		}
	}
	return nil
}

func (e *shmqEnd) receiveBatch(o *order, bufs [][]byte) (int, error) {
	if !o.polling {
		return e.in.ReceiveBatch(background, bufs)
	}
	for {
		got, err := e.in.TryReceiveBatch(bufs)
		if got > 0 || err != nil && !errors.Is(err, shmq.ErrEmpty) {
			return got, err
		}
		if o.pause != 0 {
			atomics.Pause(1)
		}
	}
}

func (e *shmqEnd) sendBatches(o *order) error {
	recs := make([][]byte, o.batch)
	for i := range recs {
		recs[i] = make([]byte, o.size)
	}
	for n := 0; n < o.n; {
		some := recs[:min(len(recs), o.n-n)]
		for i := range some {
			number(some[i], uint64(n+i))
		}
		for done := 0; done < len(some); {
			sent, err := e.sendBatch(o, some[done:])
			if err != nil {
				return fmt.Errorf("%d of %d: %w", sent, len(some), err)
			}
			done += sent
		}
		n += len(some)
	}
	return nil
}

func (e *shmqEnd) sendBatch(o *order, recs [][]byte) (int, error) {
	if !o.polling {
		return e.out.SendBatch(background, recs)
	}
	for {
		sent, err := e.out.TrySendBatch(recs)
		if sent > 0 || err != nil && !errors.Is(err, shmq.ErrFull) {
			if errors.Is(err, shmq.ErrFull) {
				err = nil
			}
			return sent, err
		}
		if o.pause != 0 {
			atomics.Pause(1)
		}
	}
}

// stream receives by leases: a record whose consumer dies before it acknowledges comes again.
func (e *shmqEnd) stream(order order, p *progress) error {
	o := &order
	o.pause = 1
	if o.receiver {
		for {
			l, err := e.lease(o)
			if err != nil {
				return err
			}
			p.received(read(l.Bytes()))
			l.Ack()
		}
	}
	rec := make([]byte, o.size)
	for n := 0; ; n++ {
		number(rec, uint64(o.n+n))
		if err := e.send(o, rec); err != nil {
			return err
		}
		p.sent.Store(uint64(n + 1))
	}
}

func (e *shmqEnd) lease(o *order) (consumer.Lease, error) {
	if !o.polling {
		return e.in.Lease(background)
	}
	for {
		l, err := e.in.TryLease()
		if err == nil || !errors.Is(err, shmq.ErrEmpty) {
			return l, err
		}
		atomics.Pause(1)
	}
}
