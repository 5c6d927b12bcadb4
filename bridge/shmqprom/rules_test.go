package shmqprom_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const rulesFile = "../../docs/alerts.yml"

// tool finds a program of Prometheus. Without it the test is skipped, but where
// SHMQ_PROMETHEUS=required it fails.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("SHMQ_PROMETHEUS") == "required" {
		t.Fatalf("%v; it is in Debian's package prometheus", err)
	}
	if err != nil {
		t.Skipf("%v; it is in Debian's package prometheus", err)
	}
	return path
}

// alerts returns the names of the alerts in the file of rules.
func alerts(t testing.TB) (names []string) {
	t.Helper()
	text, err := os.ReadFile(rulesFile)
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(string(text), -1) {
		names = append(names, m[1])
	}
	require.NotEmpty(t, names)
	return names
}

// Each alert fires where it has to, and none for a queue that works: by promtool.
func TestAlertRules(t *testing.T) {
	t.Parallel()
	promtool := tool(t, "promtool")
	out, err := exec.Command(promtool, "check", "rules", rulesFile).CombinedOutput()
	require.NoError(t, err, "%s", out)

	rules, err := filepath.Abs(rulesFile)
	require.NoError(t, err)
	text, err := os.ReadFile("testdata/alerts_test.yml")
	require.NoError(t, err)
	units := filepath.Join(t.TempDir(), "alerts_test.yml")
	require.NoError(t, os.WriteFile(units, []byte(strings.Replace(string(text), "RULES", rules, 1)), 0o600))
	out, err = exec.Command(promtool, "test", "rules", units).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// The unit tests have, for each alert, a case in which it fires and one in which it does not.
func TestEachAlertHasUnitTests(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/alerts_test.yml")
	require.NoError(t, err)
	for _, name := range alerts(t) {
		require.Regexp(t, `alertname: `+name+`\n +exp_alerts:\n +- exp_labels`, string(text), "%s fires", name)
		require.Contains(t, string(text), "alertname: "+name+", exp_alerts: []}", "%s is silent", name)
	}
}
