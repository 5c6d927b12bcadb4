//go:build linux && (amd64 || arm64)

package attach_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// A handler of SIGBUS that is installed after the guard takes the guard away. The participant
// says so, once.
func TestAHandlerInFrontOfTheGuardIsReported(t *testing.T) {
	t.Parallel()
	if sys.NoFaultHandler.Load() {
		t.Skip("SHMQ_FAULTS=panic: no handler is installed")
	}
	q := testagent.Queue(t, &testagent.Shared)
	p := testproc.Start(t, "other-handler", q)
	var line struct{ Level, Msg, Queue string }
	require.NoError(t, json.Unmarshal([]byte(p.Expect("before 0, after 1: ")), &line))
	require.Equal(t, "WARN", line.Level)
	require.Contains(t, line.Msg, "another handler has taken SIGBUS")
	require.Equal(t, q, line.Queue)
}

// otherHandler attaches, lets others have SIGBUS, and says what was logged.
func otherHandler(c *testproc.Child) {
	var log logged
	me, err := attach.To(c.Args[0], shmq.Consumer, &attach.Options{Logger: log.logger()})
	c.Check(err)
	beat := func() { // what a busy participant does at a heartbeat
		for !me.Due() {
			time.Sleep(time.Millisecond)
		}
		c.Check(me.Attend())
	}
	beat()
	before := bytes.Count(log.Bytes(), []byte("\n"))
	ignore := [4]uint64{1} // SIG_IGN
	if _, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGBUS), uintptr(unsafe.Pointer(&ignore)), 0, 8, 0, 0); errno != 0 {
		c.Check(errno)
	}
	for range 3 {
		beat()
	}
	c.Say("before %d, after %d: %s", before, bytes.Count(log.Bytes(), []byte("\n")), log.String())
	c.Check(me.Detach())
}
