//go:build linux

package cli_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A second signal ends a command at once, also a SIGINT that was ignored when it began, as a shell
// does for what a script starts in the background.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		start string
		sig   syscall.Signal
	}{
		"in the background": {`trap "" INT; exec "$@"`, syscall.SIGINT},
		"interrupted":       {`exec "$@"`, syscall.SIGINT},
		"terminated":        {`exec "$@"`, syscall.SIGTERM},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, dir := queuePath(t), t.TempDir()
			sendBytes(t, q, "x")
			line := `cd ` + dir + `; trap "touch got" INT TERM; touch on; ` + hold
			p := startCmd(t, func(p *process) {
				p.Args = []string{"sh", "-c", c.start, "sh", "shmq", "recv", q, "--exec", line}
				p.Path = "/bin/sh" // no pipe, which the command that goes on would keep open
			})
			t.Cleanup(func() { release(t, dir) })
			until(t, "the command", exists(dir, "on"))
			require.NoError(t, p.Process.Signal(c.sig))
			until(t, "the first signal", exists(dir, "got"))
			require.NoError(t, p.Process.Signal(c.sig))
			p.ends(128 + int(c.sig))
		})
	}
}
