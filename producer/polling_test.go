package producer_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/producer"
)

// A call that does not wait and finds no room looks once more after a while, but only where consumers were at
// work since the last such call.
func TestTryLooksAgainWhereConsumersAreAtWork(t *testing.T) {
	late := [][]byte{[]byte("late")}
	tries := []struct {
		what   string
		marked bool // for a single producer
		try    func(p *producer.Raw) error
	}{
		{"a record", false, func(p *producer.Raw) error { return p.TrySend(late[0]) }},
		{"a reservation", false, func(p *producer.Raw) error { return second(p.TryReserve(4)) }},
		{"a batch", false, func(p *producer.Raw) error { return second(p.TrySendBatch(late)) }},
		{"a record with a mark", true, func(p *producer.Raw) error { return p.TrySendMarked(late[0], producer.Mark{1}) }},
		{"a batch with marks", true, func(p *producer.Raw) error { return second(p.TrySendBatchMarked(late, []producer.Mark{{1}})) }},
	}
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		for _, call := range tries {
			if call.marked && o.Producers == shmq.Many {
				continue
			}
			q := testagent.Queue(t, small(o))
			p, c := openProducer(t, q), openConsumer(t, q, nil)
			receive := func() {
				_, err := c.TryReceive(nil)
				require.NoError(t, err)
			}
			fill(t, p, 0)
			pauses := 0
			p.OnPause(func() { pauses++ })
			require.ErrorIs(t, call.try(p), shmq.ErrFull, call.what)
			require.ErrorIs(t, call.try(p), shmq.ErrFull, call.what)
			require.Zero(t, pauses, "%s: nobody has received since the ring was found full", call.what)

			receive()
			require.NoError(t, p.TrySend(nil))
			p.OnPause(func() { pauses++; receive() })
			err := call.try(p)
			if o.Consumers != shmq.Many {
				require.ErrorIs(t, err, shmq.ErrFull, call.what)
				require.Zero(t, pauses, "%s: head says how much room there is", call.what)
				continue
			}
			require.NoError(t, err, call.what)
			require.Equal(t, 1, pauses, call.what)
		}
	})
}
