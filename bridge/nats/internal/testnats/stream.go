package testnats

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// storeFailed is the code of "error creating store for stream": a server has refused with it, once
// in some thousand tries, a stream whose namesake was deleted just before. Why, is in its log only.
const storeFailed = 10049

// CreateStream makes a stream, also where one of that name was just deleted.
func CreateStream(t testing.TB, js jetstream.JetStream, cfg jetstream.StreamConfig) jetstream.Stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		s, err := js.CreateStream(ctx, cfg)
		var refused *jetstream.APIError
		if !errors.As(err, &refused) || refused.ErrorCode != storeFailed {
			require.NoError(t, err)
			return s
		}
		t.Logf("stream %s: %v; again", cfg.Name, err)
		select {
		case <-ctx.Done():
			require.NoError(t, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// log writes the warnings of a server to the log of a test, until the test is over.
type log struct {
	mu sync.Mutex
	t  testing.TB // nil when it is over
}

func (l *log) print(format string, v []any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.t != nil {
		l.t.Logf("server: "+format, v...)
	}
}

func (l *log) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.t = nil
}

func (l *log) Warnf(format string, v ...any)  { l.print(format, v) }
func (l *log) Errorf(format string, v ...any) { l.print(format, v) }
func (l *log) Fatalf(format string, v ...any) { l.print(format, v) }
func (l *log) Noticef(string, ...any)         {}
func (l *log) Debugf(string, ...any)          {}
func (l *log) Tracef(string, ...any)          {}
