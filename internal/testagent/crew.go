//go:build linux

package testagent

import (
	"errors"
	"hash/fnv"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testproc"
)

// crewEnv has the commands of programs that play agents, in any language, with semicolons
// between them: agents of a test are of each of them in turn. The word go stands for the test's own
// binary, which is what plays all agents where there is no such variable. So
//
//	SHMQ_AGENTS="go;/path/to/clients/c/build/agent"
//
// has the scenarios played by crews of two languages. Which of them comes first depends on the name of
// the test, and is the same each time; the reverse order has each test played the other way round.
const crewEnv = "SHMQ_AGENTS"

// own is the command that stands for the test's own binary.
const own = "go"

// crew returns the commands of the crew.
func crew(t testing.TB) (commands [][]string) {
	t.Helper()
	env := os.Getenv(crewEnv)
	if env == "" {
		return [][]string{{own}}
	}
	for item := range strings.SplitSeq(env, ";") {
		command := strings.Fields(item)
		require.NotEmpty(t, command, "%s=%q has an empty command", crewEnv, env)
		if command[0] != own || len(command) > 1 {
			_, err := exec.LookPath(command[0])
			require.NoError(t, err, "%s names an agent that can't be run", crewEnv)
		}
		commands = append(commands, command)
	}
	return commands
}

// turns are how many agents each test that runs has started.
var turns = struct {
	sync.Mutex
	of map[string]uint32
}{of: map[string]uint32{}}

// next returns the command of the test's next agent; nil is its own binary.
func next(t testing.TB) []string {
	t.Helper()
	commands, name := crew(t), t.Name()
	first := fnv.New32a()
	_, _ = first.Write([]byte(name))
	turns.Lock()
	defer turns.Unlock()
	n, known := turns.of[name]
	if !known {
		t.Cleanup(func() {
			turns.Lock()
			defer turns.Unlock()
			delete(turns.of, name)
		})
	}
	turns.of[name] = n + 1
	command := commands[(uint64(first.Sum32())+uint64(n))%uint64(len(commands))]
	if len(command) == 1 && command[0] == own {
		return nil
	}
	return command
}

// start starts the next agent of the crew.
func start(t testing.TB, files []*os.File, attr *syscall.SysProcAttr) *testproc.Proc {
	t.Helper()
	command := next(t)
	if command == nil {
		return testproc.StartWith(t, files, attr, RoleName)
	}
	return testproc.StartCommand(t, command, files, attr, RoleName)
}

// NewUser is New for another user; exe, from testproc.ForAnyone, plays in Go. The test is skipped
// where that user may not run the program whose turn it is.
func NewUser(t testing.TB, exe string, who *syscall.Credential) *Agent {
	t.Helper()
	command, attr := next(t), &syscall.SysProcAttr{Credential: who}
	if command == nil {
		return ready(t, testproc.StartExe(t, exe, attr, RoleName))
	}
	probe := exec.Command(command[0], command[1:]...) // without input it ends
	probe.SysProcAttr = attr
	probe.Dir = os.TempDir()
	if out, err := probe.CombinedOutput(); errors.Is(err, fs.ErrPermission) || strings.Contains(string(out), "ermission") {
		t.Skipf("user %d may not run %v: %v %s", who.Uid, command, err, out)
	}
	return ready(t, testproc.StartCommand(t, command, nil, attr, RoleName))
}
