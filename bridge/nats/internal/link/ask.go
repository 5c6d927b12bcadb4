package link

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrGone says that a message is not in the stream, or no longer.
var ErrGone = errors.New("no such message")

// Stored is a message of a stream.
type Stored struct {
	Subject string
	Seq     uint64
	ID      string // Nats-Msg-Id
	Time    time.Time
}

// Message asks the stream's leader for a message. The client's own call may ask any
// replica, which may not have it yet. Error: ErrGone.
func (l *Link) Message(ctx context.Context, stream string, seq uint64) (Stored, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	r, err := l.NC.RequestWithContext(ctx, l.prefix+"STREAM.MSG.GET."+stream, fmt.Appendf(nil, `{"seq":%d}`, seq))
	if err != nil {
		return Stored{}, wrap(err)
	}
	var answer struct {
		Error   *jetstream.APIError
		Message struct {
			Subject string
			Seq     uint64
			Hdrs    []byte
			Time    time.Time
		}
	}
	if err := json.Unmarshal(r.Data, &answer); err != nil {
		return Stored{}, fmt.Errorf("stream %s: message %d: %w", stream, seq, err)
	}
	switch {
	case answer.Error == nil:
	case answer.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return Stored{}, ErrGone
	default:
		return Stored{}, answer.Error
	}
	s := Stored{Subject: answer.Message.Subject, Seq: answer.Message.Seq, Time: answer.Message.Time}
	if len(answer.Message.Hdrs) > 0 {
		h, err := nats.DecodeHeadersMsg(answer.Message.Hdrs)
		if err != nil {
			return Stored{}, fmt.Errorf("stream %s: headers of message %d: %w", stream, seq, err)
		}
		s.ID = h.Get(jetstream.MsgIDHeader)
	}
	return s, nil
}

// Stream asks what the stream is like. Error: jetstream.ErrStreamNotFound.
func (l *Link) Stream(ctx context.Context, name string) (*jetstream.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	s, err := l.JS.Stream(ctx, name)
	if err != nil {
		return nil, wrap(err)
	}
	return s.CachedInfo(), nil
}

// Made returns the creation time of a stream as a number, which tells it from others of its
// name.
func Made(info *jetstream.StreamInfo) uint64 { return uint64(info.Created.UnixNano()) }

// MadeAgain is the error about a stream that is not the one that it was.
type MadeAgain struct {
	Stream        string
	Before, Since time.Time
	Remedy        string
}

func (e *MadeAgain) Error() string {
	return fmt.Sprintf("stream %s is not the one that it was: that was made at %s, this one at %s; %s",
		e.Stream, e.Before.UTC().Format(time.RFC3339Nano), e.Since.UTC().Format(time.RFC3339Nano), e.Remedy)
}

// Durability says in words what a PubAck of the stream means.
func Durability(info *jetstream.StreamInfo) string {
	cfg := &info.Config
	replicas := "in one place"
	if cfg.Replicas > 1 {
		replicas = fmt.Sprintf("on %d servers, and a majority of them has what was acknowledged", cfg.Replicas)
	}
	switch {
	case cfg.Storage == jetstream.MemoryStorage && cfg.Replicas > 1:
		return fmt.Sprintf("stream %s is in memory, %s; what was acknowledged is lost when they all end", info.Config.Name, replicas)
	case cfg.Storage == jetstream.MemoryStorage:
		return fmt.Sprintf("stream %s is in the memory of one server: what was acknowledged is lost when that server ends", info.Config.Name)
	case cfg.PersistMode == jetstream.AsyncPersistMode:
		return fmt.Sprintf("stream %s has persist mode async: a server that is killed loses messages that it acknowledged, and the bridge has taken them out of the queue; --persist-mode default does not", info.Config.Name)
	}
	return fmt.Sprintf("stream %s is in files, %s; a killed server loses nothing that it acknowledged, a power cut may, unless the server has sync_interval: always", info.Config.Name, replicas)
}
