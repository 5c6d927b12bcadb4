package pull

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/producer"
	"github.com/shmq/shmq/worker/deadletter"
)

// Letters is the queue of dead letters of one bridge. It is made with the first letter.
type Letters struct {
	name, queue string
	to          *producer.Raw
}

// NewLetters returns the queue of that name for messages that can't go to a queue.
func NewLetters(name, queue string) *Letters { return &Letters{name: name, queue: queue} }

const letterSlots = 64

// send sends a letter about a message, and waits for room.
func (q *Letters) send(ctx context.Context, m jetstream.Msg, about *jetstream.MsgMetadata, why string) error {
	host, _ := os.Hostname() // a letter without it is as good
	now := time.Now()
	l := deadletter.Letter{
		Queue: q.queue, ID: fmt.Sprintf("%s:%d", about.Stream, about.Sequence.Stream), Reason: why,
		Attempts: 1, Redelivered: int(about.NumDelivered) - 1, FirstTime: now, LastTime: now,
		Host: host, PID: os.Getpid(), Record: m.Data(),
	}
	if q.to == nil {
		need := max(2<<20, len(l.Record)) + l.Overhead() + deadletter.MaxDetails
		to, err := producer.OpenRaw(q.name, &producer.Options{AnyShape: true, Create: shmq.Options{Slots: letterSlots, SlotSize: 2 * need / letterSlots}})
		if err != nil {
			return err
		}
		q.to = to
	}
	return q.to.Send(ctx, l.Append(nil, q.to.MaxRecord()))
}

// Close leaves the queue.
func (q *Letters) Close() error {
	if q == nil || q.to == nil {
		return nil
	}
	return q.to.Close()
}
