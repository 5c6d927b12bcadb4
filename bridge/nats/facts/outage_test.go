package facts_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/bridge/nats/internal/testnats"
)

// A publish that failed with a timeout while the server was away is stored when it is back:
// it stood in the buffer for reconnecting. Without that buffer it fails at once.
func TestAPublishThatTimedOutIsStoredLater(t *testing.T) {
	t.Parallel()
	for _, buffered := range []bool{true, false} {
		t.Run(fmt.Sprint(buffered), func(t *testing.T) {
			t.Parallel()
			s := testnats.Start(t, testnats.Config{})
			var opts []nats.Option
			if !buffered {
				opts = append(opts, nats.ReconnectBufSize(-1))
			}
			nc, js := testnats.Connect(t, s.URL, opts...)
			stream(t, js, nil)
			s.Stop()
			until(t, "disconnection", func() bool { return !nc.IsConnected() })
			_, err := nc.RequestMsg(message("s", "1"), 100*time.Millisecond)
			if buffered {
				require.ErrorIs(t, err, nats.ErrTimeout)
			} else {
				require.ErrorIs(t, err, nats.ErrReconnectBufExceeded)
			}
			s.Begin()
			until(t, "connection", nc.IsConnected)
			stored(t, nc, message("s", "2"))
			want := []string{"2"}
			if buffered {
				want = []string{"1", "2"}
			}
			require.Equal(t, want, contents(t, js))
		})
	}
}

// PublishAsync tries again by itself after it found no responders, and later messages go
// ahead meanwhile.
func TestPublishAsyncRetriesOutOfOrder(t *testing.T) {
	t.Parallel()
	_, js := embedded(t)
	first, err := js.PublishAsync("s", []byte("1"))
	require.NoError(t, err)
	time.Sleep(100 * time.Millisecond) // less than the 250 ms after which it tries again
	stream(t, js, nil)
	second, err := js.PublishAsync("s", []byte("2"))
	require.NoError(t, err)
	for _, f := range []jetstream.PubAckFuture{first, second} {
		select {
		case <-f.Ok():
		case err := <-f.Err():
			require.NoError(t, err)
		}
	}
	require.Equal(t, []string{"2", "1"}, contents(t, js))
}

// The connection is cut while PubAcks are on their way: the futures say that they failed,
// and the messages are stored.
func TestFuturesFailAlthoughTheirMessagesAreStored(t *testing.T) {
	t.Parallel()
	at := testnats.Embedded(t, testnats.Config{}).ClientURL()
	proxy := testnats.NewProxy(t, at)
	_, direct := testnats.Connect(t, at)
	stream(t, direct, nil)
	_, js := testnats.Connect(t, proxy.URL)
	_, err := js.Publish(context30(t), "s", nil) // the inbox is subscribed
	require.NoError(t, err)
	proxy.Mute(true)
	var futures []jetstream.PubAckFuture
	for range 10 {
		f, err := js.PublishAsync("s", nil)
		require.NoError(t, err)
		futures = append(futures, f)
	}
	until(t, "storage", func() bool { return state(t, direct).Msgs == 11 })
	proxy.Cut()
	proxy.Mute(false)
	for _, f := range futures {
		require.ErrorIs(t, <-f.Err(), nats.ErrDisconnected)
	}
}

// No PubAck waits for the disk, unless the server is told. A server that is killed loses
// nothing all the same: the kernel has it.
func TestAPubAckSurvivesTheServersDeath(t *testing.T) {
	t.Parallel()
	in := testnats.Embedded(t, testnats.Config{})
	require.False(t, in.JetStreamConfig().SyncAlways)
	require.Equal(t, 2*time.Minute, in.JetStreamConfig().SyncInterval)
	s := testnats.Start(t, testnats.Config{})
	nc, js := testnats.Connect(t, s.URL)
	stream(t, js, nil)
	for i := range 20 {
		stored(t, nc, message("s", fmt.Sprint(i), msgID, fmt.Sprint(i)))
		if i%5 == 4 {
			s.Kill()
			s.Begin()
			until(t, "connection", nc.IsConnected)
			until(t, "stream", func() bool { _, err := js.Stream(context30(t), "S"); return err == nil })
			require.EqualValues(t, i+1, state(t, js).LastSeq)
		}
	}
	require.True(t, publish(t, nc, message("s", "", msgID, "19")).Duplicate, "ids are known as well")
}

// With PersistMode async a server that is killed loses messages that it acknowledged, and
// gives their sequences to others.
func TestPersistModeAsyncLosesAcknowledgedMessages(t *testing.T) {
	t.Parallel()
	for try := range 20 {
		s := testnats.Start(t, testnats.Config{})
		nc, js := testnats.Connect(t, s.URL)
		stream(t, js, func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.AsyncPersistMode })
		last := uint64(0)
		for range 50 {
			last = stored(t, nc, message("s", strings.Repeat("x", 100)))
		}
		s.Kill()
		s.Begin()
		until(t, "connection", nc.IsConnected)
		until(t, "stream", func() bool { _, err := js.Stream(context30(t), "S"); return err == nil })
		if state(t, js).LastSeq < last {
			require.LessOrEqual(t, stored(t, nc, message("s", "another")), last, "its sequence was another's")
			return
		}
		t.Logf("try %d: nothing was lost", try)
	}
	t.Error("nothing was ever lost")
}

// The server confirmed an acknowledgement, was killed, and delivers the message again, as if
// for the first time.
func TestAConfirmedAcknowledgementIsLostWithTheServer(t *testing.T) {
	t.Parallel()
	for try := range 20 {
		s := testnats.Start(t, testnats.Config{})
		nc, js := testnats.Connect(t, s.URL)
		stream(t, js, nil)
		c, err := js.CreateConsumer(context30(t), "S", jetstream.ConsumerConfig{Durable: "C"})
		require.NoError(t, err)
		// The server writes at once what comes first, and then ten times a second.
		const messages = 30
		for range messages {
			stored(t, nc, message("s", "1"))
		}
		for range messages {
			m, err := c.Next()
			require.NoError(t, err)
			require.NoError(t, m.DoubleAck(context30(t)))
		}
		s.Kill()
		s.Begin()
		until(t, "connection", nc.IsConnected)
		until(t, "consumer", func() bool { c, err = js.Consumer(context30(t), "S", "C"); return err == nil })
		again, err := c.Next(jetstream.FetchMaxWait(time.Second))
		if errors.Is(err, nats.ErrTimeout) || again == nil {
			t.Logf("try %d: it was not lost: %v", try, err)
			continue
		}
		about, err := again.Metadata()
		require.NoError(t, err)
		require.LessOrEqual(t, about.Sequence.Stream, uint64(messages))
		require.EqualValues(t, 1, about.NumDelivered)
		return
	}
	t.Error("no acknowledgement was ever lost")
}
