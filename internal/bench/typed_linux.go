package bench

import (
	"context"
	"fmt"

	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
)

type typedSender struct {
	clock *monotonic
	p     *producer.Producer[measurement]
}

func newTypedSender(s spec, c *monotonic) (end, error) {
	p, err := producer.Open[measurement](s.queue(), &producer.Options{NoCreate: true})
	return &typedSender{c, p}, err
}

func (s *typedSender) run(o order) (out outcome, err error) {
	ctx, v := context.Background(), aMeasurement()
	out.start = s.clock.now()
	for range o.N {
		if err := s.p.Send(ctx, v); err != nil {
			return out, err
		}
	}
	out.end = s.clock.now()
	return out, nil
}

func (s *typedSender) close() error { return s.p.Close() }

type typedReceiver struct {
	clock *monotonic
	c     *consumer.Consumer[measurement]
}

func newTypedReceiver(s spec, c *monotonic) (end, error) {
	raw, err := consumer.Open[measurement](s.queue(), &consumer.Options{NoCreate: true})
	return &typedReceiver{c, raw}, err
}

func (r *typedReceiver) run(o order) (out outcome, err error) {
	ctx, want := context.Background(), aMeasurement()
	for out.count < o.N {
		v, err := r.c.Receive(ctx)
		if err != nil {
			return out, err
		}
		if v.ID != want.ID {
			return out, fmt.Errorf("received %+v", v)
		}
		out.count++
	}
	out.end = r.clock.now()
	return out, nil
}

func (r *typedReceiver) close() error { return r.c.Close() }

// newEncode is the sender's part of the work without a queue.
func newEncode(c *monotonic) (end, error) {
	enc, v := codec.Msgpack(), aMeasurement()
	buf, err := enc.Append(nil, &v)
	return &alone{c, func(n int) (err error) {
		for range n {
			if buf, err = enc.Append(buf[:0], &v); err != nil {
				return err
			}
		}
		return nil
	}}, err
}

// newDecode is the receiver's.
func newDecode(c *monotonic) (end, error) {
	dec, v := codec.Msgpack(), aMeasurement()
	rec, err := dec.Append(nil, &v)
	return &alone{c, func(n int) error {
		for range n {
			if err := dec.Decode(rec, &v); err != nil {
				return err
			}
		}
		return nil
	}}, err
}
