package stream

import (
	"time"

	"github.com/shmq/shmq/consumer"
)

// lagging tells a user of records that were lost: at once, and then once a second at most, since a
// receiver that is too slow loses some each lap.
type lagging struct {
	line   func(format string, args ...any)
	told   time.Time
	untold map[*consumer.Raw]*consumer.LaggedError
}

func (l *lagging) tell(from *consumer.Raw, err *consumer.LaggedError) {
	if l.untold == nil {
		l.untold = map[*consumer.Raw]*consumer.LaggedError{}
	}
	l.untold[from] = err
	if time.Since(l.told) >= time.Second {
		l.told = time.Now()
		l.last()
	}
}

// last tells what is still to be told.
func (l *lagging) last() {
	for from, err := range l.untold {
		l.line("queue %q: fell behind: records in %d slots were overwritten, %d in all; going on at position %d", from.Name(), err.To-err.From, err.Lost, err.To)
	}
	clear(l.untold)
}
