package worker

import (
	"errors"
	"fmt"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/crew"
)

// observe says on standard error what happens to records that do not succeed at once.
func (r *Runner) observe(e crew.Event) {
	text := what(e.Records, e.Attempts, e.Err)
	switch e.Kind {
	case crew.Retry:
		if !r.opts.Verbose {
			return
		}
		text = fmt.Sprintf("%s; again in %v", what(e.Records, 1, e.Err), e.Delay.Round(1e6))
	case crew.Short:
		text += "; it is tried again until that has passed"
	case crew.Late:
		text += ", and the command still runs"
	case crew.DeadLetter:
		text += fmt.Sprintf("; sent to queue %q", r.dead.Name())
	case crew.Dropped:
		text += "; dropped"
	}
	r.opts.Note("queue %q: %s", e.Records[0].Queue, text)
}

// letterWaits says what a dead letter has to wait for.
func (r *Runner) letterWaits(err error) {
	why := exit.Reason(err)
	if errors.Is(err, shmq.ErrFull) {
		why = fmt.Sprintf("queue %q is full", r.opts.Dead)
	}
	r.opts.Note("%s: a dead letter has to wait: %s", exit.Queues(r.from.Names()), why)
}

// what says which records failed, why, and how often.
func what(rs []*crew.Record, attempts int, err error) string {
	which := fmt.Sprintf("record %d", rs[0].Number)
	if n := len(rs); n > 1 {
		which = fmt.Sprintf("records %d to %d", rs[0].Number, rs[n-1].Number)
		if rs[n-1].Number != rs[0].Number+int64(n)-1 {
			which = fmt.Sprintf("%d of the %s", n, which)
		}
	}
	text := fmt.Sprintf("%s: %s", which, exit.OneLine(err.Error()))
	if attempts > 1 {
		text += fmt.Sprintf(", %d times", attempts)
	}
	return text
}

func are(rs []*crew.Record) string {
	if len(rs) == 1 {
		return "it is"
	}
	return "they are"
}
