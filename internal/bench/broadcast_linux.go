package bench

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// A paced sender is at most paceWindow records ahead of what the receiver has reported, which
// it does each paceStep records: seldom enough to cost nothing, and far enough from a lap.
const (
	paceStep   = 64
	paceWindow = slots / 2
)

// pacedSends sends n records, no faster than the receiver takes them.
func (s *ringSender) pacedSends(n int) error {
	ctx := context.Background()
	for i := range n {
		if i%paceStep == 0 {
			for s.sent-atomics.Load64(s.control.taken) > paceWindow {
				atomics.Pause(1)
			}
		}
		if err := s.p.Send(ctx, s.rec); err != nil {
			return err
		}
		s.sent++
	}
	return nil
}

// pacedReceives receives n records, none of which it may miss.
func (r *ringReceiver) pacedReceives(n int) (count int, err error) {
	ctx, buf := context.Background(), r.buf
	for count < n {
		if buf, err = r.raw.Receive(ctx, buf); err != nil {
			return count, err
		}
		count++
		if r.got++; r.got%paceStep == 0 || count == n {
			atomics.StoreRelease64(r.control.taken, r.got)
		}
	}
	return count, nil
}

// newStores writes records and their numbers into a ring of cache lines that nobody reads.
func newStores(s spec, clock *monotonic) (end, error) {
	mem, _, err := mapWords(s.words())
	if err != nil {
		return nil, err
	}
	w := &way{at: unsafe.Pointer(&mem[wordsSize])}
	rec := make([]byte, s.Case.Payload)
	return &closing{alone{clock, func(n int) error {
		for range n {
			number, b := w.slot()
			copy(b[:], rec)
			w.n++
			atomics.StoreRelease64(number, w.n)
		}
		return nil
	}}, func() error { return sys.Unmap(mem) }}, nil
}

// closing is a case of one process that leaves something to be closed.
type closing struct {
	alone
	close_ func() error
}

func (c *closing) close() error { return c.close_() }

// newScan has a producer of the bare ring look at subscriptions that it has to wait for, again
// and again: an operation is the look at one of them, both looks of a scan together.
func newScan(s spec, clock *monotonic) (_ end, err error) {
	var all []*consumer.Raw
	att, err := attachTo(s, shmq.Producer)
	if err != nil {
		return nil, err
	}
	closeAll := func() error {
		for _, c := range all {
			err = errors.Join(err, c.Close())
		}
		return errors.Join(err, att.Detach())
	}
	p, err := scanned(s, att, &all)
	if err != nil {
		return nil, errors.Join(err, closeAll())
	}
	rec, many := make([]byte, s.Case.Payload), s.Case.Subscriptions
	return &closing{alone{clock, func(n int) error {
		for done := 0; done < n; done += many {
			if err := p.Send(rec); err != ring.ErrFull {
				return fmt.Errorf("a full queue took a record, or not: %w", err)
			}
		}
		return nil
	}}, closeAll}, nil
}

// scanned fills a queue that all its subscriptions hold up.
func scanned(s spec, att *attach.Participant, all *[]*consumer.Raw) (*ring.Producer, error) {
	for range s.Case.Subscriptions {
		c, err := openConsumer(s.queue())
		if err != nil {
			return nil, err
		}
		*all = append(*all, c)
	}
	p, err := att.Ring().NewProducer(att.Seat())
	if err != nil {
		return nil, err
	}
	rec := make([]byte, min(s.Case.Payload, layout.InlineSize))
	for {
		if err := p.Send(rec); err != nil {
			if err != ring.ErrFull {
				return nil, err
			}
			return p, nil
		}
	}
}
