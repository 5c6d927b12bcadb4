package selector_test

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
	"github.com/shmq/shmq/selector"
)

// Old kernels have no membarrier or futex_waitv, and container runtimes refuse them. Waiting
// has to work all the same, a little less well.
func TestWaitingWhereTheKernelRefuses(t *testing.T) {
	for _, calls := range []string{"membarrier", "futex_waitv", "membarrier futex_waitv"} {
		for _, errno := range []string{"ENOSYS", "EPERM"} {
			t.Run(calls+" "+errno, func(t *testing.T) {
				t.Parallel()
				args := []string{calls, errno}
				for range 4 {
					args = append(args, testagent.Queue(t, small(shmq.Options{})))
				}
				c := testproc.Start(t, "refused", args...)
				for _, what := range []string{"woken", "cancelled", "added"} {
					d, err := time.ParseDuration(c.Expect(what))
					require.NoError(t, err)
					require.Less(t, d, park.Heartbeat/4, what)
				}
				c.Expect("done")
			})
		}
	}
}

func underFilter(c *testproc.Child) {
	errno := map[string]syscall.Errno{"ENOSYS": unix.ENOSYS, "EPERM": unix.EPERM}[c.Args[1]]
	for _, call := range strings.Fields(c.Args[0]) {
		c.Refuse(map[string]uintptr{"membarrier": unix.SYS_MEMBARRIER, "futex_waitv": unix.SYS_FUTEX_WAITV}[call], errno, 0, 0)
	}
	set := &selector.Set{}
	var ps []*producer.Raw
	var cs []*consumer.Raw
	for _, name := range c.Args[2:] {
		p, err := producer.OpenRaw(name, nil)
		c.Check(err)
		r, err := consumer.OpenRaw(name, nil)
		c.Check(err)
		ps, cs = append(ps, p), append(cs, r)
	}
	for _, r := range cs[:3] {
		c.Check(set.Add(r))
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	best := map[string]time.Duration{"woken": time.Hour, "cancelled": time.Hour, "added": time.Hour}
	for i := range 6 {
		for what, act := range map[string]func() func(){
			"woken":     func() func() { return func() { c.Check(ps[i%3].TrySend([]byte("x"))) } },
			"cancelled": func() func() { return cancelIn(&ctx) },
			"added":     func() func() { c.Check(ps[3].TrySend([]byte("x"))); return func() { c.Check(set.Add(cs[3])) } },
		} {
			whole := ctx
			do := act()
			at := make(chan time.Time, 1)
			time.AfterFunc(5*time.Millisecond, func() { at <- time.Now(); do() })
			q, err := set.Wait(ctx)
			best[what] = min(best[what], time.Since(<-at))
			ctx = whole
			if what == "cancelled" {
				if q != nil || err == nil {
					c.Fail("not cancelled: %v", err)
				}
				continue
			}
			c.Check(err)
			_, err = q.(*consumer.Raw).TryReceive(nil)
			c.Check(err)
			if what == "added" {
				set.Remove(cs[3])
			}
		}
	}
	for _, what := range []string{"woken", "cancelled", "added"} {
		c.Say("%s %v", what, best[what])
	}
	c.Say("done")
}

// cancelIn makes ctx one that the returned function cancels.
func cancelIn(ctx *context.Context) func() {
	with, cancel := context.WithCancel(*ctx)
	*ctx = with
	return cancel
}
