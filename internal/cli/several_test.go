//go:build linux

package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

// startTold starts a command whose standard error can be read while it runs.
func startTold(t *testing.T, args ...string) (p *process, stderr func() string) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	p = startCmd(t, func(p *process) { p.Args, p.Stdout, p.Stderr = args, &p.out, f })
	return p, func() string {
		text, err := os.ReadFile(f.Name())
		require.NoError(t, err)
		return string(text)
	}
}

// One of several queues goes away, in one of several ways, while a receiver waits for all. The
// others go on, and at the end the exit code tells.
func TestOneOfSeveralQueuesGoesAway(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		goes func(t *testing.T, q string)
		args []string
		code int
		says string
	}{
		"removed": {func(t *testing.T, q string) { ran(t, 0, "shmq", "rm", "--force", q) }, nil, 66, "removed"},
		"cut":     {func(t *testing.T, q string) { require.NoError(t, os.Truncate(q, 4096)) }, nil, 65, "cut shorter"},
		"broken off": {func(t *testing.T, q string) {
			send := start(t, nil, nil, "shmq-send", q) // an end without a mark
			send.ends(0)
		}, []string{"--strict"}, 76, "none had marked the end"},
	} {
		for how, more := range map[string][]string{"written": nil, "commands": {"--exec", "cat", "--jobs", "2"}} {
			t.Run(what+" "+how, func(t *testing.T) {
				t.Parallel()
				a, b, d := queuePath(t), queuePath(t), queuePath(t)
				p, stderr := startTold(t, append(append([]string{"shmq-recv", a, b, d, "--until-eof"}, c.args...), more...)...)
				for _, q := range []string{a, b, d} {
					until(t, "sleep", waiting(q, shmq.Consumer))
				}
				c.goes(t, b)
				until(t, "a line", func() bool { return strings.Contains(stderr(), "the others go on") })
				for _, q := range []string{a, d} {
					s := start(t, strings.NewReader("from "+q+"\n"), nil, "shmq-send", "--close", q)
					s.ends(0)
				}
				p.wait(c.code)
				said := stderr()
				require.Equal(t, 2, strings.Count(said, "queue \""+b), said)
				require.Contains(t, said, c.says)
				require.NotContains(t, said, a)
				require.Contains(t, p.out.String(), "from "+a+"\n")
				require.Contains(t, p.out.String(), "from "+d+"\n")
			})
		}
	}
}

// The last of several queues that is removed ends the receiver, which waits for no end.
func TestAllOfSeveralQueuesAreRemoved(t *testing.T) {
	t.Parallel()
	a, b := queuePath(t), queuePath(t)
	p, stderr := startTold(t, "shmq-recv", a, b)
	for _, q := range []string{a, b} {
		until(t, "sleep", waiting(q, shmq.Consumer))
	}
	ran(t, 0, "shmq", "rm", "--force", a)
	until(t, "a line", func() bool { return strings.Contains(stderr(), "the others go on") })
	ran(t, 0, "shmq", "rm", "--force", b)
	p.wait(66)
	require.Equal(t, 2, strings.Count(stderr(), "queue \""+a), "the first that went away")
}

// A signal ends a receiver of several queues at once, whatever has happened to one of them.
func TestASignalEndsAReceiverOfSeveral(t *testing.T) {
	t.Parallel()
	a, b := queuePath(t), queuePath(t)
	p := start(t, nil, nil, "shmq-recv", a, b)
	until(t, "sleep", waiting(b, shmq.Consumer))
	require.NoError(t, p.Process.Signal(os.Interrupt))
	require.Empty(t, p.wait(130))
}
