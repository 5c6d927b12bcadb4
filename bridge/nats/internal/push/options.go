// Package push takes records out of a queue and publishes them to a JetStream stream, each
// once and in order, however often it or the server is killed.
package push

import (
	"errors"
	"fmt"
	"time"

	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/crew"

	"github.com/shmq/shmq/bridge/nats/internal/stats"
)

// Policy says what becomes of a record that can't pass.
type Policy string

const (
	// Ask refuses to start where such records are possible.
	Ask Policy = ""
	// Refuse ends the bridge at such a record, which stays in the queue.
	Refuse Policy = "refuse"
	// DeadLetter sends the record to the queue of dead letters.
	DeadLetter Policy = "dead-letter"
)

// MaxInFlight is the most records that a bridge has published and not settled, whatever its
// options: one that starts holds as many when it looks for those of the one before it.
const MaxInFlight = 4096

// Options say what to publish, and how.
type Options struct {
	Stream  string
	Subject *Subject
	// Outage is the longest time for which the bridge or the server may be away: the
	// stream has to remember ids for as long.
	Outage time.Duration
	// Single sends one record at a time, for streams that others write to as well.
	Single bool
	// InFlight and InFlightBytes bound what is published and not acknowledged.
	InFlight, InFlightBytes int
	// TooLarge is for records that are larger than a message, NoSubject for those that
	// the stream has no subject for; there Ask means Refuse.
	TooLarge, NoSubject Policy
	Dead                *crew.DeadQueue
	// Format makes payloads of records. nil: they stay as they are.
	Format *format.Format
	// Strict makes an error of a stream of the queue that was broken off; else it is an end
	// like others.
	Strict bool
	// UntilEmpty ends the bridge when the queue is empty.
	UntilEmpty bool
	// Grace is how long acknowledgements are waited for once the bridge has to end.
	Grace time.Duration
	Note  func(format string, args ...any)
	Stats *stats.Stats
}

// Errors.
var (
	// ErrSettings says that the stream's settings don't give what was asked for.
	ErrSettings = errors.New("the stream's settings")
	// ErrUnfit says that a record can't pass.
	ErrUnfit = errors.New("a record can't pass")
)

func settings(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrSettings, fmt.Sprintf(format, args...))
}
