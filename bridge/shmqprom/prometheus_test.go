package shmqprom_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/producer"
)

// silent are the alerts that a machine can't be brought to in a test, with the reason. Their
// unit tests show that they fire; here, that the series they look at exist.
var silent = map[string]string{
	"ShmqOldest":            "a record would have to wait for five minutes",
	"ShmqBroken":            "the machine would have to stop",
	"ShmqTorn":              "a participant would have to overwrite a record that is being read",
	"ShmqExporterAbsent":    "the exporter is there",
	"ShmqSubscriptionLoses": "a consumer would have to be overtaken between two scrapes",
}

// A real Prometheus scrapes a running exporter, and each query of the dashboard and of the
// alerts has an answer.
func TestRealPrometheusAnswersAllQueries(t *testing.T) {
	t.Parallel()
	promtool, prometheus := tool(t, "promtool"), tool(t, "prometheus")
	dir := t.TempDir()
	troubled(t, dir)
	exporter := startExporter(t, "--dir", dir, "--dir", filepath.Join(dir, "absent"), "--participants")

	check := exec.Command(promtool, "check", "metrics")
	check.Stdin = strings.NewReader(get(t, "http://"+exporter+"/metrics"))
	out, err := check.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, string(out), "promtool has no advice")

	api := startPrometheus(t, prometheus, exporter)
	text, err := os.ReadFile("../../docs/grafana.json")
	require.NoError(t, err)
	var board dashboard
	require.NoError(t, json.Unmarshal(text, &board))
	n := 0
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			q := strings.NewReplacer("$__rate_interval", "10s", "$instance", ".*", "$queue", ".*").Replace(target.Expr)
			require.NotContains(t, q, "$", p.Title)
			answered(t, api, p.Title, q)
			n++
		}
	}
	require.Greater(t, n, 20)
	for _, v := range board.Templating.List {
		if q, ok := strings.CutPrefix(v.Definition, "label_values("); ok {
			q = q[:strings.LastIndex(q, ",")]
			answered(t, api, v.Name, strings.ReplaceAll(q, "$instance", ".*"))
		}
	}

	for _, rule := range loadedRules(t, api) {
		if silent[rule.Name] == "" {
			answered(t, api, rule.Name, rule.Query)
			continue
		}
		for _, series := range regexp.MustCompile(`shmq_[a-z_]+|up\{[^}]*\}`).FindAllString(rule.Query, -1) {
			answered(t, api, rule.Name, series)
		}
		require.Empty(t, query(t, api, rule.Query), "%s can be brought about after all: %s", rule.Name, silent[rule.Name])
	}
}

// troubled fills a directory with queues that have what the alerts look for.
func troubled(t *testing.T, dir string) {
	at := func(name string) string { return filepath.Join(dir, "shmq."+name) }
	for _, name := range []string{"good", "full", "jobs-failed", "orphans", "stopped", "damaged"} {
		create(t, at(name))
	}
	send(t, at("good"), 5)
	receive(t, at("good"), 2)
	send(t, at("jobs-failed"), 1)
	p, err := producer.OpenRaw(at("full"), nil)
	require.NoError(t, err)
	for err == nil {
		err = p.TrySend([]byte("x"))
	}
	require.NoError(t, p.Close())

	send(t, at("orphans"), 2)
	dead := startHolder(t, at("orphans"))
	require.NoError(t, dead.Process.Kill())
	_ = dead.Wait()
	// The next participant recovers what the dead one held.
	send(t, at("orphans"), 1)

	send(t, at("stopped"), 1)
	require.NoError(t, startHolder(t, at("stopped")).Process.Signal(syscall.SIGSTOP))

	require.NoError(t, os.Truncate(at("damaged"), 5000))
	subscribed(t, at("each"))
}

// startHolder starts a process that holds a record of the queue.
func startHolder(t *testing.T, path string) *exec.Cmd {
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), holdQueue+"="+path)
	_, err = cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "holds <nil>\n", line)
	return cmd
}

// built builds the exporter and returns its path.
func built(t *testing.T) string {
	bin := filepath.Join(t.TempDir(), "shmq-exporter")
	out, err := exec.Command("go", "build", "-o", bin, "./cmd/shmq-exporter").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return bin
}

// startExporter starts the exporter at a free port and returns its address.
func startExporter(t *testing.T, args ...string) string {
	cmd := exec.Command(built(t), append([]string{"--listen", "127.0.0.1:0"}, args...)...)
	errs, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(errs).ReadString('\n')
	require.NoError(t, err)
	at := regexp.MustCompile(`http://([0-9.:]+)/metrics`).FindStringSubmatch(line)
	require.NotNil(t, at, line)
	go func() { _, _ = io.Copy(io.Discard, errs) }()
	return at[1]
}

// startPrometheus starts Prometheus with the alerts, waits until it has scraped the exporter
// three times and looked at the rules, and returns its address.
func startPrometheus(t *testing.T, bin, exporter string) string {
	dir := t.TempDir()
	rules, err := filepath.Abs(rulesFile)
	require.NoError(t, err)
	config := fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
  - job_name: shmq
    static_configs: [{targets: [%q]}]
`, rules, exporter)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	cmd := exec.Command(bin, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+addr, "--log.level=warn")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("prometheus: %s", log.String())
		}
	})
	api := "http://" + addr
	require.Eventually(t, func() bool {
		r, err := http.Get(api + "/api/v1/query?query=" + url.QueryEscape(`count_over_time(shmq_collect_duration_seconds[1m]) >= 3`))
		if err != nil {
			return false
		}
		defer r.Body.Close()
		body, _ := io.ReadAll(r.Body)
		return bytes.Contains(body, []byte(`"metric":{`))
	}, 30*time.Second, 100*time.Millisecond)
	return api
}

// dashboard is what the test reads of Grafana's model.
type dashboard struct {
	Panels []struct {
		Title   string
		Targets []struct{ Expr string }
	}
	Templating struct {
		List []struct{ Name, Definition string }
	}
}

type rule struct{ Name, Query string }

// loadedRules returns the rules as Prometheus has them.
func loadedRules(t *testing.T, api string) (all []rule) {
	var answer struct {
		Data struct{ Groups []struct{ Rules []rule } }
	}
	require.NoError(t, json.Unmarshal([]byte(get(t, api+"/api/v1/rules")), &answer))
	for _, g := range answer.Data.Groups {
		all = append(all, g.Rules...)
	}
	require.Len(t, all, len(alerts(t)))
	return all
}

func answered(t *testing.T, api, what, q string) {
	t.Helper()
	require.NotEmpty(t, query(t, api, q), "%s: no data for %s", what, q)
}

// query returns the samples of an instant query.
func query(t *testing.T, api, q string) []json.RawMessage {
	t.Helper()
	var answer struct {
		Data struct{ Result []json.RawMessage }
	}
	require.NoError(t, json.Unmarshal([]byte(get(t, api+"/api/v1/query?query="+url.QueryEscape(q))), &answer))
	return answer.Data.Result
}

// get returns the body of what must be there.
func get(t *testing.T, at string) string {
	t.Helper()
	r, err := http.Get(at)
	require.NoError(t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, r.StatusCode, "%s: %s", at, body)
	return string(body)
}
