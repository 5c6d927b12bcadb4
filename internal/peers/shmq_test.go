//go:build linux

package peers

import (
	"errors"
	"fmt"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

// shmqEnd is one end of two queues, there and back.
type shmqEnd struct {
	run
	out *producer.Raw
	in  *consumer.Raw
	buf []byte
}

func openShmq(c *testproc.Child, r run, out, in string) *shmqEnd {
	side := shmq.One
	if r.Many {
		side = shmq.Many
	}
	create := shmq.Options{Producers: side, Consumers: side, Slots: window, SlotSize: 64}
	p, err := producer.OpenRaw(r.path(out), &producer.Options{Create: create})
	c.Check(err)
	q, err := consumer.OpenRaw(r.path(in), &consumer.Options{Create: create})
	c.Check(err)
	return &shmqEnd{run: r, out: p, in: q, buf: make([]byte, 0, recordSize)}
}

func (e *shmqEnd) close(c *testproc.Child) {
	c.Check(errors.Join(e.out.Close(), e.in.Close()))
}

// receive takes the n-th record.
func (e *shmqEnd) receive(n int) (err error) {
	if !e.Polling {
		e.buf, err = e.in.Receive(background, e.buf)
	} else {
		e.buf, err = e.poll()
	}
	if err != nil {
		return err
	}
	return checkNumber(e.buf, uint64(n))
}

func (e *shmqEnd) poll() ([]byte, error) {
	var empty error // the one that was found to be ErrEmpty: it is always the same
	for {
		got, err := e.in.TryReceive(e.buf)
		if err == nil {
			return got, nil
		}
		if err != empty && !errors.Is(err, shmq.ErrEmpty) {
			return nil, err
		}
		empty = err
	}
}

// receiveBatches takes all records, as many at a time as there are.
func (e *shmqEnd) receiveBatches() error {
	leases := make([]consumer.Lease, e.Batch)
	for n := 0; n < e.Records; {
		got, err := e.in.LeaseBatch(background, leases)
		if err != nil {
			return err
		}
		for i := range leases[:got] {
			e.buf = append(e.buf[:0], leases[i].Bytes()...)
			leases[i].Ack()
			if err := checkNumber(e.buf, uint64(n)); err != nil {
				return err
			}
			n++
		}
	}
	return nil
}

func (e *shmqEnd) sendBatches() error {
	batch := make([][]byte, e.Batch)
	for i := range batch {
		batch[i] = make([]byte, recordSize)
	}
	for n := 0; n < e.Records; {
		some := batch[:min(len(batch), e.Records-n)]
		for i := range some {
			number(some[i], uint64(n+i))
		}
		sent, err := e.out.SendBatch(background, some)
		if err != nil {
			return fmt.Errorf("%d of %d: %w", sent, len(some), err)
		}
		n += len(some)
	}
	return nil
}

func shmqSender(c *testproc.Child) {
	e := openShmq(c, told(c), "there", "back")
	e.Pinning.pinEnd(0)
	rec := make([]byte, recordSize)
	start := time.Now()
	switch {
	case e.RoundTrip:
		for n := range e.Records {
			number(rec, uint64(n))
			c.Check(e.out.Send(background, rec))
			c.Check(e.receive(n))
		}
	case e.Batch > 1:
		c.Check(e.sendBatches())
	default:
		for n := range e.Records {
			number(rec, uint64(n))
			c.Check(e.out.Send(background, rec))
		}
	}
	if !e.RoundTrip {
		c.Check(e.receive(e.Records))
	}
	c.Say("%v", time.Since(start))
	e.close(c)
}

func shmqReceiver(c *testproc.Child) {
	e := openShmq(c, told(c), "back", "there")
	e.Pinning.pinEnd(1)
	c.Say("ready")
	if e.Batch > 1 {
		c.Check(e.receiveBatches())
	} else {
		for n := range e.Records {
			c.Check(e.receive(n))
			if e.RoundTrip {
				c.Check(e.out.Send(background, e.buf))
			}
		}
	}
	if !e.RoundTrip {
		rec := make([]byte, recordSize)
		number(rec, uint64(e.Records))
		c.Check(e.out.Send(background, rec))
	}
	c.Say("received %d", e.Records)
	e.close(c)
}
