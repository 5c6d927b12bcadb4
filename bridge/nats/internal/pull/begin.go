package pull

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/shmq/shmq/bridge/nats/internal/link"
	"github.com/shmq/shmq/producer"
)

// begin finds stream and consumer, compares them with the mark, and sets the consumer to
// behind it. It returns how many messages wait there.
func (p *Pull) begin(ctx context.Context) (c jetstream.Consumer, pending uint64, err error) {
	info, err := p.from.Stream(ctx, p.o.Stream)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound) && p.made != 0:
		return nil, 0, fmt.Errorf("%w: stream %s was deleted", err, p.o.Stream)
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, link.ErrAccess):
		return nil, 0, fmt.Errorf("stream %s: %w", p.o.Stream, err)
	case err != nil:
		return nil, 0, p.unanswered(err)
	}
	if err := p.compare(ctx, info); err != nil {
		return nil, 0, err
	}
	if c, err = p.consumer(ctx, info); err != nil {
		return nil, 0, err
	}
	reset, err := p.reset(ctx, info)
	if err != nil {
		return nil, 0, err
	}
	if p.any && reset.AckFloor.Stream > p.mark[0] {
		p.o.Note("consumer %s: messages up to %d were acknowledged, and the queue has those up to %d: another client took them, or the queue was set back; they do not come again", p.o.Consumer, reset.AckFloor.Stream, p.mark[0])
	}
	return c, reset.NumPending, nil
}

// unanswered is for questions that failed: the server may be starting.
func (p *Pull) unanswered(err error) error {
	if !p.from.NC.IsConnected() {
		return &again{} // the link has said so
	}
	return &again{fmt.Sprintf("stream %s: the server does not answer, and the bridge asks again: %v", p.o.Stream, err)}
}

// compare tells whether the stream is the one that the mark is of.
func (p *Pull) compare(ctx context.Context, info *jetstream.StreamInfo) error {
	made := link.Made(info)
	first := p.made == 0
	if !first && p.made != made {
		return fmt.Errorf("%w: stream %s was deleted and made again at %v: start the bridge again with --new-stream to go on with the beginning of this one", ErrOther, p.o.Stream, info.Created.UTC().Format(time.RFC3339Nano))
	}
	if first {
		if err := p.checkSize(info); err != nil {
			return err
		}
	}
	if p.any {
		why, err := p.differs(ctx, info, made)
		switch {
		case err != nil:
			return err
		case why != "" && first && p.o.NewStream:
			p.o.Note("%s; the bridge begins where consumer %s stands", why, p.o.Consumer)
			p.any, p.mark = false, producer.Mark{}
		case why != "":
			return fmt.Errorf("%w: %s: look which messages the queue lacks, and go on with --new-stream, which begins where the consumer stands; or give the queue a new name", ErrOther, why)
		}
	}
	if p.any && info.State.FirstSeq > p.mark[0]+1 && info.State.FirstSeq <= info.State.LastSeq+1 && info.Config.Retention == jetstream.LimitsPolicy {
		if p.removed != info.State.FirstSeq {
			p.removed = info.State.FirstSeq
			p.o.Note("stream %s begins at message %d, and the queue has those up to %d: those between were removed before they could be pulled", p.o.Stream, info.State.FirstSeq, p.mark[0])
		}
	}
	p.made = made
	return nil
}

// differs says in words why the stream is not the one that the mark is of, "" if it is.
func (p *Pull) differs(ctx context.Context, info *jetstream.StreamInfo, made uint64) (why string, err error) {
	seq := p.mark[0]
	if !sameStream(p.mark, made) {
		return fmt.Sprintf("queue %q has messages up to %d of a stream that was made at another time than stream %s, at %v", p.to.Name(), seq, p.o.Stream, info.Created.UTC().Format(time.RFC3339Nano)), nil
	}
	if info.State.LastSeq < seq {
		return fmt.Sprintf("stream %s ends at message %d, and queue %q has those up to %d: the stream has lost its end, as after a power cut, with persist mode async or from a backup, and uses their sequences again", p.o.Stream, info.State.LastSeq, p.to.Name(), seq), nil
	}
	m, err := p.from.Message(ctx, p.o.Stream, seq)
	switch {
	case errors.Is(err, link.ErrGone): // removed since; nothing to compare with
		return "", nil
	case err != nil:
		return "", p.unanswered(err)
	case !sameMessage(p.mark, m.Time):
		return fmt.Sprintf("message %d of stream %s is not the one that queue %q has: the stream has lost its end and used the sequences again", seq, p.o.Stream, p.to.Name()), nil
	}
	return "", nil
}

// checkSize refuses to start where the stream may have messages that no record can hold,
// unless it was said what to do with them.
func (p *Pull) checkSize(info *jetstream.StreamInfo) error {
	largest := p.from.NC.MaxPayload()
	if m := int64(info.Config.MaxMsgSize); m >= 0 {
		largest = min(largest, m)
	}
	if p.o.TooLarge != Ask || largest <= int64(p.to.MaxRecord()) {
		return nil
	}
	return settings("messages of stream %s have up to %d bytes, and records of queue %q up to %d: say what to do with those that do not fit, --too-large refuse or --too-large dead-letter; or make the queue with larger records (shmq create --slot-size, --slots)",
		p.o.Stream, largest, p.to.Name(), p.to.MaxRecord())
}

// consumer returns the consumer, which is made if it is absent.
func (p *Pull) consumer(ctx context.Context, info *jetstream.StreamInfo) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, link.Patience)
	defer cancel()
	c, err := p.from.JS.Consumer(ctx, p.o.Stream, p.o.Consumer)
	if errors.Is(err, jetstream.ErrConsumerNotFound) && !p.o.NoCreate {
		if c, err = p.create(ctx, info); err == nil {
			p.o.Note("consumer %s of stream %s was made", p.o.Consumer, p.o.Stream)
		}
	}
	switch {
	case err == nil:
	case errors.Is(err, jetstream.ErrConsumerNotFound):
		return nil, fmt.Errorf("stream %s: consumer %s: %w; make it with: nats consumer add %s %s --pull --ack all --deliver all --defaults", p.o.Stream, p.o.Consumer, err, p.o.Stream, p.o.Consumer)
	case errors.Is(err, jetstream.ErrNotPullConsumer):
		return nil, settings("consumer %s of stream %s is a push consumer: want a pull consumer, without a delivery subject", p.o.Consumer, p.o.Stream)
	case errors.As(err, new(jetstream.JetStreamError)) && !errors.Is(err, jetstream.ErrJetStreamNotEnabled):
		return nil, fmt.Errorf("stream %s: consumer %s: %w", p.o.Stream, p.o.Consumer, err)
	default:
		return nil, p.unanswered(err)
	}
	cfg := &c.CachedInfo().Config
	switch {
	case cfg.AckPolicy == jetstream.AckNonePolicy:
		return nil, settings("consumer %s acknowledges by itself (ack policy none): a message counts as done before it is in the queue; want --ack all or --ack explicit", p.o.Consumer)
	case cfg.MaxDeliver > 0:
		return nil, settings("consumer %s gives a message up after %d deliveries, and it would stay in the stream for good; nats consumer edit %s %s --max-deliver -1", p.o.Consumer, cfg.MaxDeliver, p.o.Stream, p.o.Consumer)
	}
	p.all = cfg.AckPolicy == jetstream.AckAllPolicy
	return c, nil
}

func (p *Pull) create(ctx context.Context, info *jetstream.StreamInfo) (jetstream.Consumer, error) {
	cfg := jetstream.ConsumerConfig{
		Durable: p.o.Consumer, AckPolicy: jetstream.AckAllPolicy, MaxDeliver: -1,
		FilterSubjects: p.o.Filter, MaxAckPending: max(4*p.o.Ahead, 1000),
		Description: "shmq-nats pull, queue " + p.to.Name(),
	}
	if info.Config.Retention == jetstream.WorkQueuePolicy {
		cfg.AckPolicy = jetstream.AckExplicitPolicy // the server demands it
	}
	if p.o.FromNew && !p.any {
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, info.State.LastSeq+1
	}
	return p.from.JS.CreateConsumer(ctx, p.o.Stream, cfg)
}

// reset sets the consumer to behind the mark; without a mark, and where acknowledgements
// remove messages, to behind what is acknowledged: what is in the queue already is
// acknowledged once more then.
func (p *Pull) reset(ctx context.Context, info *jetstream.StreamInfo) (*jetstream.ConsumerResetResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, link.Patience)
	defer cancel()
	var r *jetstream.ConsumerResetResponse
	var err error
	if p.any && info.Config.Retention == jetstream.LimitsPolicy {
		r, err = p.from.JS.ResetConsumerToSequence(ctx, p.o.Stream, p.o.Consumer, p.reached()+1)
	} else {
		r, err = p.from.JS.ResetConsumer(ctx, p.o.Stream, p.o.Consumer)
	}
	switch {
	case err == nil:
		return r, nil
	case errors.Is(err, jetstream.ErrConsumerInvalidReset):
		return nil, settings("consumer %s can't be set to message %d, behind what is in queue %q: it was made for later messages; make it anew with --deliver all", p.o.Consumer, p.reached()+1, p.to.Name())
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrJetStreamNotEnabled):
		if v := p.from.NC.ConnectedServerVersion(); older(v) {
			return nil, settings("the server is of version %s: consumers can be set back from 2.14 on", v)
		}
	}
	return nil, p.unanswered(err)
}

// older reports whether a server's version is below 2.14.
func older(version string) bool {
	var major, minor int
	if _, err := fmt.Sscanf(strings.TrimPrefix(version, "v"), "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major < 2 || major == 2 && minor < 14
}
