package intake_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/intake"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/testagent"
)

// asked is a context with code of the test in Err.
type asked struct {
	context.Context
	err func() error
}

func (a *asked) Err() error { return a.err() }

// A record that ended the sleep of an intake, whose context ends before it takes the record, is
// left to another waiter, which is told.
func TestWhatIsNotTakenWhenTheContextEndsIsPassedOn(t *testing.T) {
	t.Parallel()
	queue := func() (string, *consumer.Raw) {
		q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64})
		return q, testagent.OpenConsumer(t, q, nil)
	}
	name, c := queue()
	_, beside := queue()
	p := testagent.OpenProducer(t, name)
	in, err := intake.New(c, beside)
	require.NoError(t, err)
	word := c.Member(0).End().Word()
	sent := 0 // calls since the record came
	ctx := &asked{Context: t.Context()}
	ctx.err = func() error {
		switch {
		case sent == 0 && park.Armed(word): // it is about to sleep, which the record ends
			require.NoError(t, p.TrySend([]byte("x")))
			sent = 1
		case sent > 0:
			sent++
		}
		if sent == 4 { // before the sleep, after it, and when Wait has returned
			park.NewSleeper(word).Prepare() // stands in for another waiter
		}
		if sent >= 4 {
			return context.Canceled
		}
		return nil
	}
	n, err := in.Lease(ctx, make([]consumer.Lease, 4))
	require.Zero(t, n)
	require.ErrorIs(t, err, context.Canceled)
	require.GreaterOrEqual(t, sent, 4)
	require.False(t, park.Armed(word), "somebody was woken")
	b, err := c.TryReceive(nil)
	require.NoError(t, err)
	require.Equal(t, "x", string(b))
}
