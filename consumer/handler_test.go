package consumer_test

import (
	"context"
	"log/slog"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// handler is a log handler of a program.
type handler struct {
	slog.Handler
	do func()
}

func (handler) Enabled(context.Context, slog.Level) bool { return true }

func (h handler) Handle(context.Context, slog.Record) error { h.do(); return nil }

// A record was taken, and before it is copied the call is due and tells the log handler of a dead
// participant. A handler that panics, or ends the goroutine, leaves no lease behind.
func TestLogHandlerThatDoesNotReturnBeforeTheCopy(t *testing.T) {
	for name, do := range map[string]func(){
		"panic":  func() { panic("of the handler") },
		"Goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
				o.Slots, o.SlotSize = 16, 64
				q := testagent.Queue(t, &o)
				if o.Producers == shmq.One {
					t.Skip("nobody else to die")
				}
				other, dead := testagent.OpenProducer(t, q), testagent.Producer(t, q)
				calls := 0
				c, err := consumer.Open[[]byte](q, &consumer.Options{Logger: slog.New(handler{do: func() { calls++; do() }})})
				require.NoError(t, err)
				require.NoError(t, other.TrySend([]byte("\xc4\x01x")))
				l, err := c.Raw().TryLease()
				require.NoError(t, err)
				dead.Kill()
				testproc.Until(t, func() bool { return consumer.Due(c.Raw()) })
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					defer func() { _ = recover() }()
					_, _ = c.Decode(&l)
				}()
				<-ended
				require.Equal(t, 1, calls)
				again, err := c.Raw().TryLease()
				require.NoError(t, err)
				require.Equal(t, "\xc4\x01x", string(again.Bytes()))
				require.Positive(t, again.Redelivered())
				again.Ack()
				require.Zero(t, leased(t, q))
				require.NoError(t, c.Close())
			})
		})
	}
}
