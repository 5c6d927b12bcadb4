package facts_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/bridge/nats/internal/testnats"
)

func TestTheWindowIsTwoMinutesUnlessMaxAgeIsShorter(t *testing.T) {
	t.Parallel()
	_, js := embedded(t)
	stream(t, js, nil)
	require.Equal(t, 2*time.Minute, config(t, js).Duplicates)
	require.NoError(t, js.DeleteStream(context30(t), "S"))
	stream(t, js, func(c *jetstream.StreamConfig) { c.MaxAge = 10 * time.Second })
	require.Equal(t, 10*time.Second, config(t, js).Duplicates)
}

func TestTheWindowIsAtLeast100Milliseconds(t *testing.T) {
	t.Parallel()
	_, js := embedded(t)
	_, err := js.CreateStream(context30(t), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, Duplicates: 99 * time.Millisecond})
	require.ErrorContains(t, err, "duplicates window needs to be >= 100ms")
	stream(t, js, func(c *jetstream.StreamConfig) { c.Duplicates = 100 * time.Millisecond })
	require.Equal(t, 100*time.Millisecond, config(t, js).Duplicates)
}

func TestAStreamWithSourcesHasNoWindow(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	_, err := js.CreateStream(context30(t), jetstream.StreamConfig{Name: "ORIGIN", Subjects: []string{"origin"}})
	require.NoError(t, err)
	sources := []*jetstream.StreamSource{{Name: "ORIGIN"}}
	stream(t, js, func(c *jetstream.StreamConfig) { c.Sources = sources })
	require.Zero(t, config(t, js).Duplicates)
	require.NoError(t, js.DeleteStream(context30(t), "S"))

	stream(t, js, nil)
	cfg := config(t, js)
	require.Equal(t, 2*time.Minute, cfg.Duplicates)
	cfg.Sources, cfg.Duplicates = sources, 0
	_, err = js.UpdateStream(context30(t), cfg)
	require.NoError(t, err)
	require.Zero(t, config(t, js).Duplicates, "the update has switched the window off")
	stored(t, nc, message("s", "1", msgID, "a"))
	stored(t, nc, message("s", "1", msgID, "a"))
}

func TestAPurgeKeepsIDs(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	s := stream(t, js, nil)
	require.EqualValues(t, 1, stored(t, nc, message("s", "1", msgID, "a")))
	require.NoError(t, s.Purge(context30(t)))
	again := publish(t, nc, message("s", "1", msgID, "a"))
	require.True(t, again.Duplicate)
	require.EqualValues(t, 1, again.Seq)
	require.Empty(t, contents(t, js), "the duplicate is nowhere")
}

func TestADeletionKeepsIDs(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	s := stream(t, js, nil)
	stored(t, nc, message("s", "1", msgID, "a"))
	require.NoError(t, s.DeleteMsg(context30(t), 1))
	require.True(t, publish(t, nc, message("s", "1", msgID, "a")).Duplicate)
	require.Empty(t, contents(t, js))
}

func TestMaxMsgsKeepsIDs(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	stream(t, js, func(c *jetstream.StreamConfig) { c.MaxMsgs = 1 })
	stored(t, nc, message("s", "1", msgID, "a"))
	stored(t, nc, message("s", "2", msgID, "b"))
	require.True(t, publish(t, nc, message("s", "1", msgID, "a")).Duplicate)
	require.Equal(t, []string{"2"}, contents(t, js))
}

// A message that was acknowledged out of a work queue is stored twice if its PubAck was
// lost and the server was started again.
func TestAfterARestartOnlyIDsOfMessagesThatAreThereCount(t *testing.T) {
	t.Parallel()
	s := testnats.Start(t, testnats.Config{})
	nc, js := testnats.Connect(t, s.URL)
	stream(t, js, func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy })
	c, err := js.CreateConsumer(context30(t), "S", jetstream.ConsumerConfig{Durable: "C"})
	require.NoError(t, err)
	stored(t, nc, message("s", "1", msgID, "a"))
	stored(t, nc, message("s", "2", msgID, "b"))
	m, err := c.Next()
	require.NoError(t, err)
	require.Equal(t, "1", string(m.Data()))
	require.NoError(t, m.DoubleAck(context30(t)))
	until(t, "removal", func() bool { return state(t, js).Msgs == 1 })
	require.True(t, publish(t, nc, message("s", "1", msgID, "a")).Duplicate, "before the restart")
	s.Stop()
	s.Begin()
	until(t, "connection", nc.IsConnected)
	require.True(t, publish(t, nc, message("s", "2", msgID, "b")).Duplicate, "still there")
	require.False(t, publish(t, nc, message("s", "1", msgID, "a")).Duplicate, "gone, and forgotten")
}

func TestIDsAreTrimmed(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	stream(t, js, nil)
	stored(t, nc, message("s", "1", msgID, "a"))
	require.True(t, publish(t, nc, message("s", "1", msgID, "  a ")).Duplicate)
}

func TestALineBreakInAnIDBecomesABlank(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	stream(t, js, nil)
	stored(t, nc, message("s", "1", msgID, "a\nb"))
	require.True(t, publish(t, nc, message("s", "1", msgID, "a b")).Duplicate)
}

func TestAnIDInALowerCaseHeaderIsNone(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	stream(t, js, nil)
	stored(t, nc, message("s", "1", strings.ToLower(msgID), "a"))
	stored(t, nc, message("s", "1", strings.ToLower(msgID), "a"))
}

func TestHeadersOver64KiBAreRefused(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	stream(t, js, nil)
	stored(t, nc, message("s", "1", "X", strings.Repeat("x", 65000)))
	require.Equal(t, headerTooLarge, publish(t, nc, message("s", "1", "X", strings.Repeat("x", 1<<16))).code())
}

func TestMaxPayloadIsAMiBWithHeaders(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	stream(t, js, nil)
	require.EqualValues(t, 1<<20, nc.MaxPayload())
	require.Error(t, nc.PublishMsg(message("s", strings.Repeat("x", 1<<20), "X", "x")), "the client counts headers")
	head := len("NATS/1.0\r\nX: x\r\n\r\n")
	stored(t, nc, message("s", strings.Repeat("x", 1<<20-head), "X", "x"))
}

func TestAMaxMsgSizeAboveMaxPayloadIsAcceptedInSilence(t *testing.T) {
	t.Parallel()
	_, js := embedded(t)
	stream(t, js, func(c *jetstream.StreamConfig) { c.MaxMsgSize = 4 << 20 })
	require.EqualValues(t, 4<<20, config(t, js).MaxMsgSize)
}

// MaxMsgSize counts headers too.
func TestMaxMsgSizeCountsHeaders(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	stream(t, js, func(c *jetstream.StreamConfig) { c.MaxMsgSize = 100 })
	head := len("NATS/1.0\r\nX: x\r\n\r\n")
	stored(t, nc, message("s", strings.Repeat("x", 100-head), "X", "x"))
	require.Equal(t, 10054, publish(t, nc, message("s", strings.Repeat("x", 101-head), "X", "x")).code())
}

func TestABatchThatIsRetriedIsRefusedWithoutASequence(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	stream(t, js, func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = true })
	send := func(id string) answer {
		require.NoError(t, nc.PublishMsg(message("s", "1", batchID, id, batchSeq, "1", msgID, "a")))
		return publish(t, nc, message("s", "2", batchID, id, batchSeq, "2", commit, "1", msgID, "b"))
	}
	require.EqualValues(t, 2, send("one").Seq)
	again := send("two")
	require.Equal(t, batchDuplicate, again.code())
	require.Zero(t, again.Seq)
	require.Equal(t, []string{"1", "2"}, contents(t, js))
}

func TestABatchHas1000MessagesAtMost(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	stream(t, js, func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = true })
	send := func(id string, n int) answer {
		for i := 1; i < n; i++ {
			require.NoError(t, nc.PublishMsg(message("s", "x", batchID, id, batchSeq, fmt.Sprint(i))))
		}
		return publish(t, nc, message("s", "x", batchID, id, batchSeq, fmt.Sprint(n), commit, "1"))
	}
	require.Nil(t, send("full", 1000).Error)
	require.NotNil(t, send("more", 1001).Error)
	require.EqualValues(t, 1000, state(t, js).Msgs)
}

// Ten seconds after its last message a batch is given up.
func TestABatchIsGivenUpAfterTenSeconds(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	stream(t, js, func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = true })
	first := func(id string) {
		require.NoError(t, nc.PublishMsg(message("s", "1", batchID, id, batchSeq, "1")))
		require.NoError(t, nc.Flush())
	}
	last := func(id string) answer {
		return publish(t, nc, message("s", "2", batchID, id, batchSeq, "2", commit, "1"))
	}
	first("quick")
	first("slow")
	time.Sleep(6 * time.Second)
	require.Nil(t, last("quick").Error)
	time.Sleep(6 * time.Second)
	require.NotNil(t, last("slow").Error)
}

// Each message of a fast batch is stored as it comes, whether or not the batch is
// committed.
func TestAFastBatchIsNotAtomic(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	stream(t, js, func(c *jetstream.StreamConfig) { c.AllowBatchPublish = true })
	inbox := nats.NewInbox()
	answers, err := nc.SubscribeSync(inbox + ".>")
	require.NoError(t, err)
	for i, op := range []int{0, 1} { // start, append; no commit
		m := message("s", fmt.Sprint(i+1))
		m.Reply = fmt.Sprintf("%s.batch.0.fail.%d.%d.$FI", inbox, i+1, op)
		require.NoError(t, nc.PublishMsg(m))
	}
	_, err = answers.NextMsg(10 * time.Second)
	require.NoError(t, err)
	until(t, "storage", func() bool { return state(t, js).Msgs == 2 })
	require.Equal(t, []string{"1", "2"}, contents(t, js))
}
