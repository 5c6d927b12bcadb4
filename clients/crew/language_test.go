//go:build linux

package crew

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testproc"
)

// language is how a worker in a language is started.
type language struct {
	name    string
	command []string // nil for Go, which is this program
}

// builders are the languages whose workers are built, by the script build in a folder of that name, and
// what that leaves in the folder that it is given.
var builders = []language{
	{"python", []string{"venv/bin/python", "-B"}},
	{"rust", []string{"release/crew-worker"}},
	{"node", []string{"app/worker.js"}},
	{"c", []string{"worker"}},
}

const absent = 77 // the exit code of a build that lacks something

// languages builds the workers, all at the same time, and returns those that are to be had; why others
// are not is told. SHMQ_CREW has the languages that have to be there; SHMQ_CREW_BUILD is a folder
// where builds are kept for the next run.
func languages(t *testing.T) map[string]language {
	t.Helper()
	dir := os.Getenv("SHMQ_CREW_BUILD")
	if dir == "" {
		dir = t.TempDir()
	}
	here, err := os.Getwd()
	require.NoError(t, err)
	said, failed := make([][]byte, len(builders)), make([]error, len(builders))
	var wg sync.WaitGroup
	for i, b := range builders {
		to := filepath.Join(dir, b.name)
		require.NoError(t, os.MkdirAll(to, 0o700))
		wg.Go(func() {
			said[i], failed[i] = exec.Command(filepath.Join(b.name, "build"), to).CombinedOutput()
		})
	}
	wg.Wait()
	got := map[string]language{"go": {"go", nil}}
	for i, b := range builders {
		var exit *exec.ExitError
		if errors.As(failed[i], &exit) && exit.ExitCode() == absent && !slices.Contains(strings.Fields(os.Getenv("SHMQ_CREW")), b.name) {
			t.Logf("%s takes no part: %s", b.name, said[i])
			continue
		}
		require.NoError(t, failed[i], "%s: %s", b.name, said[i])
		to := filepath.Join(dir, b.name)
		switch b.name {
		case "python":
			b.command = []string{filepath.Join(to, b.command[0]), b.command[1], filepath.Join(here, "python/worker.py")}
		case "node":
			b.command = []string{"node", filepath.Join(to, b.command[0])}
		default:
			b.command = []string{filepath.Join(to, b.command[0])}
		}
		got[b.name] = b
	}
	return got
}

// start starts a worker. It dies with the thread that runs the test.
func (l language) start(t *testing.T, part string, args ...string) *testproc.Proc {
	t.Helper()
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if l.command == nil {
		return testproc.StartAs(t, attr, part, args...)
	}
	command := append(append(append([]string{}, l.command...), part), args...)
	return testproc.StartCommand(t, command, nil, attr, part)
}

func envInt(t *testing.T, name string, otherwise int) int {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	require.NoError(t, err, name)
	return n
}
