package pull

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/shmq/shmq"
)

// session is a Pull with one connection, from a reset on.
type session struct {
	*Pull
	next    uint64 // the delivery that has to come
	pending uint64 // messages that wait behind the last one delivered
	seen    uint64 // sequence of the last message that is in the batch or the queue
	end     error  // why no more are taken: after the batch
	bad     jetstream.Msg
}

// patience is for how long the queue may be full before a line says so.
const patience = 2 * time.Second

// batchBytes bounds what goes to the queue in one step, but for one record.
const batchBytes = 1 << 20

// gather puts a delivery and those that are there behind it into a batch. Deliveries are in
// order and without gaps, as their own numbers tell, or the session ends; messages that come
// again, because they were not acknowledged in time, are acknowledged and left out.
func (s *session) gather(d delivery, more <-chan delivery) error {
	s.recs, s.marks, s.msgs = s.recs[:0], s.marks[:0], s.msgs[:0]
	s.page = s.page[:0]
	bytes := 0
	for {
		if d.err != nil {
			s.end = d.err
			break
		}
		about, err := numbersOf(d.msg)
		if err != nil {
			return fmt.Errorf("stream %s: a delivery without its numbers: %w", s.o.Stream, err)
		}
		if about.delivery != s.next {
			s.end = errGap
			break
		}
		s.next++
		s.pending = about.pending
		seq := about.seq
		if seq <= s.seen {
			s.o.Stats.Duplicates.Add(1)
			_ = d.msg.Ack() // if it does not arrive the message comes again
		} else {
			if m := s.add(d.msg); m != nil {
				s.end, s.bad = m, d.msg
				break
			}
			s.seen = seq
			s.marks = append(s.marks, markOf(seq, s.made, about.stored))
			s.msgs = append(s.msgs, d.msg)
			bytes += len(d.msg.Data())
		}
		if len(s.msgs) >= s.o.Batch || bytes >= batchBytes {
			break
		}
		select {
		case d = <-more:
			continue
		default:
		}
		break
	}
	return nil
}

// add makes a record of a message.
func (s *session) add(m jetstream.Msg) *misfit {
	data := m.Data()
	if s.o.Format == nil {
		if len(data) > s.to.MaxRecord() {
			return &misfit{large: true, why: fmt.Sprintf("it has %d bytes, and records have up to %d", len(data), s.to.MaxRecord())}
		}
		s.recs = append(s.recs, data)
		return nil
	}
	s.batch.Reset()
	err := s.o.Format.Word(&s.batch, string(data))
	if n := len(s.batch.Recs); err == nil && n == 1 {
		start := len(s.page)
		s.page = append(s.page, s.batch.Recs[0]...) // where it grows, the records before stay where they are
		s.recs = append(s.recs, s.page[start:])
		return nil
	} else if err == nil {
		err = fmt.Errorf("it has %d values, want one", n)
	}
	large := strings.Contains(err.Error(), "the limit of this queue")
	return &misfit{large: large, why: err.Error()}
}

// send sends the batch and acknowledges its messages.
func (s *session) send(ctx context.Context) error {
	if len(s.recs) == 0 {
		return nil
	}
	s.o.Stats.InFlight.Store(int64(len(s.recs)))
	defer s.o.Stats.InFlight.Store(0)
	full := time.AfterFunc(patience, func() {
		s.once.Say(fmt.Sprintf("queue %q is full, and the bridge waits for room", s.to.Name()))
	})
	n, err := s.to.SendBatchMarked(ctx, s.recs, s.marks)
	full.Stop()
	if n > 0 {
		s.mark, s.any = s.marks[n-1], true
		s.moved += uint64(n)
		s.gaps = 0
		bytes := 0
		for _, r := range s.recs[:n] {
			bytes += len(r)
		}
		s.o.Stats.Moved(n, bytes)
		s.acknowledge(n)
	}
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	if s.once.Said() != "" {
		s.once.Over(fmt.Sprintf("queue %q: messages get through again", s.to.Name()))
	}
	return nil
}

// acknowledge tells the server that the first n messages of the batch are in the queue.
func (s *session) acknowledge(n int) {
	first := 0
	if s.all {
		first = n - 1
	}
	for _, m := range s.msgs[first:n] {
		_ = m.Ack() // if it does not arrive the message comes again
	}
}

// misfit says why a message can't be a record.
type misfit struct {
	large bool
	why   string
}

func (e *misfit) Error() string { return e.why }

// unfit does with the message that ended the batch what the policy says.
func (s *session) unfit(ctx context.Context, m *misfit) error {
	policy, flag := s.o.Unreadable, "--unreadable"
	if m.large {
		policy, flag = s.o.TooLarge, "--too-large"
	}
	about, err := s.bad.Metadata()
	if err != nil {
		return err
	}
	if policy != DeadLetter {
		return &shmq.Error{Op: "pull into", Queue: s.to.Name(), Err: fmt.Errorf("%w: message %d of stream %s: %s; it stays there: remove it (nats stream rmm %s %d), or start the bridge with %s dead-letter", ErrUnfit, about.Sequence.Stream, s.o.Stream, m.why, s.o.Stream, about.Sequence.Stream, flag)}
	}
	if err := s.o.Dead.send(ctx, s.bad, about, m.why); err != nil {
		return err
	}
	_ = s.bad.Ack()
	s.o.Stats.Dead.Add(1)
	s.o.Note("message %d of stream %s went to queue %q: %s", about.Sequence.Stream, s.o.Stream, s.o.Dead.name, m.why)
	s.passed = about.Sequence.Stream
	return &again{}
}
