//go:build linux

package web

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/graph"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/internal/watch"
)

func TestMain(m *testing.M) { testproc.Main(m, nil) }

// counting is a collector that counts.
type counting struct {
	looker
	looks, open *atomic.Int64
}

func (c counting) Look(closer func(string) bool) ([]watch.Look, error) {
	c.looks.Add(1)
	return c.looker.Look(closer)
}

func (c counting) Close() {
	c.open.Add(-1)
	c.looker.Close()
}

// site is a server at work.
type site struct {
	t           *testing.T
	url         string
	hub         *hub
	client      *http.Client
	looks, open atomic.Int64 // looks taken, collectors open
	stop        func() error
}

// start serves these options on the address, on a port of its own.
func start(t *testing.T, o *Options, address string) *site {
	t.Helper()
	l, err := net.Listen("tcp", address)
	require.NoError(t, err)
	if o.Interval == 0 {
		o.Interval = 5 * time.Millisecond
	}
	if o.Reason == nil {
		o.Reason = error.Error
	}
	s := &server{newHub(o)}
	w := &site{t: t, url: "http://" + l.Addr().String(), hub: s.hub}
	s.hub.looker = func() looker {
		w.open.Add(1)
		return counting{watch.New(o.Names), &w.looks, &w.open}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.serve(ctx, l, o) }()
	done := false
	w.stop = func() error {
		if done {
			return nil
		}
		done = true
		cancel(io.EOF)
		return <-ended
	}
	transport := &http.Transport{}
	w.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := w.stop(); err != nil {
			require.ErrorIs(t, err, io.EOF)
		}
	})
	return w
}

// get asks for a path; change may change the request.
func (w *site) get(path string, change func(*http.Request)) (*http.Response, string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testproc.Patience) // a stream never ends
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+path, nil)
	require.NoError(w.t, err)
	if change != nil {
		change(r)
	}
	answer, err := w.client.Do(r)
	require.NoError(w.t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(w.t, err)
	return answer, string(body)
}

// got is a frame as a page reads it.
type got struct {
	frame
	Queues    []graph.Queue   `json:"queues"`
	Processes []graph.Process `json:"processes"`
	Edges     []graph.Edge    `json:"edges"`
	History   map[string]struct {
		Depth []*float64 `json:"depth"`
	} `json:"history"`
}

// events are a page's stream.
type events struct {
	t     *testing.T
	lines *bufio.Reader
	Close func()
}

func (w *site) events(query string) *events {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/events"+query, nil)
	require.NoError(w.t, err)
	answer, err := w.client.Do(r)
	require.NoError(w.t, err)
	require.Equal(w.t, http.StatusOK, answer.StatusCode)
	require.Equal(w.t, "text/event-stream", answer.Header.Get("Content-Type"))
	e := &events{w.t, bufio.NewReader(answer.Body), func() {
		cancel()
		answer.Body.Close()
	}}
	w.t.Cleanup(e.Close)
	return e
}

// line returns the next line that is not empty.
func (e *events) line() string {
	e.t.Helper()
	for {
		line, err := e.lines.ReadString('\n')
		require.NoError(e.t, err)
		if line = strings.TrimSuffix(line, "\n"); line != "" {
			return line
		}
	}
}

func (e *events) next() *got {
	e.t.Helper()
	data, ok := strings.CutPrefix(e.line(), "data: ")
	require.True(e.t, ok)
	var g got
	require.NoError(e.t, json.Unmarshal([]byte(data), &g))
	return &g
}

// until returns the first frame that is right.
func (e *events) until(right func(*got) bool) *got {
	e.t.Helper()
	for end := time.Now().Add(testproc.Patience); ; {
		if g := e.next(); right(g) {
			return g
		}
		require.True(e.t, time.Now().Before(end), "no such frame came")
	}
}

// queue makes a queue in a directory of the test's own and returns its path.
func queue(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, shmq.Create(path, &shmq.Options{Slots: 8, SlotSize: 64}))
	return path
}
