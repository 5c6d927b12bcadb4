package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testproc"
)

func TestSignalsEndIt(t *testing.T) {
	t.Parallel()
	for signal, code := range map[syscall.Signal]int{syscall.SIGHUP: 129, syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		dir := t.TempDir()
		e := start(t, "--dir", dir, "--listen", "unix:"+filepath.Join(dir, "socket"))
		e.scrape()
		e.signal(signal)
		require.Equal(t, code, e.code(), "%v: %s", signal, e.said())
		require.NoFileExists(t, filepath.Join(dir, "socket"))
		require.Regexp(t, `^shmq-exporter: metrics are at [^\n]*\n$`, e.said(), "no more than that")
	}
}

// A scrape that is going on when the exporter is told to end gets its whole answer.
func TestEndDuringAScrape(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const queues = 1000
	crowd(t, dir, queues)
	e := start(t, "--dir", dir)
	type answer struct {
		code int
		body string
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		code, body, err := e.get()
		answered <- answer{code, body, err}
	}()
	testproc.Until(t, func() bool { return e.collecting(dir) })
	e.signal(syscall.SIGTERM)
	require.Equal(t, 143, e.code(), e.said())
	a := <-answered
	require.NoError(t, a.err)
	require.Equal(t, http.StatusOK, a.code)
	m := parse(t, a.body)
	for i := range queues {
		require.EqualValues(t, 1, m.of(t, "shmq_up", fmt.Sprint(i)))
	}
}

// Many scrapes at once are answered whole, or refused, and the exporter counts them.
func TestManyScrapesAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	crowd(t, dir, 200)
	e := start(t, "--dir", dir)
	const scrapes = 24
	codes := make(chan int, scrapes)
	for range scrapes {
		go func() {
			code, body, err := e.get()
			if err != nil || code == http.StatusOK && parse(t, body).of(t, "shmq_records_sent_total", "199") != 1 {
				code = 0
			}
			codes <- code
		}()
	}
	count := map[int]int{}
	for range scrapes {
		count[<-codes]++
	}
	require.Equal(t, scrapes, count[http.StatusOK]+count[http.StatusServiceUnavailable], "%v", count)
	require.GreaterOrEqual(t, count[http.StatusOK], 4)
	m := e.scrape()
	require.EqualValues(t, count[http.StatusOK], m[`promhttp_metric_handler_requests_total{code="200"}`])
	require.EqualValues(t, count[http.StatusServiceUnavailable], m[`promhttp_metric_handler_requests_total{code="503"}`])
}
