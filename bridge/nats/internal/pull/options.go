// Package pull takes messages out of a JetStream stream and sends them to a queue, each
// once and in order, however often it or the server is killed.
package pull

import (
	"context"
	"errors"
	"fmt"

	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/producer"

	"github.com/shmq/shmq/bridge/nats/internal/stats"
)

// Policy says what becomes of a message that can't be a record.
type Policy string

const (
	// Ask refuses to start where such messages are possible.
	Ask Policy = ""
	// Refuse ends the bridge at such a message, which stays in the stream.
	Refuse Policy = "refuse"
	// DeadLetter sends the message to the queue of dead letters.
	DeadLetter Policy = "dead-letter"
)

// Queue is the producer of the queue, as far as the bridge uses it: a *producer.Raw.
type Queue interface {
	Name() string
	MaxRecord() int
	SlotSize() int
	Mark() (producer.Mark, bool, error)
	SendBatchMarked(ctx context.Context, recs [][]byte, marks []producer.Mark) (int, error)
}

// Options say what to receive, and how.
type Options struct {
	Stream, Consumer string
	// NoCreate demands a consumer that exists. Else it is made, for the messages of Filter,
	// and all that the stream has or only those to come.
	NoCreate bool
	Filter   []string
	FromNew  bool
	// NewStream goes on with a stream that is not the one that the queue's mark is of, or
	// has lost its end.
	NewStream bool
	// Batch is how many records go to the queue in one step; Ahead how many messages are
	// asked for before they can be sent.
	Batch, Ahead int
	// TooLarge is for messages that are larger than a record, Unreadable for those that
	// Format can't read; there Ask means Refuse.
	TooLarge, Unreadable Policy
	Dead                 *Letters
	// Format makes records of payloads. nil: they stay as they are.
	Format *format.Format
	// UntilEmpty ends the bridge when the consumer has nothing more.
	UntilEmpty bool
	Note       func(format string, args ...any)
	Stats      *stats.Stats
}

// Errors.
var (
	// ErrSettings says that the settings of stream, consumer or queue don't give what was
	// asked for.
	ErrSettings = errors.New("the settings")
	// ErrUnfit says that a message can't be a record.
	ErrUnfit = errors.New("a message can't be a record")
	// ErrOther says that the stream is not the one that the queue's mark is of.
	ErrOther = errors.New("another stream")
)

func settings(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrSettings, fmt.Sprintf(format, args...))
}
