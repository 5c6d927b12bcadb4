package push

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/worker/deadletter"

	"github.com/shmq/shmq/bridge/nats/internal/link"
)

// Headers of a message beside those of JetStream.
const (
	HeaderQueue  = "Shmq-Queue"   // name of the queue, escaped as in URLs where it is not printable ASCII
	HeaderSentAt = "Shmq-Sent-At" // RFC 3339; only from a queue with time stamps
)

// session is a Push with one connection, between two looks at the stream.
type session struct {
	*Push
	epoch   link.Epoch
	inbox   string
	answers chan *nats.Msg
	good    []byte    // how most acknowledgements begin
	refused error     // the first refusal: nothing is published any more
	acked   uint64    // the number up to which records are acknowledged
	heard   time.Time // when the last answer came, or the first record of those in flight left
}

// publish publishes what is held and was not yet, as far as the bounds allow. It reads
// leases.
func (s *session) publish(ctx context.Context) error {
	if s.next == s.lo {
		s.heard = time.Now()
	}
	for s.next < s.hi && s.refused == nil && (s.next == s.lo || s.bytes < s.o.InFlightBytes && s.next-s.lo < s.most()) {
		it := &s.items[s.next]
		payload, err := s.prepare(it, &s.leases[s.next])
		if err != nil {
			if err := s.unfit(ctx, err); err != nil {
				return err
			}
			continue
		}
		s.msg.Subject, s.msg.Data = it.subject, payload
		s.msg.Reply = s.inbox + strconv.FormatUint(s.number+uint64(s.next-s.lo), 10)
		if err := s.to.NC.PublishMsg(&s.msg); err != nil {
			if !s.to.Is(s.epoch) { // the link has said so
				return &again{}
			}
			return &again{fmt.Sprintf("can't publish to %s: %v", it.subject, err)}
		}
		s.bytes += it.size
		s.next++
	}
	s.o.Stats.InFlight.Store(int64(s.next - s.lo))
	return nil
}

// most is how many may be published and not acknowledged.
func (s *session) most() int {
	if s.single {
		return 1
	}
	return s.o.InFlight
}

// previous returns the id that the message at next has to follow, "" if it begins a chain.
func (s *session) previous() string {
	switch {
	case s.single:
		return ""
	case s.next == s.lo:
		return s.last
	}
	return s.items[s.next-1].id
}

// prepare makes subject, headers and payload of a record. Errors are for unfit.
func (s *session) prepare(it *item, l *consumer.Lease) ([]byte, error) {
	payload := l.Bytes()
	fixed, ok := s.o.Subject.Fixed()
	it.subject = fixed
	if !ok || s.o.Format != nil { // the record is looked into: not while it can change
		s.scratch = append(s.scratch[:0], payload...)
		payload = s.scratch
	}
	if !ok {
		var err error
		if it.subject, err = s.o.Subject.Of(payload); err != nil {
			return nil, &misfit{why: err.Error()}
		}
	}
	if !s.covered && !covers(s.subjects, it.subject) {
		return nil, &misfit{why: fmt.Sprintf("stream %s takes %s and not %s", s.o.Stream, strings.Join(s.subjects, ", "), it.subject)}
	}
	if s.o.Format != nil {
		s.page.Buf, s.page.Ends = s.page.Buf[:0], s.page.Ends[:0]
		if err := s.o.Format.Put(&s.page, payload); err != nil {
			return nil, &misfit{why: fmt.Sprintf("it can't be written as %s: %v", s.o.Format.Name, err)}
		}
		payload = s.page.Buf
		if s.o.Format.Text {
			payload = payload[:len(payload)-1] // the end of its line
		}
	}
	h := s.msg.Header
	set(h, jetstream.MsgIDHeader, it.id)
	set(h, jetstream.ExpectedStreamHeader, s.o.Stream)
	set(h, HeaderQueue, s.name)
	if before := s.previous(); before != "" {
		set(h, jetstream.ExpectedLastMsgIDHeader, before)
	} else {
		delete(h, jetstream.ExpectedLastMsgIDHeader)
	}
	if at := l.SentAt(); !at.IsZero() {
		set(h, HeaderSentAt, at.Format(time.RFC3339Nano))
	} else {
		delete(h, HeaderSentAt)
	}
	if size := headSize(h) + len(payload); size > s.limit {
		return nil, &misfit{large: true, why: fmt.Sprintf("its message has %d bytes with headers, and %d may pass", size, s.limit)}
	}
	return payload, nil
}

func set(h nats.Header, key, value string) { h[key] = append(h[key][:0], value) }

// headSize returns what the headers take.
func headSize(h nats.Header) int {
	n := len("NATS/1.0\r\n\r\n")
	for k, v := range h {
		n += len(k) + len(": \r\n") + len(v[0])
	}
	return n
}

// headBound is more than the headers of any message take beside the names of stream and
// queue.
const headBound = 512

// printable returns a text as it is if a header can hold it, else escaped as in URLs.
func printable(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// misfit says why a record can't pass.
type misfit struct {
	large bool
	why   string
}

func (e *misfit) Error() string { return e.why }

// unfit does with the record at next what the policy says.
func (s *session) unfit(ctx context.Context, err error) error {
	var m *misfit
	if !errors.As(err, &m) {
		return err
	}
	policy, flag := s.o.NoSubject, "--no-subject"
	if m.large {
		policy, flag = s.o.TooLarge, "--too-large"
	}
	it := s.items[s.next]
	if policy != DeadLetter {
		s.over = &shmq.Error{Op: "push from", Queue: s.from.Name(), Err: fmt.Errorf("%w: %s: %s; it stays in the queue: take it out, or start the bridge with %s dead-letter", ErrUnfit, it.id, m.why, flag)}
		s.hi = s.next // the consumer gives the rest back
		return nil
	}
	l := &s.leases[s.next]
	now := time.Now()
	letter := deadletter.Letter{
		ID: it.id, Reason: m.why, Attempts: 1, Redelivered: l.Redelivered(), FirstTime: now, LastTime: now,
		Record: append([]byte{}, l.Bytes()...),
	}
	if err := s.o.Dead.Send(ctx, letter); err != nil {
		return err
	}
	l.Ack()
	s.o.Stats.Dead.Add(1)
	s.o.Note("record %s went to queue %q: %s", it.id, s.o.Dead.Name(), m.why)
	copy(s.leases[s.next:s.hi], s.leases[s.next+1:s.hi])
	copy(s.items[s.next:s.hi], s.items[s.next+1:s.hi])
	s.hi--
	return nil
}
