package worker

import (
	"fmt"

	"github.com/shmq/shmq/internal/crew"
)

// environment tells a command about the record that it gets, or about the records of its
// batch: the number of the first, and the most that one was delivered before.
func (r *Runner) environment(rs []*crew.Record) []string {
	redelivered := 0
	for _, rec := range rs {
		redelivered = max(redelivered, rec.Redelivered)
	}
	return []string{
		"SHMQ_QUEUE=" + r.from.Name(),
		fmt.Sprintf("SHMQ_RECORD=%d", rs[0].Number),
		fmt.Sprintf("SHMQ_RECORDS=%d", len(rs)),
		fmt.Sprintf("SHMQ_ATTEMPT=%d", rs[0].Attempt),
		fmt.Sprintf("SHMQ_REDELIVERED=%d", redelivered),
	}
}
