package park_test

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testproc"
)

// Old kernels have no membarrier or futex_waitv, and container runtimes refuse them.
// Sleeping has to work all the same, a little less well. The refusal is a real
// filter, in a child.
func TestSleepingWhereTheKernelRefuses(t *testing.T) {
	for _, calls := range []string{"membarrier", "futex_waitv", "membarrier futex_waitv"} {
		for _, errno := range []string{"ENOSYS", "EPERM"} {
			t.Run(calls+" "+errno, func(t *testing.T) {
				c := testproc.Start(t, "refused", calls, errno)
				latency, err := time.ParseDuration(c.Expect("cancelled after"))
				require.NoError(t, err)
				require.Less(t, latency, 20*time.Millisecond)
				for _, what := range []string{"slept", "slept on several"} {
					slice, err := time.ParseDuration(c.Expect(what + " for"))
					require.NoError(t, err)
					if strings.Contains(calls, "membarrier") {
						require.Less(t, slice, park.Heartbeat/4, "a wake-up may be missed, so no sleep is long")
					}
				}
				require.Equal(t, "0", c.Expect("lost"))
				t.Logf("cancelled after %v", latency)
			})
		}
	}
}

func underFilter(c *testproc.Child) {
	errno := map[string]syscall.Errno{"ENOSYS": unix.ENOSYS, "EPERM": unix.EPERM}[c.Args[1]]
	for _, call := range strings.Fields(c.Args[0]) {
		number := map[string]uintptr{"membarrier": unix.SYS_MEMBARRIER, "futex_waitv": unix.SYS_FUTEX_WAITV}[call]
		c.Refuse(number, errno, 0, 0)
		if call == "membarrier" && (sys.Barrier() == nil || sys.RegisterBarrier() == nil) {
			c.Fail("the filter does not work")
		}
	}
	c.Say("cancelled after %v", cancelLatency(9))
	if strings.Contains(c.Args[0], "futex_waitv") == sys.CanWaitTwo() {
		c.Fail("futex_waitv: can be used: %v", sys.CanWaitTwo())
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var all, several []time.Duration
	for range 5 {
		var b box
		s := b.sleeper()
		start := time.Now()
		c.Check(s.Sleep(ctx, s.Prepare()))
		all = append(all, time.Since(start))
		s.Done()
		var words park.Several
		start = time.Now()
		words.Prepare([]*uint32{new(uint32), new(uint32)})
		c.Check(words.Sleep(ctx))
		several = append(several, time.Since(start))
		words.Done()
	}
	c.Say("slept for %v", median(all))
	c.Say("slept on several for %v", median(several))
	total := int64(0)
	for _, with := range []context.Context{ctx, context.Background()} {
		lost, err := pingPong(with, 300)
		c.Check(err)
		total += lost
	}
	c.Say("lost %d", total)
	<-c.Lines
}
