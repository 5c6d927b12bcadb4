package metrics_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/metrics"
)

// The document has a row for each family, with its type, labels and meaning, and no others but
// those of the exporter's own.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/metrics.md")
	require.NoError(t, err)
	rows := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(shmq_[a-z_]+)` (\\|.*\\|)$").FindAllStringSubmatch(string(text), -1) {
		require.NotContains(t, rows, m[1])
		rows[m[1]] = m[2]
	}
	for _, f := range append(metrics.QueueFamilies(), metrics.ParticipantFamilies()...) {
		require.Equal(t, fmt.Sprintf("| %s | %s | %s |", f.Kind(), strings.Join(f.Labels, ", "), f.Help), rows[f.Name], f.Name)
		delete(rows, f.Name)
	}
	for name := range rows {
		require.Contains(t, []string{
			"shmq_queue_error", "shmq_waits_total", "shmq_wakes_total", "shmq_survey_age_seconds", "shmq_directory_up",
			"shmq_queues", "shmq_queues_omitted", "shmq_participants_omitted", "shmq_collect_duration_seconds", "shmq_exporter_build_info",
		}, name)
	}
}
