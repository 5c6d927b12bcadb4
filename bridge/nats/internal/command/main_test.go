package command_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/producer"

	"github.com/shmq/shmq/bridge/nats/internal/testnats"
)

func TestMain(m *testing.M) { testnats.Main(m) }

func minute(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// until waits for a condition; if it does not come in a minute the test fails.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(2 * time.Millisecond) {
		require.True(t, time.Now().Before(end), "no %s", what)
	}
}

// small is a queue whose largest record fits into a message.
func small(t testing.TB, change func(*shmq.Options)) string {
	t.Helper()
	q := filepath.Join(t.TempDir(), "q")
	o := &shmq.Options{Slots: 256, SlotSize: 256}
	if change != nil {
		change(o)
	}
	require.NoError(t, shmq.Create(q, o))
	return q
}

func pack(t testing.TB, v any) []byte {
	t.Helper()
	b, err := codec.Msgpack().Append(nil, &v)
	require.NoError(t, err)
	return b
}

func send(t testing.TB, q string, values ...any) {
	t.Helper()
	p, err := producer.OpenRaw(q, nil)
	require.NoError(t, err)
	for _, v := range values {
		b, ok := v.([]byte)
		if !ok {
			b = pack(t, v)
		}
		require.NoError(t, p.Send(minute(t), b))
	}
	require.NoError(t, p.Close())
}

// server is one in this process, with a stream S of subjects s and s.>.
func server(t testing.TB, change func(*jetstream.StreamConfig)) (url string, nc *nats.Conn, js jetstream.JetStream) {
	t.Helper()
	url = testnats.Embedded(t, testnats.Config{}).ClientURL()
	nc, js = testnats.Connect(t, url)
	stream(t, js, change)
	return url, nc, js
}

func stream(t testing.TB, js jetstream.JetStream, change func(*jetstream.StreamConfig)) {
	t.Helper()
	cfg := jetstream.StreamConfig{Name: "S", Subjects: []string{"s", "s.>"}, Duplicates: 2 * time.Minute}
	if change != nil {
		change(&cfg)
	}
	testnats.CreateStream(t, js, cfg)
}

// got is a message of a stream.
type got struct {
	subject, data, id string
	header            nats.Header
}

// contents returns the messages of stream S.
func contents(t testing.TB, js jetstream.JetStream) (all []got) {
	t.Helper()
	s, err := js.Stream(minute(t), "S")
	require.NoError(t, err)
	st := s.CachedInfo().State
	for seq := st.FirstSeq; st.Msgs > 0 && seq <= st.LastSeq; seq++ {
		m, err := s.GetMsg(minute(t), seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		require.NoError(t, err)
		all = append(all, got{m.Subject, string(m.Data), m.Header.Get("Nats-Msg-Id"), m.Header})
	}
	return all
}

// numbers returns payloads that are msgpack integers.
func numbers(t testing.TB, js jetstream.JetStream) (all []int) {
	t.Helper()
	for _, m := range contents(t, js) {
		var n int
		require.NoError(t, codec.Msgpack().Decode([]byte(m.data), &n))
		all = append(all, n)
	}
	return all
}

func upTo(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

func sendNumbers(t testing.TB, q string, from, to int) {
	t.Helper()
	var all []any
	for i := from; i < to; i++ {
		all = append(all, i)
	}
	send(t, q, all...)
}

func records(t testing.TB, q string) int {
	t.Helper()
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	return info.Records + info.Leased + info.Orphans
}
