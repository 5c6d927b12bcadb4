//go:build linux

package cli_test

import (
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/testproc"
)

// A receiver is stopped while it holds a record. For dozens of heartbeats, with
// SHMQ_LONG=1 for ten seconds, no consumer takes it, and other records pass. Then it goes
// on as if nothing had happened.
func TestStoppedReceiverKeepsItsRecord(t *testing.T) {
	t.Parallel()
	stopped := 25 * park.Heartbeat
	if testproc.Long() {
		stopped = 10 * time.Second
	}
	q := queuePath(t)
	large := strings.Repeat("x", 100<<10) + "\n" // more than a pipe takes
	r, w := pipe(t)
	holder := start(t, nil, w, "shmq-recv", q, "--count", "1", "--show-redelivered", "--slots", "65536", "--slot-size", "64")
	w.Close()
	until(t, "a receiver", waiting(q, shmq.Consumer))
	start(t, strings.NewReader(large), nil, "shmq-send", q).ends(0)
	until(t, "a full pipe", func() bool {
		n, err := unix.IoctlGetInt(int(r.Fd()), unix.TIOCINQ)
		return err == nil && n >= 64<<10
	})
	require.NoError(t, holder.Process.Signal(syscall.SIGSTOP))

	other := start(t, nil, nil, "shmq-recv", q, "--show-redelivered", "--until-eof")
	until(t, "the other", func() bool { return len(attached(q, shmq.Consumer)) == 2 })
	from, to := pipe(t)
	sender := start(t, from, nil, "shmq-send", q, "--close")
	passed := func() uint64 {
		for _, p := range attached(q, shmq.Consumer) {
			if p.PID == other.Process.Pid {
				return p.Records
			}
		}
		return 0
	}
	var want strings.Builder
	for end, n := time.Now().Add(stopped), uint64(1); time.Now().Before(end); n++ {
		_, err := fmt.Fprintf(to, "%d\n", n)
		require.NoError(t, err)
		fmt.Fprintf(&want, "0\t%d\n", n)
		until(t, "a record that passes", func() bool { return passed() == n })
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		require.GreaterOrEqual(t, info.Leased, 1)
		require.Zero(t, info.Orphans)
	}

	require.NoError(t, holder.Process.Signal(syscall.SIGCONT))
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Empty(t, holder.ends(0))
	requireSame(t, []byte("0\t"+large), got)

	require.NoError(t, to.Close())
	require.Empty(t, sender.ends(0))
	require.Empty(t, other.ends(0))
	requireSame(t, []byte(want.String()), other.out.Bytes())
	drained(t, q)
}

// A frozen receiver is told from a stopped one, by the real freezers: nothing but thawing
// helps, and that is what is said.
func TestFrozenReceiver(t *testing.T) {
	t.Parallel()
	for name, v2 := range map[string]bool{"version 1": false, "version 2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := queuePath(t)
			sendBytes(t, q, "a", "b")
			holder := holding(t, q, shmq.Consumer, 2)
			f := testproc.NewFreezer(t, v2)
			f.Add(holder.Process.Pid)
			f.Freeze(f.File())
			value := map[bool]string{false: "THAWED", true: "0"}[v2]
			thaw := fmt.Sprintf("; its cgroup is frozen, so SIGCONT has no effect: thaw it (docker unpause, or echo %s > %s)", value, f.File())
			out := outputOf(t, "shmq", "stat", q)
			require.Contains(t, out, fmt.Sprintf("consumer %d (holder) is frozen and has held 2 records", holder.Process.Pid))
			require.Contains(t, out, "nobody else gets them while it lives"+thaw+"\n")
			require.Contains(t, outputOf(t, "shmq", "recover", q), "(holder) is alive, frozen, holds 2 records")
			require.Contains(t, outputOf(t, "shmq", "top", "--once", q), " frozen 2 records")
			metrics := outputOf(t, "shmq", "stat", "--prometheus", q)
			require.Regexp(t, `(?m)^shmq_participants_frozen\{.*role="consumer"\} 1$`, metrics)
			require.Regexp(t, `(?m)^shmq_participants_stopped\{.*role="consumer"\} 0$`, metrics)

			command, file, _ := strings.Cut(strings.TrimSuffix(thaw[strings.Index(thaw, "echo "):], ")"), " > ")
			told, err := exec.Command("sh", "-c", command+` > "$0"`, file).CombinedOutput()
			require.NoError(t, err, "%s", told)
			until(t, "it goes on", func() bool { ps := attached(q, shmq.Consumer); return len(ps) == 1 && !ps[0].Frozen })
		})
	}
}
