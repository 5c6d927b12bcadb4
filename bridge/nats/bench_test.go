package nats_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"

	"github.com/shmq/shmq/bridge/nats/internal/link"
	"github.com/shmq/shmq/bridge/nats/internal/pull"
	"github.com/shmq/shmq/bridge/nats/internal/push"
	"github.com/shmq/shmq/bridge/nats/internal/stats"
	"github.com/shmq/shmq/bridge/nats/internal/testnats"
)

func TestMain(m *testing.M) { testnats.Main(m) }

// window is how many messages each side has on their way.
const window = 1024

// sizes are those of records, and how many are moved at a time.
var sizes = []struct {
	name        string
	size, count int
}{{"100B", 100, 50000}, {"64KiB", 64 << 10, 2000}}

// bench is a server in a process of its own with an empty stream, and a queue.
type bench struct {
	b     *testing.B
	url   string
	js    jetstream.JetStream
	s     jetstream.Stream
	queue string
	size  int
	count int
}

func newBench(b *testing.B, size, count int) *bench {
	b.Helper()
	w := &bench{b: b, size: size, count: count, url: testnats.Start(b, testnats.Config{}).URL}
	nc, err := nats.Connect(w.url, nats.ReconnectBufSize(-1))
	require.NoError(b, err)
	b.Cleanup(nc.Close)
	w.js, err = jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(window))
	require.NoError(b, err)
	w.s, err = w.js.CreateStream(b.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}})
	require.NoError(b, err)
	dir, err := os.MkdirTemp("/dev/shm", "shmq-bench-")
	require.NoError(b, err)
	b.Cleanup(func() { os.RemoveAll(dir) })
	w.queue = filepath.Join(dir, "q")
	require.NoError(b, shmq.Create(w.queue, &shmq.Options{Producers: shmq.One, Consumers: shmq.One, Slots: count, SlotSize: size}))
	return w
}

func (w *bench) purge() { require.NoError(w.b, w.s.Purge(w.b.Context())) }

// publish is the loop that publishes with the client alone: what lies in data, one after
// the other.
func (w *bench) publish(data []byte, from int) {
	for i := range w.count {
		m := &nats.Msg{Subject: "s", Data: data[i*w.size : (i+1)*w.size], Header: nats.Header{}}
		m.Header[jetstream.MsgIDHeader] = []string{fmt.Sprintf("0123456789abcdef0123456789abcdef-0123456789abcdef-%d", from+i)}
		_, err := w.js.PublishMsgAsync(m, jetstream.WithStallWait(time.Minute)) // by itself the client fails after 200 ms with a full window
		require.NoError(w.b, err)
	}
	select {
	case <-w.js.PublishAsyncComplete():
	case <-time.After(time.Minute):
		require.Fail(w.b, "no acknowledgements")
	}
}

// data returns all payloads of a round, each in its own place, as a program has them.
func (w *bench) data() []byte {
	b := make([]byte, w.size*w.count)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func (w *bench) messages() int {
	info, err := w.s.Info(w.b.Context())
	require.NoError(w.b, err)
	return int(info.State.Msgs)
}

// rounds runs what is measured until b.N records are moved; before each time it prepares.
func (w *bench) rounds(before, measured func(round int)) {
	w.b.ResetTimer()
	w.b.StopTimer()
	var took time.Duration
	n := 0
	for round := 0; n < w.b.N; round++ {
		before(round)
		began := time.Now()
		w.b.StartTimer()
		measured(round)
		w.b.StopTimer()
		took += time.Since(began)
		n += w.count
	}
	w.b.ReportMetric(float64(n)/took.Seconds(), "msg/s")
	w.b.ReportMetric(0, "ns/op") // rounds are larger than b.N
}

func (w *bench) connect() *link.Link {
	l, err := link.Connect(link.Options{Server: w.url, Note: func(string, ...any) {}})
	require.NoError(w.b, err)
	w.b.Cleanup(l.Close)
	return l
}

// BenchmarkPush moves records from a queue that has them to a stream; beside it the client
// alone publishes as many of the same size from memory.
func BenchmarkPush(b *testing.B) {
	for _, s := range sizes {
		b.Run(s.name+"/shmq-nats", func(b *testing.B) {
			w := newBench(b, s.size, s.count)
			l := w.connect()
			data := make([]byte, s.size)
			var c *consumer.Raw
			w.rounds(func(round int) {
				if round > 0 { // not measured: it unmaps the file
					require.NoError(b, c.Close())
				}
				w.purge()
				p, err := producer.OpenRaw(w.queue, nil)
				require.NoError(b, err)
				for range s.count {
					require.NoError(b, p.Send(b.Context(), data))
				}
				require.NoError(b, p.Close())
				c, err = consumer.OpenRaw(w.queue, &consumer.Options{Prefault: true}) // as after the first lap
				require.NoError(b, err)
			}, func(int) {
				subject, err := push.ParseSubject("s")
				require.NoError(b, err)
				o := push.Options{
					Stream: "S", Subject: subject, Outage: time.Minute, InFlight: window, InFlightBytes: 64 << 20, TooLarge: push.Refuse,
					UntilEmpty: true, Note: func(string, ...any) {}, Stats: &stats.Stats{},
				}
				require.NoError(b, push.New(o, c, l).Run(b.Context()))
			})
			require.NoError(b, c.Close())
			require.Equal(b, s.count, w.messages())
		})
		b.Run(s.name+"/nats.go", func(b *testing.B) {
			w := newBench(b, s.size, s.count)
			data := w.data()
			w.rounds(func(int) { w.purge() }, func(round int) { w.publish(data, round*s.count) })
			require.Equal(b, s.count, w.messages())
		})
	}
}

// BenchmarkPull moves messages of a stream to a queue; beside it the client alone receives
// them, and acknowledges as often.
func BenchmarkPull(b *testing.B) {
	const batch = 256
	cfg := jetstream.ConsumerConfig{Durable: "C", AckPolicy: jetstream.AckAllPolicy, MaxAckPending: 4 * window}
	for _, s := range sizes {
		b.Run(s.name+"/shmq-nats", func(b *testing.B) {
			w := newBench(b, s.size, s.count)
			l := w.connect()
			data := w.data()
			_, err := w.js.CreateConsumer(b.Context(), "S", cfg)
			require.NoError(b, err)
			var p *producer.Raw
			w.rounds(func(round int) {
				if round > 0 {
					require.NoError(b, p.Close())
				}
				w.purge()
				w.publish(data, round*s.count)
				w.drain()
				var err error
				p, err = producer.OpenRaw(w.queue, &producer.Options{Prefault: true}) // as after the first lap
				require.NoError(b, err)
			}, func(int) {
				o := pull.Options{
					Stream: "S", Consumer: "C", Batch: batch, Ahead: window, TooLarge: pull.Refuse, UntilEmpty: true,
					Note: func(string, ...any) {}, Stats: &stats.Stats{},
				}
				require.NoError(b, pull.New(o, l, p).Run(b.Context()))
			})
			require.NoError(b, p.Close())
			require.Equal(b, s.count, w.drain())
		})
		b.Run(s.name+"/nats.go", func(b *testing.B) {
			w := newBench(b, s.size, s.count)
			data := w.data()
			c, err := w.js.CreateConsumer(b.Context(), "S", cfg)
			require.NoError(b, err)
			w.rounds(func(round int) {
				w.purge()
				w.publish(data, round*s.count)
			}, func(int) {
				iter, err := c.Messages(jetstream.PullMaxMessagesWithBytesLimit(window, 16<<20))
				require.NoError(b, err)
				for i := range s.count {
					m, err := iter.Next()
					require.NoError(b, err)
					if i%batch == batch-1 || i == s.count-1 {
						require.NoError(b, m.Ack())
					}
				}
				iter.Stop()
			})
		})
	}
}

// drain empties the queue.
func (w *bench) drain() (n int) {
	c, err := consumer.OpenRaw(w.queue, nil)
	require.NoError(w.b, err)
	ls := make([]consumer.Lease, 256)
	for {
		k, err := c.TryLeaseBatch(ls)
		if err != nil {
			require.ErrorIs(w.b, err, shmq.ErrEmpty)
			break
		}
		c.AckBatch(ls[:k])
		n += k
	}
	require.NoError(w.b, c.Close())
	return n
}
