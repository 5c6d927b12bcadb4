package push

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/shmq/shmq/bridge/nats/internal/link"
)

// Codes of JetStream's errors that the client has no names for.
const (
	codeExpectedStream jetstream.ErrorCode = 10060
	codeWrongLastID    jetstream.ErrorCode = 10070
	codeStoreFailed    jetstream.ErrorCode = 10077
	codeSealed         jetstream.ErrorCode = 10109
)

// drain is how long the other answers are waited for once one was a refusal.
const drain = time.Second

// collect waits for an answer, takes all that are there, and settles what they say. After a
// refusal it waits for the answers to all that was published, and ends the session.
func (s *session) collect(ctx context.Context) error {
	if s.next == s.lo {
		return nil
	}
	patience := time.NewTimer(time.Until(s.heard.Add(link.Patience)))
	defer patience.Stop()
	var more <-chan time.Time // records may come while answers are waited for
	if s.over == nil && s.next == s.hi && s.next-s.lo < s.most() && s.bytes < s.o.InFlightBytes {
		more = time.After(time.Millisecond)
	}
	for {
		select {
		case m := <-s.answers:
			s.answer(m)
		case <-more:
			return nil
		case <-s.epoch.Lost:
			return &again{}
		case <-ctx.Done():
			return &again{}
		case <-patience.C:
			if s.refused != nil {
				return s.refusal()
			}
			return &again{fmt.Sprintf("stream %s: no acknowledgement in %v; the bridge looks what is there, and tries again", s.o.Stream, link.Patience)}
		}
		for range len(s.answers) {
			s.answer(<-s.answers)
		}
		s.heard = time.Now()
		s.settle(int(max(s.acked, s.number) - s.number))
		if s.refused == nil {
			return nil
		}
		if s.next == s.lo {
			return s.refusal()
		}
		more = nil
		patience.Reset(drain)
	}
}

// answer takes one answer. In a chain a message is stored only if the one before it was: its
// acknowledgement is one of all before it, too.
func (s *session) answer(m *nats.Msg) {
	number, err := strconv.ParseUint(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:], 10, 64)
	if err != nil || number < s.number || number-s.number >= uint64(s.next-s.lo) {
		return // of one that an answer to a later one has settled
	}
	a, err := s.parse(m)
	if err != nil {
		s.o.Stats.Refusals.Add(1)
		if s.refused == nil {
			s.refused = err
		}
		return
	}
	if a.duplicate {
		s.o.Stats.Duplicates.Add(1)
	}
	s.sequence = max(s.sequence, a.seq)
	for n := max(s.acked, s.number); n <= number; n++ {
		it := &s.items[s.lo+int(n-s.number)]
		s.bytes -= it.size
		s.last = it.id
	}
	s.acked = max(s.acked, number+1)
}

// ack is the PubAck.
type ack struct {
	seq       uint64
	duplicate bool
}

func (s *session) parse(m *nats.Msg) (ack, error) {
	if len(m.Data) == 0 {
		if m.Header.Get("Status") == "503" {
			return ack{}, nats.ErrNoResponders
		}
		return ack{}, fmt.Errorf("an answer without content: %v", m.Header)
	}
	// What the server writes, mostly.
	if rest, ok := bytes.CutPrefix(m.Data, s.good); ok {
		if digits, ok := bytes.CutSuffix(rest, []byte("}")); ok {
			if seq, err := strconv.ParseUint(string(digits), 10, 64); err == nil && seq > 0 {
				return ack{seq: seq}, nil
			}
		}
	}
	var a struct {
		Error     *jetstream.APIError
		Stream    string
		Seq       uint64
		Duplicate bool
	}
	switch err := json.Unmarshal(m.Data, &a); {
	case err != nil:
		return ack{}, fmt.Errorf("an answer that is none: %q", m.Data)
	case a.Error != nil:
		return ack{}, a.Error
	case a.Stream != s.o.Stream || a.Seq == 0:
		return ack{}, fmt.Errorf("an acknowledgement of another stream, or without a sequence: %q", m.Data)
	}
	return ack{a.Seq, a.Duplicate}, nil
}

// refusal returns what a refusal means: another session, or the end.
func (s *session) refusal() error {
	var e *jetstream.APIError
	switch {
	case errors.Is(s.refused, nats.ErrNoResponders):
		return &again{fmt.Sprintf("stream %s does not answer; the bridge waits for it", s.o.Stream)}
	case !errors.As(s.refused, &e):
		return &again{fmt.Sprintf("stream %s: %v; the bridge tries again", s.o.Stream, s.refused)}
	}
	switch e.ErrorCode {
	case codeWrongLastID:
		return &again{} // the look tells why
	case codeStoreFailed:
		return &again{fmt.Sprintf("stream %s takes no more, and the bridge waits until it does: %s", s.o.Stream, e.Description)}
	case codeExpectedStream, codeSealed:
		return fmt.Errorf("stream %s: %w", s.o.Stream, e)
	}
	return &again{fmt.Sprintf("stream %s refuses a record, and the bridge tries again: %v", s.o.Stream, e)}
}
