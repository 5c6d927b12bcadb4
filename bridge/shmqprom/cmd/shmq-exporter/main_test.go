package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

const programEnv = "SHMQ_EXPORTER_TEST_PROGRAM"

// TestMain makes the test's binary the exporter where programEnv is set.
func TestMain(m *testing.M) {
	if os.Getenv(programEnv) != "" {
		main()
		return
	}
	testproc.Main(m, map[string]testproc.Role{"pump": pump, "sit": sit})
}

// exporter is a running exporter.
type exporter struct {
	t   testing.TB
	cmd *exec.Cmd
	at  string // HOST:PORT or unix:PATH

	mu  sync.Mutex
	log strings.Builder
	end chan error
}

// Write keeps what the exporter says.
func (e *exporter) Write(b []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.log.Write(b)
}

func (e *exporter) said() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.log.String()
}

// start starts an exporter, and waits until it listens. Without --listen, that is at a free port.
func start(t testing.TB, args ...string) *exporter {
	t.Helper()
	if !strings.Contains(strings.Join(args, " "), "--listen") {
		args = append(args, "--listen", "127.0.0.1:0")
	}
	e := begin(t, args...)
	testproc.Until(t, func() bool { return strings.Contains(e.said(), "metrics are at") || len(e.end) > 0 })
	at := regexp.MustCompile(`metrics are at (?:http://([0-9.:]+)/metrics|(unix:.*))\n`).FindStringSubmatch(e.said())
	require.NotNil(t, at, e.said())
	e.at = at[1] + at[2]
	return e
}

// begin starts an exporter.
func begin(t testing.TB, args ...string) *exporter {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	e := &exporter{t: t, cmd: exec.Command(self, args...), end: make(chan error, 1)}
	e.cmd.Env = append(os.Environ(), programEnv+"=1", "GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0")
	e.cmd.Stderr = e
	require.NoError(t, e.cmd.Start())
	go func() { e.end <- e.cmd.Wait() }()
	t.Cleanup(func() {
		_ = e.cmd.Process.Kill()
		<-e.end
		require.NotContains(t, e.said(), "goroutine ")
	})
	return e
}

// code waits for the end and returns the exit code.
func (e *exporter) code() int {
	e.t.Helper()
	late := time.AfterFunc(testproc.Patience, func() { _ = e.cmd.Process.Signal(syscall.SIGQUIT) })
	defer late.Stop()
	e.end <- <-e.end
	return e.cmd.ProcessState.ExitCode()
}

// client returns a client of the exporter, whose connections serve one request.
func (e *exporter) client() *http.Client {
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		if path, ok := strings.CutPrefix(e.at, "unix:"); ok {
			network, addr = "unix", path
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	return &http.Client{Timeout: testproc.Patience, Transport: &http.Transport{DisableKeepAlives: true, DialContext: dial}}
}

// get returns what it answers, whole.
func (e *exporter) get() (code int, body string, err error) {
	host := e.at
	if strings.HasPrefix(host, "unix:") {
		host = "exporter"
	}
	r, err := e.client().Get("http://" + host + "/metrics")
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	return r.StatusCode, string(b), err
}

// samples are the values of a scrape, as NAME{label="value",...}.
type samples map[string]float64

// scrape returns the samples of a scrape that has to succeed.
func (e *exporter) scrape() samples {
	e.t.Helper()
	code, body, err := e.get()
	require.NoError(e.t, err, e.said())
	require.Equal(e.t, http.StatusOK, code, body)
	return parse(e.t, body)
}

// parse reads the text format, by the library of Prometheus.
func parse(t testing.TB, text string) samples {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	require.NoError(t, err)
	all := samples{}
	for name, f := range families {
		for _, m := range f.Metric {
			v := m.GetGauge().GetValue()
			if f.GetType() == dto.MetricType_COUNTER {
				v = m.GetCounter().GetValue()
			}
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			all[name+"{"+strings.Join(labels, ",")+"}"] = v
		}
	}
	return all
}

// of returns the sample of a queue, and wants it to be there.
func (s samples) of(t testing.TB, name, queue string) float64 {
	t.Helper()
	key := fmt.Sprintf("%s{queue=%q}", name, queue)
	require.Contains(t, s, key)
	return s[key]
}

// create makes a queue and sends n records.
func create(t testing.TB, path string, n int) {
	t.Helper()
	require.NoError(t, shmq.Create(path, &shmq.Options{Slots: 16, SlotSize: 64, Seats: 8}))
	p, err := producer.OpenRaw(path, &producer.Options{NoCreate: true})
	require.NoError(t, err)
	for range n {
		require.NoError(t, p.TrySend([]byte("x")))
	}
	require.NoError(t, p.Close())
}

// crowd makes n names of one queue, so that a collection takes a while.
func crowd(t testing.TB, dir string, n int) {
	t.Helper()
	create(t, filepath.Join(dir, "shmq.0"), 1)
	for i := 1; i < n; i++ {
		require.NoError(t, os.Link(filepath.Join(dir, "shmq.0"), filepath.Join(dir, fmt.Sprint("shmq.", i))))
	}
}

// collecting reports whether the exporter has a queue of the directory open right now.
func (e *exporter) collecting(dir string) bool {
	fds := fmt.Sprintf("/proc/%d/fd", e.cmd.Process.Pid)
	entries, err := os.ReadDir(fds)
	require.NoError(e.t, err)
	for _, fd := range entries {
		if to, err := os.Readlink(filepath.Join(fds, fd.Name())); err == nil && strings.HasPrefix(to, dir+"/shmq.") {
			return true
		}
	}
	return false
}

func (e *exporter) signal(s syscall.Signal) {
	e.t.Helper()
	require.NoError(e.t, e.cmd.Process.Signal(s))
}
