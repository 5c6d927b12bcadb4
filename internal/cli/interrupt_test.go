//go:build linux

package cli_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testpty"
)

// The terminal writes ^C where the cursor is, which has to be a place that the command
// empties when it takes its progress away.
func TestInterruptLeavesNoProgress(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"shmq-recv"}, {"shmq-send"}, {"shmq-recv", "--exec", "cat"}} {
		q := queuePath(t)
		tty := testpty.Open(t, 60, 24)
		r, _ := pipe(t)
		args := append(args[:1:1], append([]string{q, "--progress"}, args[1:]...)...)
		p := inSession(t, r, nil, tty.TTY, args[0], args[1:]...)
		tty.Until("progress", func(s string) bool { return strings.Contains(s, "0 records, 0 B; waiting for") })
		tty.Type("\x03")
		p.wait(128 + 2)
		if args[0] == "shmq-recv" {
			screen := tty.Until("the end of the progress", func(s string) bool { return !strings.Contains(s, "waiting") })
			require.Empty(t, strings.TrimSpace(screen))
		} else {
			screen := tty.Until("the error, from the first column", func(s string) bool { return strings.HasPrefix(s, "shmq-send: queue ") })
			require.NotContains(t, screen, "waiting")
			require.NotContains(t, screen, "^C")
		}
	}
}

func TestDumpIsNothingForATerminal(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	ran(t, 0, "shmq-send", q, "one")
	tty := testpty.Open(t, 80, 24)
	p := start(t, nil, tty.TTY, "shmq", "dump", q)
	require.Contains(t, p.ends(64), "terminal")
	require.Empty(t, strings.TrimSpace(tty.Screen()))
}
