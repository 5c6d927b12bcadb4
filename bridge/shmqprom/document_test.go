package shmqprom_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// docs/metrics.md has each family that an exporter serves, with its type and meaning, and no
// others.
func TestServedMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/metrics.md")
	require.NoError(t, err)
	rows := map[string][]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(shmq_[a-z_]+)` \\| (\\w+) \\| [^|]*\\| (.*) \\|$").FindAllStringSubmatch(string(text), -1) {
		rows[m[1]] = m[2:]
	}
	dir := t.TempDir()
	create(t, filepath.Join(dir, "shmq.q"))
	send(t, filepath.Join(dir, "shmq.q"), 1)
	startHolder(t, filepath.Join(dir, "shmq.q"))
	subscribed(t, filepath.Join(dir, "shmq.each"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "shmq.text"), []byte("no queue"), 0o600))
	served := get(t, "http://"+startExporter(t, "--dir", dir, "--participants")+"/metrics")
	kinds := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (shmq_\w+) (\w+)$`).FindAllStringSubmatch(served, -1) {
		kinds[m[1]] = m[2]
	}
	for name, kind := range kinds {
		require.Contains(t, rows, name)
		require.Equal(t, kind, rows[name][0], name)
		require.True(t, strings.Contains(served, "# HELP "+name+" "+rows[name][1]+"\n"), "%s: %s", name, rows[name][1])
	}
	for name := range rows {
		require.Contains(t, kinds, name, "documented, and not served")
	}
}
