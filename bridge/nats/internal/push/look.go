package push

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/shmq/shmq/bridge/nats/internal/link"
)

// steps bounds how many messages one look reads.
const steps = 256

// look finds out how the stream is, and what of the records held is in it already.
func (p *Push) look(ctx context.Context) error {
	info, err := p.to.Stream(ctx, p.o.Stream)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound) && p.made != 0:
		return fmt.Errorf("%w: stream %s was deleted; what it had acknowledged is no longer in the queue", err, p.o.Stream)
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return fmt.Errorf("%w: %s; make it with: nats stream add %s --subjects '%s' --dupe-window %v --defaults", err, p.o.Stream, p.o.Stream, p.o.Subject, p.o.Outage)
	case errors.Is(err, link.ErrAccess):
		return err
	case err != nil:
		return p.unanswered(err)
	}
	if err := p.check(info); err != nil {
		return err
	}
	return p.find(ctx, &info.State)
}

// unanswered is for questions about the stream that failed: the server may be starting.
func (p *Push) unanswered(err error) error {
	if !p.to.NC.IsConnected() {
		return &again{} // the link has said so
	}
	return &again{fmt.Sprintf("stream %s: the server does not tell about it, and the bridge asks again: %v", p.o.Stream, err)}
}

// check refuses a stream that is another one by now, or whose settings can't give what was
// asked for. An operator may change them at any time.
func (p *Push) check(info *jetstream.StreamInfo) error {
	cfg := &info.Config
	made := link.Made(info)
	if p.made != 0 && p.made != made {
		return &link.MadeAgain{Stream: p.o.Stream, Before: time.Unix(0, int64(p.made)), Since: info.Created,
			Remedy: "records that the other had acknowledged are not in it; start the bridge again to go on with this one"}
	}
	switch {
	case cfg.Mirror != nil:
		return settings("%s is a mirror: nothing can be published to it; push to stream %s", p.o.Stream, cfg.Mirror.Name)
	case cfg.NoAck:
		return settings("%s acknowledges nothing (no_ack): the bridge could never take a record out of the queue; nats stream edit %s --ack", p.o.Stream, p.o.Stream)
	case cfg.Sealed:
		return settings("%s is sealed: nothing can be published to it", p.o.Stream)
	}
	if err := p.checkWindow(cfg); err != nil {
		return err
	}
	p.limit = int(p.to.NC.MaxPayload())
	if cfg.MaxMsgSize >= 0 {
		p.limit = min(p.limit, int(cfg.MaxMsgSize))
	}
	if p.made == 0 {
		if err := p.checkSize(cfg); err != nil {
			return err
		}
		fixed, ok := p.o.Subject.Fixed()
		if ok && !covers(cfg.Subjects, fixed) {
			return settings("%s takes %s and not %s; nats stream edit %s --subjects '%s'", p.o.Stream, strings.Join(cfg.Subjects, ", "), fixed, p.o.Stream, strings.Join(append(cfg.Subjects, fixed), ","))
		}
		p.o.Note("%s", link.Durability(info))
		if cfg.Retention != jetstream.LimitsPolicy {
			p.o.Note("stream %s removes messages that were consumed (%v): a record is stored again if its acknowledgement is lost, the message consumed and the server started anew, all at once", p.o.Stream, cfg.Retention)
		}
	}
	fixed, ok := p.o.Subject.Fixed()
	p.made, p.subjects, p.covered = made, cfg.Subjects, ok && covers(cfg.Subjects, fixed)
	return nil
}

// checkWindow reads the duplicate window back, which the server sets on its own terms.
func (p *Push) checkWindow(cfg *jetstream.StreamConfig) error {
	line := fmt.Sprintf("nats stream edit %s --dupe-window %v", p.o.Stream, p.o.Outage)
	switch {
	case cfg.Duplicates == 0 && len(cfg.Sources) > 0:
		return settings("%s has sources, and so no duplicate window: a record that is sent again would be stored twice; push to a stream without sources, which may be a source of this one", p.o.Stream)
	case cfg.Duplicates == 0:
		return settings("%s has no duplicate window: a record that is sent again would be stored twice; %s", p.o.Stream, line)
	case cfg.Duplicates < p.o.Outage && cfg.MaxAge > 0 && cfg.MaxAge < p.o.Outage:
		return settings("%s keeps messages, and so remembers ids, for %v, and an outage may last %v (--outage); nats stream edit %s --max-age %v --dupe-window %v, or a shorter --outage", p.o.Stream, cfg.MaxAge, p.o.Outage, p.o.Stream, p.o.Outage, p.o.Outage)
	case cfg.Duplicates < p.o.Outage:
		return settings("%s remembers ids for %v, and an outage may last %v (--outage); %s, or a shorter --outage", p.o.Stream, cfg.Duplicates, p.o.Outage, line)
	}
	return nil
}

// checkSize refuses to start where the queue may have records that can't pass, unless it was
// said what to do with them.
func (p *Push) checkSize(cfg *jetstream.StreamConfig) error {
	need := p.from.MaxRecord() + headBound + len(p.o.Stream) + 3*len(p.from.Name())
	if p.o.TooLarge != Ask || need <= p.limit {
		return nil
	}
	what := fmt.Sprintf("the server's max_payload is %d", p.to.NC.MaxPayload())
	if cfg.MaxMsgSize >= 0 && int64(cfg.MaxMsgSize) < p.to.NC.MaxPayload() {
		what = fmt.Sprintf("the stream's max_msg_size is %d", cfg.MaxMsgSize)
	}
	return settings("records of queue %q have up to %d bytes, and %s, with headers: say what to do with those that can't pass, --too-large refuse or --too-large dead-letter; or raise the limit to %d; or make the queue with smaller records (shmq create --slot-size, --slots)",
		p.from.Name(), p.from.MaxRecord(), what, need)
}

// find walks from the end of the stream backwards until it meets a record that is held: that
// one and all before it are stored. In a chain on a stream that no other publisher uses the
// last message tells. It sets the id that the next message has to follow.
func (p *Push) find(ctx context.Context, state *jetstream.StreamState) error {
	if p.sequence > state.LastSeq {
		p.o.Note("stream %s ends at message %d, and had acknowledged %d: it has lost messages, as after a power cut or with persist mode async; they are no longer in the queue", p.o.Stream, state.LastSeq, p.sequence)
		p.sequence = state.LastSeq
	}
	p.last = ""
	foreign := false
	for seq, n := state.LastSeq, 0; seq > p.sequence && seq >= state.FirstSeq && n < steps; seq, n = seq-1, n+1 {
		m, err := p.to.Message(ctx, p.o.Stream, seq)
		if errors.Is(err, link.ErrGone) {
			continue
		}
		if err != nil {
			return p.unanswered(err)
		}
		if seq == state.LastSeq {
			p.last = m.ID
		}
		if i := p.held(m.ID); i >= 0 {
			p.o.Stats.Duplicates.Add(uint64(i + 1))
			p.sequence = seq
			p.settle(i + 1)
			break
		}
		if p.sequence == 0 && !p.single && strings.HasPrefix(m.ID, p.from.CreationID()) {
			break // of this queue, and settled before
		}
		foreign = true
	}
	if p.last == "" && p.sequence == state.LastSeq && p.sequence > 0 {
		m, err := p.to.Message(ctx, p.o.Stream, p.sequence)
		if err != nil && !errors.Is(err, link.ErrGone) {
			return p.unanswered(err)
		}
		p.last = m.ID
	}
	if p.refusals > 1 { // whatever it is that the server does not follow
		p.last = ""
	}
	if foreign && p.sequence > 0 && !p.single {
		p.single = true
		p.o.Note("another publisher writes to stream %s: from here on the bridge sends one record at a time, which keeps the order; --single does so from the start", p.o.Stream)
	}
	return nil
}

// held returns the index, from the oldest on, of the record of that id; -1 if it is not
// held.
func (p *Push) held(id string) int {
	if id == "" {
		return -1
	}
	for i, it := range p.items[p.lo:p.hi] {
		if it.id == id {
			return i
		}
	}
	return -1
}
