package bench

import (
	"context"
	"errors"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/producer"
)

// stop is the record that ends a run for one of several consumers.
var stop = []byte{0}

func openProducer(queue string) (*producer.Raw, error) {
	return producer.OpenRaw(queue, &producer.Options{NoCreate: true})
}

func openConsumer(queue string) (*consumer.Raw, error) {
	return consumer.OpenRaw(queue, &consumer.Options{NoCreate: true})
}

// newRingEnd is an end of a case with small records.
func newRingEnd(s spec, c *monotonic) (end, error) {
	sends := s.End < s.Case.Producers
	switch {
	case s.Case.Kind == RoundTrip:
		return newRingRound(s, c)
	case sends:
		return newRingSender(s, c)
	}
	return newRingReceiver(s, c)
}

// newRingRound is an end of a round trip: it sends into one queue and receives from
// another.
func newRingRound(s spec, clock *monotonic) (end, error) {
	there, here := s.queue(), back(s.queue())
	if s.End > 0 {
		there, here = here, there
	}
	p, err := openProducer(there)
	if err != nil {
		return nil, err
	}
	c, err := openConsumer(here)
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	r := &rounds{p: p, c: c, wait: s.Case.Wait, pause: uint32(s.Case.Pause), rec: make([]byte, s.Case.Payload), buf: make([]byte, 0, s.Case.Payload)}
	closeBoth := func() error { return errors.Join(p.Close(), c.Close()) }
	if s.End > 0 {
		return &echoer{close_: closeBoth, round: r.echo}, nil
	}
	return &pinger{clock: clock, close_: closeBoth, round: r.ping}, nil
}

// rounds sends and receives records in turn.
type rounds struct {
	p    *producer.Raw
	c    *consumer.Raw
	wait bool // as programs do, instead of trying until it works
	// pause is how many PAUSEs are between two tries.
	pause uint32
	rec   []byte
	buf   []byte
	// empty is what a try returns that finds nothing: always the same value.
	empty error
}

func (r *rounds) ping() error {
	if err := r.send(r.rec); err != nil {
		return err
	}
	return r.receive()
}

func (r *rounds) echo() error {
	if err := r.receive(); err != nil {
		return err
	}
	return r.send(r.buf)
}

func (r *rounds) send(rec []byte) error {
	if r.wait {
		return r.p.Send(context.Background(), rec)
	}
	return r.p.TrySend(rec) // there is always room
}

func (r *rounds) receive() (err error) {
	if r.wait {
		r.buf, err = r.c.Receive(context.Background(), r.buf)
		return err
	}
	buf := r.buf
	for {
		buf, err = r.c.TryReceive(buf)
		if err == nil {
			r.buf = buf
			return nil
		}
		if err != r.empty {
			if !errors.Is(err, shmq.ErrEmpty) {
				return err
			}
			r.empty = err
		}
		if r.pause > 0 {
			atomics.Pause(r.pause)
		}
	}
}

// ringSender sends small records as fast as there is room, or at a rate. The loops
// are written out: a call through a function value would be a fifth of the time.
type ringSender struct {
	portSender
	p       *producer.Raw
	batch   [][]byte
	control *control
	sent    uint64 // in all runs, if it is paced
}

func newRingSender(s spec, c *monotonic) (end, error) {
	p, err := openProducer(s.queue())
	if err != nil {
		return nil, err
	}
	ctl, err := openControl(s.words())
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	ctx := context.Background()
	r := &ringSender{p: p, control: ctl}
	r.portSender = portSender{s.Case, s.End, c, port{
		send:  func(rec []byte) error { return p.Send(ctx, rec) },
		close: func() error { return errors.Join(p.Close(), ctl.close()) },
	}, make([]byte, s.Case.Payload)}
	for range s.Case.Batch {
		r.batch = append(r.batch, make([]byte, s.Case.Payload))
	}
	return r, nil
}

func (s *ringSender) run(o order) (out outcome, err error) {
	n := o.N / s.c.Producers
	switch {
	case s.c.Kind == OpenLoop:
		out, err = s.portSender.run(o)
	case s.c.Paced:
		out.start = s.clock.now()
		err = s.pacedSends(n)
	case s.c.Batch > 1:
		out.start = s.clock.now()
		err = s.batches(n)
	default:
		out.start = s.clock.now()
		err = s.singles(n)
	}
	if err == nil && s.c.stopped() && s.control.last(s.c.Producers) {
		err = s.control.stop(s.c.Consumers, func() error { return s.p.Send(context.Background(), stop) })
	}
	out.end = s.clock.now()
	return out, err
}

func (s *ringSender) singles(n int) error {
	ctx := context.Background()
	for range n {
		if err := s.p.Send(ctx, s.rec); err != nil {
			return err
		}
	}
	return nil
}

func (s *ringSender) batches(n int) error {
	ctx := context.Background()
	for n > 0 {
		k, err := s.p.SendBatch(ctx, s.batch[:min(len(s.batch), n)])
		if err != nil {
			return err
		}
		n -= k
	}
	return nil
}

// ringReceiver is the other end.
type ringReceiver struct {
	portReceiver
	raw     *consumer.Raw
	bufs    [][]byte
	control *control
	got     uint64 // in all runs, if it is paced
}

func newRingReceiver(s spec, c *monotonic) (end, error) {
	raw, err := openConsumer(s.queue())
	if err != nil {
		return nil, err
	}
	ctl, err := openControl(s.words())
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	ctx := context.Background()
	return &ringReceiver{
		portReceiver: portReceiver{s.Case, c, port{
			receive: func(buf []byte) ([]byte, error) { return raw.Receive(ctx, buf) },
			close:   func() error { return errors.Join(raw.Close(), ctl.close()) },
		}, make([]byte, 0, s.Case.Payload)},
		raw:     raw,
		bufs:    make([][]byte, s.Case.Batch),
		control: ctl,
	}, nil
}

func (r *ringReceiver) run(o order) (out outcome, err error) {
	n, stops := o.N, 1
	if r.c.stopped() {
		n = -1 // until stopped
	}
	switch {
	case r.c.Kind == OpenLoop:
		out, err = r.portReceiver.run(o)
	case r.c.Paced:
		out.count, err = r.pacedReceives(n)
		out.end = r.clock.now()
	case r.c.Batch > 1:
		out.count, stops, err = r.batches(n)
		out.end = r.clock.now()
	default:
		out.count, err = r.singles(n)
		out.end = r.clock.now()
	}
	if r.c.stopped() {
		r.control.left(stops)
	}
	return out, err
}

func (r *ringReceiver) singles(n int) (count int, err error) {
	ctx, buf, payload := context.Background(), r.buf, r.c.Payload
	for count != n {
		if buf, err = r.raw.Receive(ctx, buf); err != nil || len(buf) < payload {
			return count, err
		}
		count++
	}
	return count, nil
}

// batches also returns how many of the records were short.
func (r *ringReceiver) batches(n int) (count, stops int, err error) {
	ctx, payload := context.Background(), r.c.Payload
	for count != n && stops == 0 {
		k, err := r.raw.ReceiveBatch(ctx, r.bufs)
		if err != nil {
			return count, stops, err
		}
		for _, b := range r.bufs[:k] {
			if len(b) >= payload {
				count++
			} else {
				stops++
			}
		}
	}
	return count, stops, nil
}
