//go:build linux

package cli_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/graph"
	"github.com/shmq/shmq/internal/testproc"
)

func TestMapOfRealProcesses(t *testing.T) {
	t.Parallel()
	hostile := `<img src=x onerror=alert(1)>&"\N`
	dir := queueDir(t, "jobs", hostile)
	jobs := filepath.Join(dir, "shmq.jobs")
	sendBytes(t, jobs, "a", "b", "c")
	taker := holding(t, jobs, shmq.Consumer, 2)
	require.NoError(t, taker.Process.Signal(syscall.SIGSTOP))
	until(t, "a stopped process", func() bool { return testproc.State(taker.Process.Pid) == "T" })
	env := []string{"SHMQ_DIR=" + dir, "LC_ALL=C.UTF-8", "COLUMNS=90"}
	drawn := func(args ...string) string {
		p := startWith(t, env, "shmq", append([]string{"map", "--interval", "50ms"}, args...)...)
		p.ends(0)
		return p.out.String()
	}
	out := drawn()
	require.Contains(t, out, "shmq map - 2 queues, 1 process in "+dir[:8])
	require.Contains(t, out, fmt.Sprintf("╌ stopped ╌╌╌╌╳ %d holder\n", taker.Process.Pid))
	require.Contains(t, out, "│ 3 records, 12%          │")
	require.Contains(t, out, fmt.Sprintf("  consumer %d (holder) is stopped and has held 2 records for ", taker.Process.Pid))
	require.NotContains(t, out, "\x1b")

	var g graph.Graph
	require.NoError(t, json.Unmarshal([]byte(drawn("--format", "json", "jobs")), &g))
	require.Len(t, g.Queues, 1)
	require.Equal(t, []graph.State{graph.Stopped, graph.Stopped}, []graph.State{g.Processes[0].State, g.Edges[0].State})
	require.Equal(t, "2 records, 2 slots", g.Edges[0].Holds)
	require.NotNil(t, g.Edges[0].Rates)

	picture := drawn("--format", "svg")
	require.NoError(t, xml.Unmarshal([]byte(picture), new(struct{})))
	require.NotContains(t, picture, "<img")
	require.Contains(t, picture, "&lt;img src=x")
	require.Contains(t, drawn("--format", "dot"), `<img src=x onerror=alert(1)>&amp;\"\\N\n0 records, 0%`)

	require.Contains(t, startWith(t, env, "shmq", "map", "nosuch", "--interval", "50ms").ends(66), "nosuch")
	require.Contains(t, startWith(t, env, "shmq", "map", "--interval", "1ms").ends(64), "50ms or more")
	require.Contains(t, startWith(t, env, "shmq", "map", "--format", "png").ends(64), "want one of text, dot, svg, json")
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer full.Close()
	require.Contains(t, start(t, nil, full, "shmq", "map", jobs, "--interval", "50ms").ends(1), "can't write the output")
	ascii := startWith(t, append(env, "LC_ALL=C"), "shmq", "map", "--interval", "50ms")
	ascii.ends(0)
	require.Equal(t, -1, strings.IndexFunc(ascii.out.String(), func(r rune) bool { return r > 127 }))
}
