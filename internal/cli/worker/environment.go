package worker

import (
	"fmt"
	"time"

	"github.com/shmq/shmq/internal/crew"
)

// environment tells a command about the record that it gets, or about the records of its
// batch: id, time and number of the first, and the most that one was delivered before. All
// are always set, so that a command never sees those of another record, for which the
// receiver itself was run.
func (r *Runner) environment(rs []*crew.Record) []string {
	redelivered := 0
	for _, rec := range rs {
		redelivered = max(redelivered, rec.Redelivered)
	}
	sent := ""
	if t := rs[0].SentAt; !t.IsZero() {
		sent = t.Format(time.RFC3339Nano)
	}
	return []string{
		"SHMQ_QUEUE=" + rs[0].Queue,
		"SHMQ_ID=" + rs[0].ID.String(),
		"SHMQ_SENT_AT=" + sent,
		fmt.Sprintf("SHMQ_RECORD=%d", rs[0].Number),
		fmt.Sprintf("SHMQ_RECORDS=%d", len(rs)),
		fmt.Sprintf("SHMQ_ATTEMPT=%d", rs[0].Attempt),
		fmt.Sprintf("SHMQ_REDELIVERED=%d", redelivered),
	}
}
