package command_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/worker/deadletter"

	"github.com/shmq/shmq/bridge/nats/internal/testnats"
)

// single is a queue with a single producer.
func single(t testing.TB, change func(*shmq.Options)) string {
	t.Helper()
	return small(t, func(o *shmq.Options) {
		o.Producers, o.Slots, o.SlotSize = shmq.One, 4096, 1024
		if change != nil {
			change(o)
		}
	})
}

func publish(t testing.TB, js jetstream.JetStream, values ...any) {
	t.Helper()
	for _, v := range values {
		b, ok := v.([]byte)
		if !ok {
			b = pack(t, v)
		}
		_, err := js.Publish(minute(t), "s", b)
		require.NoError(t, err)
	}
}

func publishNumbers(t testing.TB, js jetstream.JetStream, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		publish(t, js, i)
	}
}

// received takes the records out of a queue.
func received(t testing.TB, q string) (all []int) {
	t.Helper()
	c, err := consumer.OpenRaw(q, nil)
	require.NoError(t, err)
	defer c.Close()
	for {
		b, err := c.TryReceive(nil)
		if err != nil {
			require.ErrorIs(t, err, shmq.ErrEmpty)
			return all
		}
		var n int
		require.NoError(t, codec.Msgpack().Decode(b, &n))
		all = append(all, n)
	}
}

func pullArgs(q, url string, more ...string) []string {
	return append([]string{"pull", "--stream", "S", "--consumer", "C", "--server", url, q}, more...)
}

func TestPullSendsAllInOrder(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, nil)
	publishNumbers(t, js, 0, 3000)
	q := filepath.Join(t.TempDir(), "q")
	text := testnats.Run(t, pullArgs(q, url, "--until-empty", "-v")...).Ends(0)
	require.Contains(t, text, "consumer C of stream S was made")
	require.Contains(t, text, "records pulled: 3000")
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Equal(t, shmq.One, info.Producers)
	require.EqualValues(t, 3000, info.Mark.Mark[0])
	require.Equal(t, upTo(3000), received(t, q))

	publishNumbers(t, js, 3000, 3010)
	testnats.Run(t, pullArgs(q, url, "--until-empty")...).Ends(0)
	require.Equal(t, upTo(3010)[3000:], received(t, q))
	testnats.Run(t, pullArgs(q, url, "--until-empty")...).Ends(0)
	require.Empty(t, received(t, q))
	c, err := js.Consumer(minute(t), "S", "C")
	require.NoError(t, err)
	require.EqualValues(t, 3010, c.CachedInfo().AckFloor.Stream)
}

func TestPullRefusesAQueueWithManyProducers(t *testing.T) {
	t.Parallel()
	url, _, _ := server(t, nil)
	q := small(t, nil)
	require.Contains(t, testnats.Run(t, pullArgs(q, url)...).Ends(71), "it has many producers, and so no marks")
	testnats.Run(t, pullArgs(q, url, "--producers", "many")...).Ends(64)
}

// Acknowledgements are lost with the server, the bridge is killed, and the server too: the
// queue alone knows what it has.
func TestPullDoesNotTrustAcknowledgements(t *testing.T) {
	t.Parallel()
	for _, retention := range []jetstream.RetentionPolicy{jetstream.LimitsPolicy, jetstream.WorkQueuePolicy} {
		t.Run(retention.String(), func(t *testing.T) {
			t.Parallel()
			s := testnats.Start(t, testnats.Config{})
			_, js := testnats.Connect(t, s.URL)
			stream(t, js, func(c *jetstream.StreamConfig) { c.Retention = retention })
			q := single(t, nil)
			var all []int
			for i := range 6 {
				publishNumbers(t, js, i*20, i*20+20)
				pull := testnats.Run(t, pullArgs(q, s.URL)...)
				until(t, "records", func() bool { return records(t, q) >= 20 })
				s.Kill()
				pull.Kill()
				s.Begin()
				until(t, "server", func() bool { _, err := js.Stream(minute(t), "S"); return err == nil })
				all = append(all, received(t, q)...)
			}
			testnats.Run(t, pullArgs(q, s.URL, "--until-empty")...).Ends(0)
			require.Equal(t, upTo(120), append(all, received(t, q)...))
			if retention == jetstream.WorkQueuePolicy {
				until(t, "removal", func() bool { return len(contents(t, js)) == 0 })
			}
		})
	}
}

func TestPullGoesOnAfterOutages(t *testing.T) {
	t.Parallel()
	s := testnats.Start(t, testnats.Config{})
	_, js := testnats.Connect(t, s.URL)
	stream(t, js, nil)
	proxy := testnats.NewProxy(t, s.URL)
	q := single(t, nil)
	pull := testnats.Run(t, pullArgs(q, proxy.URL)...)
	for i := range 5 {
		publishNumbers(t, js, i*100, i*100+50)
		s.Kill()
		pull.Says("the server is away, and the bridge waits for it")
		s.Begin()
		publishNumbers(t, js, i*100+50, i*100+100)
		proxy.Cut()
	}
	until(t, "records", func() bool { return records(t, q) == 500 })
	require.Equal(t, upTo(500), received(t, q))
	pull.Signal(syscall.SIGTERM)
	pull.Ends(143)
}

// The queue is full for longer than AckWait: messages come again, and are left out.
func TestPullWaitsForRoom(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, nil)
	_, err := js.CreateConsumer(minute(t), "S", jetstream.ConsumerConfig{Durable: "C", AckPolicy: jetstream.AckExplicitPolicy, AckWait: 300 * time.Millisecond})
	require.NoError(t, err)
	q := single(t, func(o *shmq.Options) { o.Slots, o.SlotSize = 16, 64 })
	publishNumbers(t, js, 0, 100)
	pull := testnats.Run(t, pullArgs(q, url, "--too-large", "refuse")...)
	pull.Says("is full, and the bridge waits for room")
	var all []int
	until(t, "records", func() bool { all = append(all, received(t, q)...); return len(all) >= 100 })
	require.Equal(t, upTo(100), all)
	pull.Says("messages get through again")
	require.Equal(t, 1, strings.Count(pull.Text(), "is full"))
	pull.Kill()
}

// The bridge is killed while the queue has a part of what it sends at once. The next one
// begins behind the last record there, wherever in the batch that is.
func TestPullThatIsKilledAtAFullQueueSendsNothingTwice(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, nil)
	const slots, messages = 16, 100
	q := single(t, func(o *shmq.Options) { o.Slots, o.SlotSize = slots, 64 })
	publishNumbers(t, js, 0, messages)
	c, err := consumer.OpenRaw(q, nil)
	require.NoError(t, err)
	defer c.Close()
	got := 0
	for round := 1; got < messages; round++ {
		pull := testnats.Run(t, pullArgs(q, url, "--too-large", "refuse")...)
		until(t, "records", func() bool { return records(t, q) == min(slots, messages-got) })
		pull.Kill()
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		require.NotNil(t, info.Mark)
		require.EqualValues(t, min(got+slots, messages), info.Mark.Mark[0], "sequence of the last message in the queue")
		for range min(round, slots, messages-got) { // another place each time
			b, err := c.TryReceive(nil)
			require.NoError(t, err)
			var n int
			require.NoError(t, codec.Msgpack().Decode(b, &n))
			require.Equal(t, got, n)
			got++
		}
	}
}

func TestPullRefusesAStreamThatWasMadeAgain(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, nil)
	q := single(t, nil)
	publishNumbers(t, js, 0, 10)
	proxy := testnats.NewProxy(t, url)
	pull := testnats.Run(t, pullArgs(q, proxy.URL)...)
	until(t, "records", func() bool { return records(t, q) == 10 })
	proxy.Shut(true)
	proxy.Cut()
	require.NoError(t, js.DeleteStream(minute(t), "S"))
	stream(t, js, nil)
	publishNumbers(t, js, 100, 120)
	proxy.Shut(false)
	require.Contains(t, pull.Ends(66), "was deleted and made again")
	require.Contains(t, testnats.Run(t, pullArgs(q, url)...).Ends(66), "a stream that was made at another time than stream S")
	require.Equal(t, upTo(10), received(t, q))
	testnats.Run(t, pullArgs(q, url, "--new-stream", "--until-empty")...).Ends(0)
	require.Equal(t, upTo(120)[100:], received(t, q))
	testnats.Run(t, pullArgs(q, url, "--until-empty")...).Ends(0)
	require.Empty(t, received(t, q))
}

func TestPullNoticesThatItsStreamIsDeleted(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, nil)
	q := single(t, nil)
	publishNumbers(t, js, 0, 10)
	pull := testnats.Run(t, pullArgs(q, url)...)
	until(t, "records", func() bool { return records(t, q) == 10 })
	require.NoError(t, js.DeleteStream(minute(t), "S"))
	require.Contains(t, pull.Ends(66), "stream S was deleted")
}

// The server comes back without its last messages, as from a backup or after a power cut:
// first they are missing, then others have their sequences.
func TestPullNoticesThatAStreamLostItsEnd(t *testing.T) {
	t.Parallel()
	s := testnats.Start(t, testnats.Config{})
	_, js := testnats.Connect(t, s.URL)
	stream(t, js, nil)
	q := single(t, nil)
	publishNumbers(t, js, 0, 10)
	s.Stop()
	backup := t.TempDir()
	require.NoError(t, os.CopyFS(backup, os.DirFS(s.Config.Dir)))
	s.Begin()
	publishNumbers(t, js, 10, 15)
	testnats.Run(t, pullArgs(q, s.URL, "--until-empty")...).Ends(0)
	require.Equal(t, upTo(15), received(t, q))

	s.Stop()
	s.Config.Dir = backup
	s.Begin()
	until(t, "server", func() bool { _, err := js.Stream(minute(t), "S"); return err == nil })
	require.Contains(t, testnats.Run(t, pullArgs(q, s.URL, "--until-empty")...).Ends(66), "stream S ends at message 10, and queue")
	publishNumbers(t, js, 100, 107)
	require.Contains(t, testnats.Run(t, pullArgs(q, s.URL, "--until-empty")...).Ends(66), "message 15 of stream S is not the one that queue")
	require.Empty(t, received(t, q))
}

func TestPullSaysWhatWasRemovedBefore(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, nil)
	q := single(t, nil)
	publishNumbers(t, js, 0, 10)
	testnats.Run(t, pullArgs(q, url, "--until-empty")...).Ends(0)
	publishNumbers(t, js, 10, 20)
	s, err := js.Stream(minute(t), "S")
	require.NoError(t, err)
	require.NoError(t, s.Purge(minute(t)))
	publishNumbers(t, js, 20, 30)
	text := testnats.Run(t, pullArgs(q, url, "--until-empty")...).Ends(0)
	require.Contains(t, text, "stream S begins at message 21, and the queue has those up to 10")
	require.Equal(t, append(upTo(10), upTo(30)[20:]...), received(t, q))
}

func TestPullMakesADeletedConsumerAgain(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, nil)
	q := single(t, nil)
	publishNumbers(t, js, 0, 10)
	pull := testnats.Run(t, pullArgs(q, url)...)
	until(t, "records", func() bool { return records(t, q) == 10 })
	require.NoError(t, js.DeleteConsumer(minute(t), "S", "C"))
	publishNumbers(t, js, 10, 20)
	until(t, "records", func() bool { return records(t, q) == 20 })
	require.Equal(t, upTo(20), received(t, q))
	require.Equal(t, 2, strings.Count(pull.Text(), "consumer C of stream S was made"))
	pull.Kill()

	pull = testnats.Run(t, pullArgs(q, url, "--no-consumer")...)
	until(t, "session", func() bool {
		c, err := js.Consumer(minute(t), "S", "C")
		return err == nil && c.CachedInfo().NumWaiting > 0
	})
	require.NoError(t, js.DeleteConsumer(minute(t), "S", "C"))
	require.Contains(t, pull.Ends(66), "nats consumer add S C --pull --ack all --deliver all")
}

func TestPullRefusesConsumersThatLoseMessages(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, nil)
	q := single(t, nil)
	publishNumbers(t, js, 0, 10)
	for _, c := range []struct {
		cfg  jetstream.ConsumerConfig
		says string
	}{
		{jetstream.ConsumerConfig{Durable: "NONE", AckPolicy: jetstream.AckNonePolicy}, "acknowledges by itself"},
		{jetstream.ConsumerConfig{Durable: "LIMITED", MaxDeliver: 3}, "nats consumer edit S LIMITED --max-deliver -1"},
	} {
		_, err := js.CreateConsumer(minute(t), "S", c.cfg)
		require.NoError(t, err)
		text := testnats.Run(t, "pull", q, "--stream", "S", "--consumer", c.cfg.Durable, "--server", url).Ends(71)
		require.Contains(t, text, c.says)
	}
	_, err := js.CreatePushConsumer(minute(t), "S", jetstream.ConsumerConfig{Durable: "PUSH", DeliverSubject: "there"})
	require.NoError(t, err)
	require.Contains(t, testnats.Run(t, "pull", q, "--stream", "S", "--consumer", "PUSH", "--server", url).Ends(71), "is a push consumer")

	testnats.Run(t, pullArgs(q, url, "--until-empty")...).Ends(0)
	publishNumbers(t, js, 10, 20)
	_, err = js.CreateConsumer(minute(t), "S", jetstream.ConsumerConfig{Durable: "LATE", DeliverPolicy: jetstream.DeliverNewPolicy})
	require.NoError(t, err)
	require.Contains(t, testnats.Run(t, "pull", q, "--stream", "S", "--consumer", "LATE", "--server", url).Ends(71), "can't be set to message 11")
	require.Equal(t, 10, records(t, q))
	testnats.Run(t, "pull", q, "--stream", "NONE", "--consumer", "C", "--server", url).Ends(66)
}

// Another client receives from the consumer, and acknowledges nothing. The bridge gets
// all, in order.
func TestPullWithAnotherClientOfItsConsumer(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, nil)
	q := single(t, nil)
	pull := testnats.Run(t, pullArgs(q, url)...)
	var c jetstream.Consumer
	until(t, "consumer", func() (ok bool) {
		var err error
		c, err = js.Consumer(minute(t), "S", "C")
		return err == nil
	})
	for i := range 5 {
		publishNumbers(t, js, i*100, i*100+100)
		_, err := c.Fetch(30, jetstream.FetchMaxWait(50*time.Millisecond))
		require.NoError(t, err)
	}
	until(t, "records", func() bool { return records(t, q) == 500 })
	require.Equal(t, upTo(500), received(t, q))
	pull.Kill()
}

func TestPullReadsFormats(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, nil)
	q := single(t, func(o *shmq.Options) { o.Slots, o.SlotSize = 16, 64 })
	large := `"` + strings.Repeat("x", 600) + `"`
	publish(t, js, []byte("1"), []byte("{oh"), []byte("2"), []byte(large), []byte("3 4"), []byte(" 3 "))
	args := pullArgs(q, url, "--format", "json", "--until-empty")
	require.Contains(t, testnats.Run(t, args...).Ends(71), "say what to do with those that do not fit")
	args = append(args, "--too-large", "dead-letter")
	require.Contains(t, testnats.Run(t, args...).Ends(65), "message 2 of stream S")
	args = append(args, "--unreadable", "dead-letter")
	text := testnats.Run(t, args...).Ends(0)
	require.Contains(t, text, "message 5 of stream S went to queue")
	require.Equal(t, []int{1, 2, 3}, received(t, q))

	d, err := consumer.OpenRaw(q+"-failed", nil)
	require.NoError(t, err)
	defer d.Close()
	for i, want := range []string{"{oh", large, "3 4"} {
		b, err := d.TryReceive(nil)
		require.NoError(t, err)
		letter, err := deadletter.Parse(b)
		require.NoError(t, err)
		require.Equal(t, want, string(letter.Record))
		require.Equal(t, fmt.Sprint("S:", []int{2, 4, 5}[i]), letter.ID)
	}
}

// Every consumer of the queue gets what comes from the stream.
func TestPullIntoAQueueForEachConsumer(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, nil)
	publishNumbers(t, js, 0, 100)
	q := single(t, func(o *shmq.Options) { o.Consumers = shmq.Each })
	var all []*consumer.Raw
	for range 3 {
		c, err := consumer.OpenRaw(q, nil)
		require.NoError(t, err)
		defer c.Close()
		all = append(all, c)
	}
	testnats.Run(t, pullArgs(q, url, "--until-empty")...).Ends(0)
	for _, c := range all {
		for i := range 100 {
			var n int
			b, err := c.TryReceive(nil)
			require.NoError(t, err)
			require.NoError(t, codec.Msgpack().Decode(b, &n))
			require.Equal(t, i, n)
		}
	}
}
