package facts_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/bridge/nats/internal/testnats"
)

func TestMain(m *testing.M) { testnats.Main(m) }

// Codes of JetStream's errors.
const (
	wrongLastMsgID    = 10070
	wrongLastSequence = 10071
	headerTooLarge    = 10097
	batchDuplicate    = 10201
)

func context30(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// embedded returns a connection to a server of its own.
func embedded(t *testing.T) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	return testnats.Connect(t, testnats.Embedded(t, testnats.Config{}).ClientURL())
}

// stream makes the stream S with the subjects s and s.>.
func stream(t *testing.T, js jetstream.JetStream, change func(*jetstream.StreamConfig)) jetstream.Stream {
	t.Helper()
	cfg := jetstream.StreamConfig{Name: "S", Subjects: []string{"s", "s.>"}}
	if change != nil {
		change(&cfg)
	}
	return testnats.CreateStream(t, js, cfg)
}

func message(subject, data string, headers ...string) *nats.Msg {
	m := nats.NewMsg(subject)
	m.Data = []byte(data)
	for i := 0; i+1 < len(headers); i += 2 {
		m.Header[headers[i]] = []string{headers[i+1]}
	}
	return m
}

const (
	msgID    = "Nats-Msg-Id"
	lastID   = "Nats-Expected-Last-Msg-Id"
	lastSeq  = "Nats-Expected-Last-Sequence"
	batchID  = "Nats-Batch-Id"
	batchSeq = "Nats-Batch-Sequence"
	commit   = "Nats-Batch-Commit"
)

// answer is what the server says to a publish, as it comes.
type answer struct {
	Stream    string
	Seq       uint64
	Duplicate bool
	Error     *jetstream.APIError
}

func (a answer) code() int {
	if a.Error == nil {
		return 0
	}
	return int(a.Error.ErrorCode)
}

// publish sends a message without any help of the client.
func publish(t *testing.T, nc *nats.Conn, m *nats.Msg) answer {
	t.Helper()
	r, err := nc.RequestMsg(m, 10*time.Second)
	require.NoError(t, err)
	var a answer
	require.NoError(t, json.Unmarshal(r.Data, &a), "%q", r.Data)
	return a
}

// stored is publish of a message that has to be stored.
func stored(t *testing.T, nc *nats.Conn, m *nats.Msg) uint64 {
	t.Helper()
	a := publish(t, nc, m)
	require.Nil(t, a.Error)
	require.False(t, a.Duplicate)
	return a.Seq
}

func state(t *testing.T, js jetstream.JetStream) jetstream.StreamState {
	t.Helper()
	s, err := js.Stream(context30(t), "S")
	require.NoError(t, err)
	return s.CachedInfo().State
}

func config(t *testing.T, js jetstream.JetStream) jetstream.StreamConfig {
	t.Helper()
	s, err := js.Stream(context30(t), "S")
	require.NoError(t, err)
	return s.CachedInfo().Config
}

// contents returns the payloads in the stream.
func contents(t *testing.T, js jetstream.JetStream) (all []string) {
	t.Helper()
	s, err := js.Stream(context30(t), "S")
	require.NoError(t, err)
	for seq := s.CachedInfo().State.FirstSeq; seq <= s.CachedInfo().State.LastSeq; seq++ {
		m, err := s.GetMsg(context30(t), seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		require.NoError(t, err)
		all = append(all, string(m.Data))
	}
	return all
}

// until waits for a condition; if it does not come in a minute the test fails.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(end), "no %s", what)
	}
}
