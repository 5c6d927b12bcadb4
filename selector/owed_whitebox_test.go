package selector

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/producer"
)

// These tests stand in for another sleeper by its flag: a wake-up that finds nobody lowers it.

func owedQueue(t *testing.T, o *consumer.Options) (*producer.Raw, *consumer.Raw) {
	q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64})
	return testagent.OpenProducer(t, q), testagent.OpenConsumer(t, q, o)
}

// announce raises the flag of the queue of m.
func announce(m *member) { park.NewSleeper(m.word).Prepare() }

// owing returns a set of two queues that owes a wake-up for the first, which has a record.
func owing(t *testing.T) (*Set, *member) {
	p, c := owedQueue(t, nil)
	_, beside := owedQueue(t, nil)
	set := &Set{}
	require.NoError(t, set.Add(c))
	require.NoError(t, set.Add(beside))
	require.NoError(t, p.TrySend([]byte("x")))
	q, err := set.Wait(t.Context())
	require.NoError(t, err)
	require.Same(t, c, q)
	m := set.members()[0]
	set.owed.Store(m)
	announce(m)
	return set, m
}

func TestWhatIsOwedIsPassedOnWhenTheContextHasEnded(t *testing.T) {
	t.Parallel()
	set, m := owing(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	q, err := set.Wait(ctx)
	require.Nil(t, q)
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, park.Armed(m.word), "somebody was woken")
	_, err = set.Wait(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

// Remove has taken the queue out, and Wait comes before Remove gets on.
func TestWhatIsOwedIsPassedOnInTheMiddleOfARemove(t *testing.T) {
	t.Parallel()
	set, m := owing(t)
	require.Same(t, m, set.take(m.queue))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := set.Wait(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, park.Armed(m.word), "somebody was woken")
}

// program is a context with code of the program in Err: what is to happen at each call of it.
type program struct {
	context.Context
	calls []func()
}

func (p *program) Err() error {
	if len(p.calls) > 0 {
		f := p.calls[0]
		p.calls = p.calls[1:]
		f()
	}
	return p.Context.Err()
}

func TestAWakeUpIsPassedOnIfTheContextPanics(t *testing.T) {
	t.Parallel()
	p, c := owedQueue(t, nil)
	set := &Set{Policy: shmq.Park}
	require.NoError(t, set.Add(c))
	m := set.members()[0]
	nothing := func() {}
	asleep := false
	ctx := &program{t.Context(), []func(){
		nothing, // of Wait
		nothing, // before the sleep is counted
		func() { require.NoError(t, p.TrySend([]byte("x"))) }, // before the sleep, which ends at once
		func() { asleep = true; announce(m); panic("of the program") },
	}}
	require.PanicsWithValue(t, "of the program", func() { _, _ = set.Wait(ctx) })
	require.True(t, asleep)
	require.False(t, park.Armed(m.word), "somebody was woken")
	_, err := set.Wait(t.Context())
	require.NoError(t, err, "the set goes on")
}

// A producer of large records asks the others to stand back before it sleeps. If Wait does not get
// to sleep, because another queue has something to tell, they don't have to any more.
func TestOthersDoNotStandBackForAProducerThatDoesNotWait(t *testing.T) {
	t.Parallel()
	full, taker := owedQueue(t, nil)
	small := testagent.OpenProducer(t, full.Name())
	for small.TrySend([]byte("x")) == nil {
	}
	over, ends := owedQueue(t, &consumer.Options{UntilEOF: true})
	_, err := ends.TryReceive(nil)
	require.ErrorIs(t, err, shmq.ErrEmpty)
	require.NoError(t, over.Finish())

	set := &Set{Policy: shmq.Park} // the end is found right before the sleep
	require.NoError(t, set.AddRoom(full, 64*8))
	require.NoError(t, set.Add(ends))
	q, err := set.Wait(t.Context())
	require.Equal(t, io.EOF, err)
	require.Same(t, ends, q)
	for range 3 {
		_, err := taker.TryReceive(nil)
		require.NoError(t, err)
		require.NoError(t, small.TrySend([]byte("x")), "it has not to stand back")
	}
}

// A handle that is closed instead of used leaves to others what Wait has returned.
func TestClosePassesOnWhatIsNotTaken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]func(p *producer.Raw, c *consumer.Raw) (q Queue, other Queue, closes func() error){
		"consumer": func(p *producer.Raw, c *consumer.Raw) (Queue, Queue, func() error) {
			require.NoError(t, p.TrySend([]byte("x")))
			return c, testagent.OpenConsumer(t, c.Name(), nil), c.Close
		},
		"producer": func(p *producer.Raw, _ *consumer.Raw) (Queue, Queue, func() error) {
			return p, testagent.OpenProducer(t, p.Name()), p.Close
		},
	} {
		q, other, closes := c(owedQueue(t, nil))
		var set Set
		require.NoError(t, set.Add(q))
		got, err := set.Wait(t.Context())
		require.NoError(t, err)
		require.Same(t, q, got)
		m := newMember(other, 0, &set.sleeper)
		announce(m)
		require.NoError(t, closes())
		require.False(t, park.Armed(m.word), "somebody was woken: %s", name)
	}
}
