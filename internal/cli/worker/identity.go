package worker

import (
	"time"

	"github.com/shmq/shmq/consumer"
)

// identity tells a command which record it gets, and when that was sent. Both are always
// set, so that a command never sees those of another record, which ran the receiver.
func identity(l *consumer.Lease) []string {
	sent := ""
	if t := l.SentAt(); !t.IsZero() {
		sent = t.Format(time.RFC3339Nano)
	}
	return []string{"SHMQ_ID=" + l.ID().String(), "SHMQ_SENT_AT=" + sent}
}
