package chaos_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"

	"github.com/shmq/shmq/bridge/nats/internal/testnats"
)

// length is how long the chaos lasts: 7 s, or SHMQ_CHAOS.
func length(t *testing.T) time.Duration {
	if text := os.Getenv("SHMQ_CHAOS"); text != "" {
		d, err := time.ParseDuration(text)
		require.NoError(t, err)
		return d
	}
	return 7 * time.Second
}

// world is what the bridge is between, and what befalls it.
type world struct {
	t      *testing.T
	rnd    *rand.Rand
	queue  string
	server *testnats.Server
	proxy  *testnats.Proxy
	js     jetstream.JetStream
	bridge *testnats.Command
	args   []string // of the bridge
	did    map[string]int
}

func newWorld(t *testing.T, o *shmq.Options, change func(*jetstream.StreamConfig)) *world {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SHMQ_CHAOS_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("SHMQ_CHAOS_SEED=%d", seed)
	w := &world{t: t, rnd: rand.New(rand.NewPCG(seed, 0)), did: map[string]int{}}
	dir, err := os.MkdirTemp("/dev/shm", "shmq-chaos-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	w.queue = filepath.Join(dir, "q")
	require.NoError(t, shmq.Create(w.queue, o))
	w.server = testnats.Start(t, testnats.Config{})
	w.proxy = testnats.NewProxy(t, w.server.URL)
	_, w.js = testnats.Connect(t, w.server.URL, nats.ReconnectBufSize(-1))
	cfg := jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}
	if change != nil {
		change(&cfg)
	}
	_, err = w.js.CreateStream(t.Context(), cfg)
	require.NoError(t, err)
	return w
}

func (w *world) startBridge() { w.bridge = testnats.Run(w.t, w.args...) }

// alive starts the bridge again if it has ended, which it must not do by itself.
func (w *world) alive() {
	if code, over := w.bridge.Exited(); over {
		w.t.Errorf("the bridge ended with %d: %s", code, w.bridge.Text())
		w.startBridge()
	}
}

func (w *world) pause(most time.Duration) { time.Sleep(time.Duration(w.rnd.Int64N(int64(most)))) }

// act does one thing to the bridge, the server or the connection.
func (w *world) act() {
	w.alive()
	switch w.rnd.IntN(10) {
	case 0, 1, 2, 3:
		w.did["bridge killed"]++
		w.bridge.Kill()
		w.pause(20 * time.Millisecond)
		w.startBridge()
		w.pause(200 * time.Millisecond)
	case 4, 5:
		w.did["server killed"]++
		w.server.Kill()
		w.pause(100 * time.Millisecond)
		if w.rnd.IntN(3) == 0 { // both
			w.did["bridge killed"]++
			w.bridge.Kill()
			w.startBridge()
		}
		w.server.Begin()
		w.pause(300 * time.Millisecond)
	case 6:
		w.did["server stopped in order"]++
		w.server.Stop()
		w.pause(50 * time.Millisecond)
		w.server.Begin()
	case 7:
		w.did["connection cut"]++
		w.proxy.Mute(w.rnd.IntN(2) == 0) // what it said last is not heard
		w.pause(50 * time.Millisecond)
		w.proxy.Cut()
		w.proxy.Mute(false)
	case 8:
		w.did["server frozen"]++
		w.server.Signal(syscall.SIGSTOP)
		w.pause(200 * time.Millisecond)
		if w.rnd.IntN(2) == 0 {
			w.did["bridge killed"]++
			w.bridge.Kill()
			w.startBridge()
		}
		w.server.Signal(syscall.SIGCONT)
	case 9:
		w.did["bridge frozen"]++
		w.bridge.Signal(syscall.SIGSTOP)
		w.pause(200 * time.Millisecond)
		if w.rnd.IntN(2) == 0 {
			w.did["connection cut"]++
			w.proxy.Cut()
		}
		w.bridge.Signal(syscall.SIGCONT)
	}
	w.pause(100 * time.Millisecond)
}

func (w *world) report(what string) {
	var parts []string
	for k, n := range w.did {
		parts = append(parts, fmt.Sprintf("%s %d", k, n))
	}
	sort.Strings(parts)
	w.t.Logf("%s; %s", what, strings.Join(parts, ", "))
}

// stream returns all messages of the stream.
func (w *world) stream() (all []jetstream.Msg) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	var s jetstream.Stream
	w.until("stream", func() (ok bool) {
		var err error
		s, err = w.js.Stream(ctx, "S")
		return err == nil
	})
	last := s.CachedInfo().State.Msgs
	c, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	require.NoError(w.t, err)
	iter, err := c.Messages()
	require.NoError(w.t, err)
	defer iter.Stop()
	for range last {
		m, err := iter.Next()
		require.NoError(w.t, err)
		all = append(all, m)
	}
	return all
}

func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		require.True(w.t, time.Now().Before(end), "no %s; the bridge says\n%s", what, w.bridge.Text())
	}
}

// Push: producers, bridge and server are killed, the connection is cut. In the stream each
// record is there once, and in the order of the queue.
func TestChaosPush(t *testing.T) {
	t.Parallel()
	for _, consumers := range []shmq.Multiplicity{shmq.Many, shmq.One} {
		w := newWorld(t, &shmq.Options{Slots: 1024, SlotSize: 256, Consumers: consumers}, nil)
		w.push(length(t) / 2)
	}
}

func (w *world) push(d time.Duration) {
	w.args = []string{"push", w.queue, "--stream", "S", "--subject", "s", "--server", w.proxy.URL, "--in-flight", []string{"16", "128", "1024"}[w.rnd.IntN(3)]}
	w.startBridge()
	var mu sync.Mutex
	said := map[uint64]uint64{} // life: how many it has sent
	life := uint64(0)
	begin := func() *child {
		life++
		me := life
		return start(w.t, "produce", func(line string) {
			n, err := strconv.ParseUint(line, 10, 64)
			if err != nil {
				w.t.Error(err)
			}
			mu.Lock()
			said[me] = n + 1
			mu.Unlock()
		}, w.queue, fmt.Sprint(me))
	}
	producers := []*child{begin(), begin(), begin()}
	for end := time.Now().Add(d); time.Now().Before(end) && !w.t.Failed(); {
		if i := w.rnd.IntN(len(producers)); w.rnd.IntN(2) == 0 {
			w.did["producer killed"]++
			producers[i].kill()
			producers[i] = begin()
		}
		w.act()
	}
	for _, p := range producers {
		p.kill()
	}
	w.until("empty queue", func() bool {
		w.alive()
		info, err := shmq.Stat(w.queue)
		require.NoError(w.t, err)
		return info.Records+info.Leased+info.Orphans+info.Claimed == 0
	})
	w.bridge.Kill()

	next := map[uint64]uint64{}
	position, duplicates := int64(-1), 0
	all := w.stream()
	for _, m := range all {
		var id shmq.ID
		require.NoError(w.t, id.UnmarshalText([]byte(m.Headers().Get("Nats-Msg-Id"))))
		life, n := parse(m.Data())
		if int64(id.Position) <= position {
			duplicates++
			w.t.Errorf("record %d of producer %d, at position %d, comes behind position %d", n, life, id.Position, position)
		}
		position = int64(id.Position)
		if n != next[life] {
			w.t.Errorf("record %d of producer %d comes where %d was due", n, life, next[life])
		}
		next[life] = n + 1
		if w.t.Failed() {
			break
		}
	}
	for life, n := range said {
		if next[life] < n && !w.t.Failed() {
			w.t.Errorf("producer %d has sent %d records, and %d are in the stream", life, n, next[life])
		}
	}
	w.report(fmt.Sprintf("push: %d records in the stream", len(all)))
}

// Pull: consumers, bridge and server are killed, the connection is cut, the queue is full most
// of the time. In the queue each message is there once, and in the order of the stream.
func TestChaosPull(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"limits", "explicit"} {
		w := newWorld(t, &shmq.Options{Slots: 64, SlotSize: 256, Producers: shmq.One}, nil)
		if policy == "explicit" {
			_, err := w.js.CreateConsumer(t.Context(), "S", jetstream.ConsumerConfig{Durable: "C", AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Second})
			require.NoError(t, err)
		}
		w.pull(length(t) / 2)
	}
}

func (w *world) pull(d time.Duration) {
	w.args = []string{"pull", w.queue, "--stream", "S", "--consumer", "C", "--server", w.proxy.URL, "--too-large", "refuse"}
	w.startBridge()
	quit := make(chan struct{})
	var publisher sync.WaitGroup
	publisher.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-quit:
				return
			default:
			}
			ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
			// What is not acknowledged may be in the stream or not: the stream tells.
			_, err := w.js.Publish(ctx, "s", []byte(strconv.Itoa(n)+strings.Repeat(".", n%300)))
			cancel()
			if err != nil {
				time.Sleep(10 * time.Millisecond)
			}
		}
	})
	var mu sync.Mutex
	at := map[uint64]string{} // position: record
	begin := func() *child {
		return start(w.t, "consume", func(line string) {
			place, data, _ := strings.Cut(line, " ")
			position, err := strconv.ParseUint(place, 10, 64)
			mu.Lock()
			defer mu.Unlock()
			if before, again := at[position]; err != nil || again && before != data {
				w.t.Errorf("position %q has two records: %q, %q", place, before, data)
			}
			at[position] = data
		}, w.queue)
	}
	consumers := []*child{begin(), begin()}
	for end := time.Now().Add(d); time.Now().Before(end) && !w.t.Failed(); {
		switch i := w.rnd.IntN(len(consumers)); w.rnd.IntN(4) {
		case 0, 1:
			w.did["consumer killed"]++
			consumers[i].kill()
			consumers[i] = begin()
		case 2: // the queue fills
			w.did["consumers frozen"]++
			for _, c := range consumers {
				c.signal(syscall.SIGSTOP)
			}
			w.act()
			for _, c := range consumers {
				c.signal(syscall.SIGCONT)
			}
		}
		w.act()
	}
	close(quit)
	publisher.Wait()
	all := w.stream()
	w.until("end of the stream in the queue", func() bool {
		w.alive()
		info, err := shmq.Stat(w.queue)
		require.NoError(w.t, err)
		return info.Mark != nil && info.Mark.Mark[0] >= uint64(len(all)) && info.Records+info.Leased+info.Orphans == 0
	})
	for _, c := range consumers {
		c.kill()
	}
	w.bridge.Kill()
	positions := make([]uint64, 0, len(at))
	for p := range at {
		positions = append(positions, p)
	}
	sort.Slice(positions, func(i, j int) bool { return positions[i] < positions[j] })
	for i, p := range positions {
		if i >= len(all) || at[p] != string(all[i].Data()) {
			w.t.Errorf("record %d of the queue, at position %d, is %.20q, and message %d of the stream %.20q", i, p, at[p], i, data(all, i))
			break
		}
	}
	if len(positions) < len(all) {
		w.t.Errorf("%d messages are in the stream, and %d were in the queue", len(all), len(positions))
	}
	w.report(fmt.Sprintf("pull: %d messages in the queue", len(positions)))
}

func data(all []jetstream.Msg, i int) string {
	if i < len(all) {
		return string(all[i].Data())
	}
	return "none"
}
