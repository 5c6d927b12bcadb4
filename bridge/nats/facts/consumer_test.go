package facts_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// The acknowledgement of a message of a stream that was deleted counts for the stream that
// was made under its name, if consumer and sequences are the same.
func TestAnOldAcknowledgementCountsForANewStream(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	stream(t, js, nil)
	made := func() jetstream.Consumer {
		c, err := js.CreateConsumer(context30(t), "S", jetstream.ConsumerConfig{Durable: "C", AckWait: time.Minute})
		require.NoError(t, err)
		return c
	}
	c := made()
	stored(t, nc, message("s", "old"))
	old, err := c.Next()
	require.NoError(t, err)
	require.NoError(t, js.DeleteStream(context30(t), "S"))

	stream(t, js, nil)
	c = made()
	stored(t, nc, message("s", "new"))
	_, err = c.Next()
	require.NoError(t, err)
	require.NoError(t, old.DoubleAck(context30(t)))
	info, err := c.Info(context30(t))
	require.NoError(t, err)
	require.EqualValues(t, 1, info.AckFloor.Stream, "the new one is acknowledged")
}

// A stream that is made again has another creation time, and nothing else tells.
func TestAStreamThatIsMadeAgainHasAnotherCreationTime(t *testing.T) {
	t.Parallel()
	_, js := embedded(t)
	before := stream(t, js, nil).CachedInfo().Created
	require.NoError(t, js.DeleteStream(context30(t), "S"))
	require.NotEqual(t, before, stream(t, js, nil).CachedInfo().Created)
}

// An ordered consumer goes on behind the sequence that it had reached in the stream before.
func TestAnOrderedConsumerSkipsTheBeginningOfANewStream(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	s := stream(t, js, nil)
	c, err := s.OrderedConsumer(context30(t), jetstream.OrderedConsumerConfig{})
	require.NoError(t, err)
	for i := range 3 {
		stored(t, nc, message("s", fmt.Sprint("old ", i)))
	}
	got := make(chan string, 10)
	run, err := c.Consume(func(m jetstream.Msg) { got <- string(m.Data()) }, jetstream.PullHeartbeat(500*time.Millisecond), jetstream.PullExpiry(time.Second))
	require.NoError(t, err)
	defer run.Stop()
	for i := range 3 {
		require.Equal(t, fmt.Sprint("old ", i), <-got)
	}
	require.NoError(t, js.DeleteStream(context30(t), "S"))
	stream(t, js, nil)
	for i := range 5 {
		stored(t, nc, message("s", fmt.Sprint("new ", i)))
	}
	require.Equal(t, "new 3", <-got, "0 to 2 were passed over")
}

// A message that was delivered MaxDeliver times stays in the stream and never comes again.
func TestPastMaxDeliverAMessageStays(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	stream(t, js, func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy })
	c, err := js.CreateConsumer(context30(t), "S", jetstream.ConsumerConfig{Durable: "C", MaxDeliver: 2})
	require.NoError(t, err)
	stored(t, nc, message("s", "1"))
	for range 2 {
		m, err := c.Next()
		require.NoError(t, err)
		require.NoError(t, m.Nak())
	}
	_, err = c.Next(jetstream.FetchMaxWait(time.Second))
	require.ErrorIs(t, err, nats.ErrTimeout)
	require.EqualValues(t, 1, state(t, js).Msgs)
}

// What pull rests on: a reset begins at a sequence, forgets what was delivered, and counts
// deliveries from 1.
func TestAResetBeginsAnew(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	stream(t, js, nil)
	c, err := js.CreateConsumer(context30(t), "S", jetstream.ConsumerConfig{Durable: "C", AckPolicy: jetstream.AckAllPolicy})
	require.NoError(t, err)
	for i := range 6 {
		stored(t, nc, message("s", fmt.Sprint(i+1)))
	}
	fetch := func() (seqs []string) {
		batch, err := c.Fetch(10, jetstream.FetchMaxWait(500*time.Millisecond))
		require.NoError(t, err)
		for m := range batch.Messages() {
			about, err := m.Metadata()
			require.NoError(t, err)
			seqs = append(seqs, fmt.Sprintf("%d:%d:%s", about.Sequence.Consumer, about.Sequence.Stream, m.Data()))
		}
		return seqs
	}
	require.Equal(t, []string{"1:1:1", "2:2:2", "3:3:3", "4:4:4", "5:5:5", "6:6:6"}, fetch())
	info, err := js.ResetConsumerToSequence(context30(t), "S", "C", 4)
	require.NoError(t, err)
	require.EqualValues(t, 3, info.AckFloor.Stream)
	require.Zero(t, info.NumAckPending)
	require.Equal(t, []string{"1:4:4", "2:5:5", "3:6:6"}, fetch())
}

func TestAResetIsRefusedForAConsumerOfNewMessages(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	stream(t, js, nil)
	for i := range 3 {
		stored(t, nc, message("s", fmt.Sprint(i)))
	}
	_, err := js.CreateConsumer(context30(t), "S", jetstream.ConsumerConfig{Durable: "NEW", DeliverPolicy: jetstream.DeliverNewPolicy})
	require.NoError(t, err)
	_, err = js.ResetConsumerToSequence(context30(t), "S", "NEW", 2)
	require.ErrorIs(t, err, jetstream.ErrConsumerInvalidReset)
	_, err = js.CreateConsumer(context30(t), "S", jetstream.ConsumerConfig{Durable: "LATE", DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: 3})
	require.NoError(t, err)
	_, err = js.ResetConsumerToSequence(context30(t), "S", "LATE", 2)
	require.ErrorIs(t, err, jetstream.ErrConsumerInvalidReset)
	_, err = js.ResetConsumerToSequence(context30(t), "S", "LATE", 3)
	require.NoError(t, err)
}
