//go:build linux

package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/internal/watch"
	"github.com/shmq/shmq/producer"
)

func TestAFrameIsWholeAndThenWhatIsNew(t *testing.T) {
	t.Parallel()
	a, b := queue(t, "a"), queue(t, "b")
	w := start(t, &Options{Names: []string{a, b}}, "127.0.0.1:0")
	e := w.events("")
	first := e.next()
	require.True(t, first.Full)
	require.Len(t, first.Queues, 2)
	require.Contains(t, first.History, "queue:"+a)
	require.NotZero(t, first.Bucket)
	e.until(func(g *got) bool { return !g.Full && len(g.Queues) == 0 }) // nothing goes on

	p, err := producer.OpenRaw(a, nil)
	require.NoError(t, err)
	require.NoError(t, p.TrySend([]byte("x")))
	// A page that could not keep up gets a whole frame, which tells nothing of what is gone.
	g := e.until(func(g *got) bool { return len(g.Queues) > 0 && g.Queues[0].Depth == 1 })
	require.Equal(t, a, g.Queues[0].Name)
	if !g.Full {
		require.Len(t, g.Queues, 1, "the other queue is as it was")
	}
	require.NoError(t, p.Close())
	g = e.until(func(g *got) bool { return len(g.Gone) > 0 || g.Full && len(g.Processes) == 0 })
	if !g.Full {
		require.Len(t, g.Gone, 2, "a process and its edge")
	}
}

// Names are told as they are; the JSON that carries them can't end a line or a script.
func TestHostileNamesAreData(t *testing.T) {
	t.Parallel()
	for _, name := range []string{`<img src=x onerror=alert(1)>`, `"><script>alert(1)<`, `a&amp;b'c`, "__proto__", "constructor", "é漢"} {
		path := queue(t, name)
		w := start(t, &Options{Names: []string{path}}, "127.0.0.1:0")
		line := w.events("").line()
		require.NotContains(t, line, "<")
		require.NotContains(t, line, "\r")
		require.Equal(t, path, w.events("").next().Queues[0].Name)
	}
}

func TestAFileThatIsNoQueueIsTold(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "junk")
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("<b>junk", 10_000)), 0o600))
	w := start(t, &Options{Names: []string{path}}, "127.0.0.1:0")
	g := w.events("").next()
	require.Equal(t, "error", g.Queues[0].State)
	require.NotEmpty(t, g.Queues[0].Error)
	require.Empty(t, g.History)
}

// One collector serves all pages, and none is at work when no page is open.
func TestNothingIsLookedAtWhileNobodyLooks(t *testing.T) {
	t.Parallel()
	w := start(t, &Options{Names: []string{queue(t, "q")}}, "127.0.0.1:0")
	w.get("/", nil)
	require.Zero(t, w.looks.Load())
	var pages []*events
	for range 5 {
		e := w.events("")
		e.next()
		pages = append(pages, e)
	}
	require.EqualValues(t, 1, w.open.Load())
	for _, e := range pages {
		e.Close()
	}
	testproc.Until(t, func() bool { return w.open.Load() == 0 })
	looks := w.looks.Load()
	w.get("/app.css", nil)
	require.Equal(t, looks, w.looks.Load())
	require.True(t, w.events("").next().Full, "and it begins again")
	require.Greater(t, w.looks.Load(), looks)
}

func TestPagesAreCounted(t *testing.T) {
	t.Parallel()
	w := start(t, &Options{Names: []string{queue(t, "q")}}, "127.0.0.1:0")
	w.hub.most = 3
	var last *events
	for range 3 {
		last = w.events("")
	}
	answer, body := w.get("/events", nil)
	require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	require.Contains(t, body, "close one")
	require.NotEmpty(t, answer.Header.Get("Retry-After"))
	last.Close()
	testproc.Until(t, func() bool {
		w.hub.mu.Lock()
		defer w.hub.mu.Unlock()
		return len(w.hub.pages) == 2
	})
	w.events("").next()
}

// A page that missed frames gets all, not what is new since one that it never had.
func TestALatePageGetsAWholeFrame(t *testing.T) {
	t.Parallel()
	h := newHub(&Options{Interval: 1 << 40, Reason: error.Error})
	h.looker = func() looker { return none{} }
	p, err := h.open("")
	require.NoError(t, err)
	defer h.end()
	require.Contains(t, take(t, h, p), `"full":true`)
	h.publish(t.Context(), nil, nil)
	require.Contains(t, take(t, h, p), `"full":false`)
	h.publish(t.Context(), nil, nil)
	h.publish(t.Context(), nil, errors.New("no directory"))
	b := take(t, h, p)
	require.Contains(t, b, `"full":true`)
	require.Contains(t, b, "no directory")
}

type none struct{}

func (none) Look(func(string) bool) ([]watch.Look, error) { return nil, nil }
func (none) Close()                                       {}

func take(t *testing.T, h *hub, p *page) string {
	t.Helper()
	b, err := h.next(t.Context(), p)
	require.NoError(t, err)
	return string(b)
}

// A queue is walked over while a page shows it: then what its participants hold is known.
func TestAPageLooksCloselyAtItsQueue(t *testing.T) {
	t.Parallel()
	h := newHub(&Options{Interval: 1 << 40, Reason: error.Error})
	h.looker = func() looker { return none{} }
	defer h.end()
	p, err := h.open("q")
	require.NoError(t, err)
	require.True(t, h.closer("q"))
	require.False(t, h.closer("r"))
	h.close(p)
	require.False(t, h.closer("q"))
}

func TestTheEndIsToldToPages(t *testing.T) {
	t.Parallel()
	w := start(t, &Options{Names: []string{queue(t, "q")}}, "127.0.0.1:0")
	e := w.events("")
	e.next()
	ended := make(chan error, 1)
	go func() { ended <- w.stop() }()
	for line := ""; line != "event: end"; line = e.line() {
	}
	require.ErrorIs(t, <-ended, io.EOF, "the cause of the context")
	require.Zero(t, w.open.Load())
	_, err := w.client.Get(w.url)
	require.Error(t, err)
	_, err = w.hub.open("")
	require.ErrorIs(t, err, errEnding)
	_, err = w.hub.next(context.Background(), &page{})
	require.ErrorIs(t, err, errEnding)
}

func TestAQueueThatIsRemovedGoes(t *testing.T) {
	t.Parallel()
	path := queue(t, "q")
	w := start(t, &Options{Names: []string{path}}, "127.0.0.1:0")
	e := w.events("")
	e.next()
	require.NoError(t, shmq.Remove(path))
	// A frame of before, with the rates of a second look, may come first.
	e.until(func(g *got) bool { return len(g.Queues) > 0 && g.Queues[0].Error != "" })
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	require.NotContains(t, w.hub.history, "queue:"+path)
}
