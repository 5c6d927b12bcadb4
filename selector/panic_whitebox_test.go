package selector

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// panicking is a log handler of a program that panics.
type panicking struct{ slog.Handler }

func (panicking) Enabled(context.Context, slog.Level) bool  { return true }
func (panicking) Handle(context.Context, slog.Record) error { panic("of the handler") }

// The quick look at the queue that was returned last finds a dead participant, and the handler
// that is told panics. The set can be waited for afterwards.
func TestALogHandlerThatPanicsInTheQuickLook(t *testing.T) {
	t.Parallel()
	p, c := owedQueue(t, &consumer.Options{Logger: slog.New(panicking{})})
	for range 2 {
		require.NoError(t, p.TrySend([]byte("x")))
	}
	set := &Set{}
	require.NoError(t, set.Add(c))
	for range 2 {
		_, err := set.Wait(t.Context())
		require.NoError(t, err)
	}
	other := testagent.Consumer(t, c.Name())
	other.Lease(1)
	other.Kill()
	m := set.members()[0]
	testproc.Until(t, m.end.Due)
	quick := set.quick
	require.Positive(t, quick)
	require.PanicsWithValue(t, "of the handler", func() { _, _ = set.Wait(t.Context()) })
	require.Equal(t, quick, set.quick, "it was in the quick look")
	q, err := set.Wait(t.Context())
	require.NoError(t, err)
	require.Same(t, c, q)
	require.Equal(t, quick-1, set.quick)
}

// What Wait does on its way out of a panic may panic as well.
func TestAPanicOnTheWayOutOfAPanic(t *testing.T) {
	t.Parallel()
	p, c := owedQueue(t, nil)
	set := &Set{Policy: shmq.Park}
	require.NoError(t, set.Add(c))
	m := set.members()[0]
	passOn := m.passOn
	m.passOn = func() error { panic("of the handler") }
	nothing := func() {}
	ctx := &program{t.Context(), []func(){
		nothing, nothing, // as in TestAWakeUpIsPassedOnIfTheContextPanics
		func() { require.NoError(t, p.TrySend([]byte("x"))) },
		func() { panic("of the context") },
	}}
	require.PanicsWithValue(t, "of the handler", func() { _, _ = set.Wait(ctx) })
	m.passOn = passOn
	q, err := set.Wait(t.Context())
	require.NoError(t, err)
	require.Same(t, c, q)
	_, err = c.TryReceive(nil)
	require.NoError(t, err, "no call is under way")
}
