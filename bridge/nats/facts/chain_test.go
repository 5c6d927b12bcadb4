package facts_test

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/bridge/nats/internal/testnats"
)

func TestTheExpectedSequenceIsCheckedBeforeTheID(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	stream(t, js, nil)
	first := message("s", "1", msgID, "a", lastSeq, "0")
	stored(t, nc, first)
	require.Equal(t, wrongLastSequence, publish(t, nc, first).code(), "a retry is refused")
}

func TestTheExpectedIDIsCheckedAfterTheID(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	stream(t, js, nil)
	stored(t, nc, message("s", "1", msgID, "a"))
	second := message("s", "2", msgID, "b", lastID, "a")
	stored(t, nc, second)
	require.True(t, publish(t, nc, second).Duplicate, "a retry is a duplicate")
}

// After one message of a pipeline was refused all later ones are.
func TestAChainStopsAtARefusal(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	stream(t, js, func(c *jetstream.StreamConfig) { c.MaxMsgSize = 200 })
	stored(t, nc, message("s", "1", msgID, "a"))
	large := make([]byte, 300)
	require.Equal(t, 10054, publish(t, nc, message("s", string(large), msgID, "b", lastID, "a")).code())
	require.Equal(t, wrongLastMsgID, publish(t, nc, message("s", "3", msgID, "c", lastID, "b")).code())
	require.Equal(t, wrongLastMsgID, publish(t, nc, message("s", "4", msgID, "d", lastID, "c")).code())
	stored(t, nc, message("s", "2", msgID, "b", lastID, "a"))
	stored(t, nc, message("s", "3", msgID, "c", lastID, "b"))
}

// A full stream that refuses new messages refuses a large one and takes a small one that
// comes after it: without a chain the order is lost.
func TestAFullStreamTakesALaterMessageThatIsSmaller(t *testing.T) {
	t.Parallel()
	nc, js := embedded(t)
	stream(t, js, func(c *jetstream.StreamConfig) { c.MaxBytes, c.Discard = 1000, jetstream.DiscardNew })
	require.NotZero(t, publish(t, nc, message("s", string(make([]byte, 2000)))).code())
	stored(t, nc, message("s", "small"))
}

// The last id is that of the last message, and gone with it after a restart; before, it is
// remembered.
func TestTheChainSticksAfterARestartIfTheLastMessageIsGone(t *testing.T) {
	t.Parallel()
	s := testnats.Start(t, testnats.Config{})
	nc, js := testnats.Connect(t, s.URL)
	handle := stream(t, js, nil)
	stored(t, nc, message("s", "1", msgID, "a"))
	require.NoError(t, handle.Purge(context30(t)))
	stored(t, nc, message("s", "2", msgID, "b", lastID, "a")) // no restart in between
	require.NoError(t, handle.Purge(context30(t)))
	s.Stop()
	s.Begin()
	until(t, "connection", nc.IsConnected)
	require.Equal(t, wrongLastMsgID, publish(t, nc, message("s", "3", msgID, "c", lastID, "b")).code())
	require.EqualValues(t, 3, stored(t, nc, message("s", "3", msgID, "c")), "a new chain, and sequences go on")
	stored(t, nc, message("s", "4", msgID, "d", lastID, "c"))
}
