package bench

import (
	"context"
	"encoding/binary"

	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
)

const line = 64 // bytes in a cache line

// largeSender writes records in place, by one copy of what it has: that copy is the
// user's own.
type largeSender struct {
	clock *monotonic
	p     *producer.Raw
	src   []byte
}

func newLargeSender(s spec, c *monotonic) (end, error) {
	p, err := openProducer(s.queue())
	return &largeSender{c, p, make([]byte, s.Case.Payload)}, err
}

func (s *largeSender) run(o order) (out outcome, err error) {
	ctx := context.Background()
	out.start = s.clock.now()
	for range o.N {
		dst, err := s.p.Reserve(ctx, len(s.src))
		if err != nil {
			return out, err
		}
		copy(dst, s.src)
		if err := s.p.Commit(len(dst)); err != nil {
			return out, err
		}
	}
	out.end = s.clock.now()
	return out, nil
}

func (s *largeSender) close() error { return s.p.Close() }

type largeReceiver struct {
	clock *monotonic
	c     *consumer.Raw
	use   use
	dst   []byte
	sum   uint64 // so that what is read is used
}

func newLargeReceiver(s spec, c *monotonic) (end, error) {
	raw, err := openConsumer(s.queue())
	return &largeReceiver{clock: c, c: raw, use: s.Case.Use, dst: make([]byte, s.Case.Payload)}, err
}

func (r *largeReceiver) run(o order) (out outcome, err error) {
	ctx := context.Background()
	for out.count < o.N {
		l, err := r.c.Lease(ctx)
		if err != nil {
			return out, err
		}
		switch b := l.Bytes(); r.use {
		case useLook:
			r.sum += uint64(b[0]) + uint64(b[len(b)-1])
		case useRead:
			for ; len(b) >= line; b = b[line:] {
				r.sum += binary.LittleEndian.Uint64(b)
			}
		case useCopy:
			copy(r.dst, b)
		}
		l.Ack()
		out.count++
	}
	out.end = r.clock.now()
	return out, nil
}

func (r *largeReceiver) close() error { return r.c.Close() }
