package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/selector"
)

// idle returns the names of the queues of a select that stay empty: n - 1 of them.
func idle(queue string, n int) (names []string) {
	for i := 1; i < n; i++ {
		names = append(names, fmt.Sprintf("%s.idle.%d", queue, i))
	}
	return names
}

// newSelectEnd is an end of a case in which one end receives through a set of queues.
func newSelectEnd(s spec, c *monotonic) (end, error) {
	sends := s.End < s.Case.Producers
	switch {
	case sends && s.Case.Kind == RoundTrip:
		return newRingRound(s, c)
	case sends:
		return newRingSender(s, c)
	}
	in, err := openChooser(s)
	if err != nil {
		return nil, err
	}
	if s.Case.Kind != RoundTrip {
		return &selectReceiver{chooser: in, c: s.Case, clock: c}, nil
	}
	p, err := openProducer(back(s.queue()))
	if err != nil {
		return nil, errors.Join(err, in.close())
	}
	ctx := context.Background()
	return &echoer{
		close_: func() error { return errors.Join(p.Close(), in.close()) },
		round: func() error {
			if err := in.receive(ctx); err != nil {
				return err
			}
			return p.Send(ctx, in.buf)
		},
	}, nil
}

// chooser receives from a set of queues.
type chooser struct {
	set  selector.Set
	all  []*consumer.Raw
	buf  []byte
	bufs [][]byte // of a batch
}

func openChooser(s spec) (*chooser, error) {
	in := &chooser{buf: make([]byte, 0, s.Case.Payload), bufs: make([][]byte, s.Case.Batch)}
	for _, name := range append(idle(s.queue(), s.Case.Queues), s.queue()) {
		c, err := openConsumer(name)
		if err == nil {
			in.all = append(in.all, c)
			err = in.set.Add(c)
		}
		if err != nil {
			return nil, errors.Join(err, in.close())
		}
	}
	return in, nil
}

func (in *chooser) receive(ctx context.Context) error {
	q, err := in.set.Wait(ctx)
	if err != nil {
		return err
	}
	in.buf, err = q.(*consumer.Raw).TryReceive(in.buf)
	return err
}

func (in *chooser) receiveBatch(ctx context.Context) (int, error) {
	q, err := in.set.Wait(ctx)
	if err != nil {
		return 0, err
	}
	return q.(*consumer.Raw).TryReceiveBatch(in.bufs)
}

func (in *chooser) close() (err error) {
	for _, c := range in.all {
		err = errors.Join(err, c.Close())
	}
	return err
}

// selectReceiver is the receiving end of a throughput.
type selectReceiver struct {
	*chooser
	c     Case
	clock *monotonic
}

func (r *selectReceiver) run(o order) (out outcome, err error) {
	ctx := context.Background()
	for out.count < o.N && err == nil {
		n := 1
		if r.c.Batch > 1 {
			n, err = r.receiveBatch(ctx)
		} else {
			err = r.receive(ctx)
		}
		if err == nil {
			out.count += n
		}
	}
	out.end = r.clock.now()
	return out, err
}
