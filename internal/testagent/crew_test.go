//go:build linux

package testagent_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) { testproc.Main(m, testagent.Roles()) }

const playingEnv = "SHMQ_TESTAGENT_PLAYING"

// TestPlayed is the scenario that TestCrew has played.
func TestPlayed(t *testing.T) {
	step := os.Getenv(playingEnv)
	if step == "" {
		t.Skip("for TestCrew")
	}
	plain := testagent.Queue(t, &testagent.Shared)
	each := testagent.Queue(t, &shmq.Options{Consumers: shmq.Each})
	summed := testagent.Queue(t, &shmq.Options{Checksum: true})
	for range 2 {
		a := testagent.New(t)
		switch step {
		case "plain":
			a.Do("producer %s", plain)
		case "each":
			a.Do("consumer %s", each)
		case "summed":
			a.Do("consumer %s", summed)
		case "subscribe":
			a.Do("subscribe %s newest", each)
		case "fork":
			a.Fails("fork")
		}
	}
}

// A crew that can't play fails, and what an agent refuses is skipped with its reason only where that
// has to do with what it says that it can't.
func TestCrew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := func(name, body string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o755))
		return path
	}
	says := func(name, reply string) string {
		return program(name, "echo ready\nwhile read -r line; do echo '"+reply+"'; done\n")
	}
	ends := program("ends", "exit 3\n")
	no := says("no", "no subscriptions not here")
	rebuild, fork, lazy := says("rebuild", "no rebuild not here"), says("fork", "no fork not here"), says("lazy", "no time")
	for _, c := range []struct{ crew, step, result, says string }{
		{"go", "plain", "PASS", ""},
		{"go;" + filepath.Join(dir, "absent"), "plain", "FAIL", "names an agent that can't be run"},
		{"go;;go", "plain", "FAIL", "has an empty command"},
		{"go;", "plain", "FAIL", "has an empty command"},
		{ends, "plain", "FAIL", "ended"},
		{"go;" + ends, "plain", "FAIL", "ended"},
		{"echo hello", "plain", "FAIL", `want "ready"`},
		{no, "each", "SKIP", "not here"},
		{"go;" + no, "each", "SKIP", "not here"},
		{no, "subscribe", "SKIP", "not here"},
		{no, "plain", "FAIL", "which each has to play"},
		{no, "fork", "FAIL", "which each has to play"},
		{rebuild, "summed", "SKIP", "not here"},
		{rebuild, "each", "FAIL", "which each has to play"},
		{fork, "fork", "SKIP", "not here"},
		{fork, "plain", "FAIL", "which each has to play"},
		{lazy, "plain", "FAIL", "which each has to play"},
	} {
		t.Run(filepath.Base(c.crew)+" "+c.step, func(t *testing.T) {
			t.Parallel()
			exe, err := os.Executable()
			require.NoError(t, err)
			play := exec.Command(exe, "-test.run", "^TestPlayed$", "-test.v")
			play.Env = append(os.Environ(), "SHMQ_AGENTS="+c.crew, playingEnv+"="+c.step)
			out, err := play.CombinedOutput()
			require.Equal(t, c.result == "FAIL", err != nil, "%s", out)
			require.Contains(t, string(out), "--- "+c.result+": TestPlayed")
			require.Contains(t, string(out), c.says)
		})
	}
}
