package serve_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/bridge/shmqprom/internal/serve"
)

// patience is how long a test waits for what has to happen; it decides nothing else.
const patience = 20 * time.Second

// server is a server at a free port, and what ends it.
type server struct {
	addr string
	end  func() error // returns what Until did
}

func start(t *testing.T, r *prometheus.Registry) *server { return startWith(t, r, serve.Grace) }

func startWith(t *testing.T, r *prometheus.Registry, grace time.Duration) *server {
	t.Helper()
	l, err := serve.Listen("127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	quiet := log.New(io.Discard, "", 0)
	go func() { ended <- serve.UntilWithin(ctx, l, serve.Handler(r, quiet), quiet, grace) }()
	s := &server{l.Addr().String(), func() error {
		cancel()
		err := <-ended
		ended <- err
		return err
	}}
	t.Cleanup(func() { _ = s.end() })
	return s
}

// slow connects, asks for the metrics, and reads nothing.
func (s *server) slow(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	_, err = io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)
	return c
}

// get returns the code and the text of what a client that does not keep its connection gets.
func (s *server) get(t *testing.T) (*http.Response, string) {
	t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	r, err := client.Get("http://" + s.addr + "/metrics")
	require.NoError(t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return r, string(body)
}

// many is a registry with more text than the buffers of a connection hold.
func many(t *testing.T) *prometheus.Registry {
	t.Helper()
	r := prometheus.NewRegistry()
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "many", Help: "Many."}, []string{"label"})
	for i := range 8_000 {
		v.WithLabelValues(fmt.Sprint(i, strings.Repeat("x", 1000))).Set(1)
	}
	v.WithLabelValues("last").Set(1)
	r.MustRegister(v)
	return r
}

const lastOfMany = `many{label="last"} 1`

// gated is a collector whose collections wait.
type gated struct{ entered, pass chan struct{} }

var gatedDesc = prometheus.NewDesc("gated", "Gated.", nil, nil)

func (g *gated) Describe(out chan<- *prometheus.Desc) { out <- gatedDesc }

func (g *gated) Collect(out chan<- prometheus.Metric) {
	g.entered <- struct{}{}
	<-g.pass
	out <- prometheus.MustNewConstMetric(gatedDesc, prometheus.GaugeValue, 1)
}

// More clients that read nothing than there may be scrapes hold up no other one.
func TestSlowClientsHoldUpNobody(t *testing.T) {
	t.Parallel()
	s := start(t, many(t))
	for range 10 {
		c := s.slow(t)
		_, err := io.ReadFull(c, make([]byte, 100)) // its answer is under way, and does not fit
		require.NoError(t, err)
	}
	r, body := s.get(t)
	require.Equal(t, http.StatusOK, r.StatusCode, body)
	require.Contains(t, body, lastOfMany)
}

// There may be any number of connections that ask for nothing, or read nothing.
func TestConnectionsAreLimited(t *testing.T) {
	t.Parallel()
	s := start(t, many(t))
	stuck := s.slow(t)
	_, err := io.ReadFull(stuck, make([]byte, 100))
	require.NoError(t, err)
	var silent []net.Conn
	for range 100 {
		c, err := net.Dial("tcp", s.addr)
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		silent = append(silent, c)
	}
	r, body := s.get(t)
	require.Equal(t, http.StatusOK, r.StatusCode)
	require.Contains(t, body, lastOfMany)
	// The first had to go, but not the one that has an answer to read.
	require.NoError(t, silent[0].SetReadDeadline(time.Now().Add(patience)))
	_, err = silent[0].Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	answer, err := http.ReadResponse(bufio.NewReader(io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\r\n"), rest(t, stuck))), nil)
	require.NoError(t, err)
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Contains(t, string(text), lastOfMany)
	_ = answer.Body.Close()
}

// rest is what remains of an answer behind its first 100 bytes, from the next line of the
// header on.
func rest(t *testing.T, c net.Conn) io.Reader {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	b := bufio.NewReader(c)
	_, err := b.ReadString('\n')
	require.NoError(t, err)
	return b
}

// Connections that have answers to read make room for new ones where there are no others.
func TestTheOldestSlowClientGoesFirst(t *testing.T) {
	t.Parallel()
	s := start(t, many(t))
	var slow []net.Conn
	for range 34 {
		c := s.slow(t)
		_, err := io.ReadFull(c, make([]byte, 100))
		require.NoError(t, err)
		slow = append(slow, c)
	}
	r, _ := s.get(t)
	require.Equal(t, http.StatusOK, r.StatusCode)
	for i, c := range []net.Conn{slow[0], slow[33]} {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
		all, _ := io.ReadAll(c)
		require.Equal(t, i == 1, bytes.Contains(all, []byte(lastOfMany)), "the first is cut off, the last is not")
		_ = c.Close()
	}
}

// Four scrapes may wait at a time; the fifth is told to come again.
func TestConcurrentScrapesAreLimited(t *testing.T) {
	t.Parallel()
	g := &gated{make(chan struct{}), make(chan struct{})}
	r := prometheus.NewRegistry()
	r.MustRegister(g)
	s := start(t, r)
	codes := make(chan int, 4)
	for range 4 {
		go func() {
			answer, err := http.Get("http://" + s.addr + "/metrics")
			if err != nil {
				codes <- 0
				return
			}
			_ = answer.Body.Close()
			codes <- answer.StatusCode
		}()
		<-g.entered
	}
	answer, body := s.get(t)
	require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	require.Equal(t, "1", answer.Header.Get("Retry-After"))
	require.Contains(t, body, "Limit of concurrent requests")
	close(g.pass)
	for range 4 {
		require.Equal(t, http.StatusOK, <-codes)
	}
	go func() { <-g.entered }()
	answer, body = s.get(t)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Contains(t, body, `promhttp_metric_handler_requests_total{code="503"} 1`)
}

// The end waits for a collection, and for a client that reads its answer.
func TestTheEndWaitsForAnswers(t *testing.T) {
	t.Parallel()
	g := &gated{make(chan struct{}), make(chan struct{})}
	r := many(t)
	r.MustRegister(g)
	s := startWith(t, r, patience) // a busy machine is slow to answer
	c := s.slow(t)
	<-g.entered
	ended := make(chan error, 1)
	go func() { ended <- s.end() }()
	// Once nobody listens any more, the end has begun.
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", s.addr)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	}, patience, time.Millisecond)
	require.Empty(t, ended)
	close(g.pass)
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Contains(t, string(text), lastOfMany)
	require.NoError(t, <-ended)
}

// A client that does not read its answer is cut off at the end.
func TestTheEndDoesNotWaitForSlowClients(t *testing.T) {
	t.Parallel()
	s := start(t, many(t))
	c := s.slow(t)
	_, err := io.ReadFull(c, make([]byte, 100))
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- s.end() }()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(patience):
		require.Fail(t, "it does not end")
	}
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	all, _ := io.ReadAll(c)
	require.NotContains(t, string(all), lastOfMany)
}

func TestListenAtASocket(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30)) // longer than an address can be
	require.NoError(t, os.Mkdir(dir, 0o700))
	path := filepath.Join(dir, "s")
	l, err := serve.Listen("unix:" + path)
	require.NoError(t, err)
	require.Equal(t, path, l.Addr().String())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.ModeSocket|0o660, info.Mode())

	_, err = serve.Listen("unix:" + path)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.NotContains(t, err.Error(), "/proc/self/fd")
	require.NoError(t, l.Close())
	require.NoFileExists(t, path)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

// Of what is in the way only a socket that nobody serves is replaced.
func TestOnlyDeadSocketsAreReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(at("file"), []byte("precious"), 0o600))
	require.NoError(t, os.Mkdir(at("folder"), 0o700))
	require.NoError(t, syscall.Mkfifo(at("fifo"), 0o600))
	require.NoError(t, os.Symlink(at("file"), at("link")))
	for _, name := range []string{"file", "folder", "fifo", "link"} {
		_, err := serve.Listen("unix:" + at(name))
		require.ErrorIs(t, err, os.ErrExist, name)
		_, err = os.Lstat(at(name))
		require.NoError(t, err)
	}
	text, err := os.ReadFile(at("file"))
	require.NoError(t, err)
	require.Equal(t, "precious", string(text))

	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: at("dead"), Net: "unix"})
	require.NoError(t, err)
	dead.SetUnlinkOnClose(false)
	require.NoError(t, dead.Close())
	require.FileExists(t, at("dead"))
	l, err := serve.Listen("unix:" + at("dead"))
	require.NoError(t, err)
	// What has the name at the end, by another process, stays.
	require.NoError(t, os.Remove(at("dead")))
	require.NoError(t, os.WriteFile(at("dead"), nil, 0o600))
	require.NoError(t, l.Close())
	require.FileExists(t, at("dead"))
}

// Of many that find a dead socket one gets its place, and keeps it.
func TestOneOfManyReplacesADeadSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	for range 300 {
		dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		require.NoError(t, err)
		dead.SetUnlinkOnClose(false)
		require.NoError(t, dead.Close())
		made, begin := make(chan net.Listener, 8), make(chan struct{})
		for range cap(made) {
			go func() {
				<-begin
				l, err := serve.Listen("unix:" + path)
				if err != nil {
					l = nil
				}
				made <- l
			}()
		}
		close(begin)
		var won []net.Listener
		for range cap(made) {
			if l := <-made; l != nil {
				won = append(won, l)
			}
		}
		require.Len(t, won, 1)
		c, err := net.Dial("unix", path)
		require.NoError(t, err)
		require.NoError(t, c.Close())
		require.NoError(t, won[0].Close())
	}
}
