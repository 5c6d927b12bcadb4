//go:build linux

package cli_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A receiver that is kept open goes on after the end of a stream, also after one that came
// before it, and a command for each record does.
func TestReceiverKeptOpen(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"output": {}, "commands": {"--exec", "cat"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := queuePath(t)
			ran(t, 0, "shmq-send", q, "--close", "one")
			p := start(t, nil, nil, "shmq-recv", append([]string{q, "--keep-open"}, args...)...)
			until(t, "the first record", settled(q, 1))
			ran(t, 0, "shmq-send", q, "--close", "two")
			until(t, "the second record", settled(q, 2))
			require.NoError(t, p.Process.Signal(syscall.SIGTERM))
			require.Empty(t, p.ends(128+15))
			require.Equal(t, "one\ntwo\n", p.out.String())
		})
	}
	q := queuePath(t)
	ran(t, 0, "shmq-send", q, "--close", "one")
	require.Contains(t, outputOf(t, "shmq-recv", q), "one")
	require.Contains(t, start(t, nil, nil, "shmq-recv", q, "--keep-open", "--timeout", "50ms").ends(124), "no record came")
	require.Contains(t, start(t, nil, nil, "shmq-recv", q, "--keep-open", "--nonblock").ends(75), "empty")
}
