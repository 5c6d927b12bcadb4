//go:build linux

package rpc_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/rpc"
)

var roles = map[string]testproc.Role{"server": serverProcess, "client": clientProcess, "dialer": dialer, "short server": shortServer}

// serverProcess serves its first argument with so many jobs as its second one says. It says
// what it begins with. The request "hang" never ends, and "after" hangs when it was answered.
func serverProcess(c *testproc.Child) {
	jobs, err := strconv.Atoi(c.Args[1])
	c.Check(err)
	quiet := len(c.Args) > 2
	c.Check(rpc.ServeRaw(background, c.Args[0], &rpc.ServeOptions{Jobs: jobs}, func(ctx context.Context, b []byte) ([]byte, error) {
		if !quiet {
			c.Say("%d %s", rpc.InfoFrom(ctx).Redelivered, b)
		}
		if string(b) == "hang" && rpc.InfoFrom(ctx).Redelivered == 0 {
			select {}
		}
		return []byte(fmt.Sprintf("%s by %d", b, os.Getpid())), nil
	}))
}

// clientProcess calls when it is told to.
func clientProcess(c *testproc.Child) {
	client, err := rpc.DialRaw(c.Args[0], nil)
	c.Check(err)
	c.Say("ready")
	for line := range c.Lines {
		times := 1
		if n, rest, ok := strings.Cut(line, "*"); ok {
			line = rest
			times, err = strconv.Atoi(n)
			c.Check(err)
		}
		for range times {
			go func() {
				b, err := client.Call(background, []byte(line))
				c.Say("answer %d %v", len(b), err)
			}()
		}
	}
}

func startServer(t *testing.T, q string, jobs int, more ...string) *testproc.Proc {
	t.Helper()
	before := servers(t, q)
	p := testproc.Start(t, "server", append([]string{q, strconv.Itoa(jobs)}, more...)...)
	testproc.Until(t, func() bool { return servers(t, q) == before+1 })
	return p
}

// A server is killed with a request in hand: another one gets it, flagged, and the client sees one
// answer. Others in its hands, and those that wait, come too.
func TestKilledServerLeavesItsRequests(t *testing.T) {
	t.Parallel()
	q := queue(t)
	c := dial(t, q, nil)
	first := startServer(t, q, 1)
	got := make(chan string, 2)
	call := func(s string) {
		b, err := c.Call(background, []byte(s))
		got <- fmt.Sprint(string(b), err)
	}
	go call("hang")
	require.Equal(t, "0 hang", first.Line())
	go call("next")
	testproc.Until(t, func() bool { return c.Counters().Calls == 2 })
	first.Kill()
	second := startServer(t, q, 1)
	both := []string{second.Line(), second.Line()}
	require.ElementsMatch(t, []string{"1 hang", "0 next"}, both)
	all := []string{<-got, <-got}
	by := fmt.Sprintf(" by %d<nil>", second.PID())
	require.ElementsMatch(t, []string{"hang" + by, "next" + by}, all)
	require.Equal(t, rpc.ClientCounters{Calls: 2, Answers: 2}, c.Counters())
}

// A client is killed: its answer queue goes by itself, and its requests are skipped or end. One
// that is only stopped keeps its queue.
func TestKilledClientLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, collector := range []string{"server", "server that comes later", "client", "Collect"} {
		q := queue(t)
		var s *running
		gone := make(chan error, 1)
		if collector == "server" {
			s = begin(t, q, rpc.ServeOptions{Jobs: 1}, func(ctx context.Context, b []byte) ([]byte, error) {
				<-ctx.Done()
				gone <- context.Cause(ctx)
				return b, nil
			})
		}
		p := testproc.Start(t, "client", q)
		p.Expect("ready")
		p.Say("10*x")
		testproc.Until(t, func() bool {
			info, err := shmq.Stat(q)
			return err == nil && info.Sent == 10
		})
		require.Len(t, answerQueues(t, q), 1)
		p.Stop()
		n, err := rpc.Collect(q)
		require.NoError(t, err)
		require.Zero(t, n, "it lives")
		time.Sleep(3 * 100 * time.Millisecond) // some looks of the server's
		require.Len(t, answerQueues(t, q), 1)
		p.Kill()
		switch collector {
		case "server":
			require.ErrorIs(t, <-gone, rpc.ErrClientGone)
			testproc.Until(t, func() bool { return s.counts.Gone.Load() == 9 })
			require.EqualValues(t, 1, s.counts.Dropped.Load())
		case "server that comes later":
			s = begin(t, q, rpc.ServeOptions{}, echo)
			testproc.Until(t, func() bool { return s.counts.Gone.Load() == 10 })
		case "client":
			require.NoError(t, dial(t, q, nil).Close())
		default:
			name := answerQueues(t, q)[0]
			abandoned, err := rpc.Abandoned(name)
			require.NoError(t, err)
			require.True(t, abandoned)
			n, err = rpc.Collect(q)
			require.NoError(t, err)
			require.Equal(t, 1, n)
		}
		testproc.Until(t, func() bool { return len(answerQueues(t, q)) == 0 })
		if s != nil {
			c := dial(t, q, nil)
			if collector != "server" {
				_, err := c.Call(background, nil)
				require.NoError(t, err)
			}
			s.end()
		}
	}
}

// A server that can open no more files does not lose the request for it: it waits until it can.
func TestServerShortOfFiles(t *testing.T) {
	t.Parallel()
	q := queue(t)
	p := testproc.Start(t, "short server", q)
	p.Expect("short")
	c := dial(t, q, nil)
	got, err := c.Call(background, []byte("x"))
	require.NoError(t, err)
	require.Equal(t, "x", string(got))
	p.Expect("had to wait")
	p.Kill()
}

// shortServer lowers its limit of open files to what it has, and raises it when it says that a
// request has to wait.
func shortServer(c *testproc.Child) {
	var limit syscall.Rlimit
	waits := &lines{}
	go func() {
		c.Check(rpc.ServeRaw(background, c.Args[0], &rpc.ServeOptions{Logger: slog.New(slog.NewTextHandler(waits, nil))}, echo))
	}()
	for {
		if info, err := shmq.Stat(c.Args[0]); err == nil && len(info.Participants) == 1 {
			break
		}
	}
	c.Check(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	next, err := os.Open(os.DevNull)
	c.Check(err)
	low := limit
	low.Cur = uint64(next.Fd())
	c.Check(next.Close())
	c.Check(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low))
	c.Say("short")
	for !strings.Contains(waits.String(), "a request has to wait") {
		time.Sleep(time.Millisecond)
	}
	c.Check(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	c.Say("had to wait")
	for range c.Lines {
	}
}

// Clients are killed at any moment of opening, calling and closing: nothing of them stays, and the
// next one finds everything in order.
func TestKilledInDialAndClose(t *testing.T) {
	t.Parallel()
	q := queue(t)
	s := begin(t, q, rpc.ServeOptions{}, echo)
	kills := 30
	if testproc.Long() {
		kills = 500
	}
	for range kills {
		p := testproc.Start(t, "dialer", q)
		p.Expect("dials")
		time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
		p.Kill()
	}
	testproc.Until(t, func() bool { return len(answerQueues(t, q)) == 0 })
	c := dial(t, q, nil)
	_, err := c.Call(background, nil)
	require.NoError(t, err)
	s.end()
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Zero(t, info.Records+info.Leased+info.Orphans)
}

// dialer opens, calls and closes, again and again.
func dialer(c *testproc.Child) {
	c.Say("dials")
	for {
		client, err := rpc.DialRaw(c.Args[0], &rpc.DialOptions{MaxAnswer: 1000})
		c.Check(err)
		_, err = client.Call(background, []byte("x"))
		c.Check(err)
		c.Check(client.Close())
	}
}

// A client is stopped and its answer queue is full: the server gives up on it after a while and
// goes on with others; when the client goes on, it is told what it lost.
func TestStoppedClientHoldsUpNobody(t *testing.T) {
	t.Parallel()
	q := queue(t)
	large := make([]byte, 100<<10)
	release := make(chan struct{})
	s := begin(t, q, rpc.ServeOptions{Jobs: 1, AnswerWait: time.Second}, func(_ context.Context, b []byte) ([]byte, error) {
		if string(b) == "small" {
			return b, nil
		}
		<-release
		return large, nil
	})
	p := testproc.Start(t, "client", q)
	p.Expect("ready")
	p.Say("20*x")
	testproc.Until(t, func() bool {
		info, err := shmq.Stat(q)
		return err == nil && info.Sent == 20
	})
	p.Stop()
	close(release)
	c := dial(t, q, nil)
	ctx, cancel := context.WithTimeout(background, 10*time.Second) // it waits once, not for each answer
	defer cancel()
	got, err := c.Call(ctx, []byte("small"))
	require.NoError(t, err)
	require.Equal(t, "small", string(got))
	dropped := s.counts.Dropped.Load()
	require.NotZero(t, dropped)
	testproc.Until(t, func() bool { return dropped+s.counts.Answered.Load() == 21 })
	require.Contains(t, s.log.String(), "an answer is dropped")
	p.Continue()
	told := 0
	for range 20 {
		if line := p.Expect("answer"); strings.Contains(line, rpc.CodeDropped) {
			told++
		}
	}
	require.EqualValues(t, dropped, told)
	p.Kill()
	testproc.Until(t, func() bool { return len(answerQueues(t, q)) == 1 }) // that of c
	s.end()
}

// All servers end, some killed, some in order, again and again, while calls are in flight: each
// call gets its answer.
func TestServersRestart(t *testing.T) {
	t.Parallel()
	q := queue(t)
	c := dial(t, q, nil)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				want := fmt.Sprintf("%d.%d ", i, n)
				got, err := c.Call(background, []byte(want))
				if err != nil || !strings.HasPrefix(string(got), want) {
					t.Errorf("%q: %q, %v", want, got, err)
					return
				}
			}
		})
	}
	for range 8 {
		p := startServer(t, q, 2, "quiet")
		before := c.Counters().Answers
		testproc.Until(t, func() bool { return c.Counters().Answers > before+50 })
		p.Kill()
	}
	p := startServer(t, q, 2, "quiet")
	close(stop)
	wg.Wait()
	n := c.Counters()
	require.Equal(t, n.Calls, n.Answers)
	p.Kill()
}

// Clients and servers are killed, stopped and replaced at random. Each call of a living client
// returns its own answer, once; nothing is left in the end.
func TestStorm(t *testing.T) {
	t.Parallel()
	long := 3 * time.Second
	if testproc.Long() {
		long = time.Minute
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	q := testagent.Queue(t, &shmq.Options{Slots: 64, SlotSize: 1024})
	var procs [6]*testproc.Proc
	start := func(i int) *testproc.Proc {
		if i%2 == 0 {
			return testproc.Start(t, "storm server", q)
		}
		return testproc.Start(t, "storm client", q)
	}
	kills, stops := 0, 0
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(time.Duration(r.IntN(40)) * time.Millisecond) {
		i := r.IntN(len(procs))
		switch p := procs[i]; {
		case p == nil:
			procs[i] = start(i)
		case r.IntN(2) == 0:
			p.Kill()
			kills++
			procs[i] = nil
		default:
			p.Stop()
			stops++
			time.Sleep(time.Duration(r.IntN(30)) * time.Millisecond)
			p.Continue()
		}
		for _, p := range procs {
			if p != nil && !p.Silent() {
				p.LineWithin(0) // fails if it says FAIL
			}
		}
	}
	last := dial(t, q, nil)
	for i, p := range procs {
		if p != nil && i%2 == 0 {
			p.Kill()
		}
	}
	s := testproc.Start(t, "storm server", q)
	got, err := last.Call(background, []byte("the last one"))
	require.NoError(t, err)
	require.Equal(t, stormAnswer([]byte("the last one")), string(got))
	for i, p := range procs {
		if p != nil && i%2 == 1 {
			p.Say("end")
			for _, line := range p.Rest() {
				require.False(t, strings.HasPrefix(line, "FAIL"), line)
			}
		}
	}
	testproc.Until(t, func() bool { return len(answerQueues(t, q)) == 1 }) // that of last
	s.Kill()
	t.Logf("%d kills, %d stops", kills, stops)
}

func stormAnswer(b []byte) string { return hex.EncodeToString(b) }

func stormServer(c *testproc.Child) {
	c.Check(rpc.ServeRaw(background, c.Args[0], &rpc.ServeOptions{Jobs: 3}, func(_ context.Context, b []byte) ([]byte, error) {
		time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
		return []byte(stormAnswer(b)), nil
	}))
}

// stormClient calls from several goroutines, with and without a deadline, until it is told to
// end. It fails on a wrong answer, and on a call that hangs.
func stormClient(c *testproc.Child) {
	client, err := rpc.DialRaw(c.Args[0], nil)
	c.Check(err)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				want := []byte(fmt.Sprintf("%d %d %d %s", os.Getpid(), i, n, strings.Repeat("y", n%1500)))
				ctx, cancel := background, func() {}
				if n%5 == 0 {
					ctx, cancel = context.WithTimeout(ctx, time.Duration(rand.IntN(2000))*time.Microsecond)
				}
				got, err := client.Call(ctx, want)
				cancel()
				var failed *rpc.Error
				switch {
				case err == nil && string(got) != stormAnswer(want):
					c.Fail("wrong answer to %q: %q", want, got)
				case err == nil, n%5 == 0 && errors.Is(err, context.DeadlineExceeded):
				case errors.As(err, &failed) && failed.Code == rpc.CodeDropped: // it was stopped
				default:
					c.Fail("%v", err)
				}
			}
		})
	}
	for line := range c.Lines {
		if line == "end" {
			break
		}
	}
	close(stop)
	wg.Wait()
	c.Check(client.Close())
	if n := runtime.NumGoroutine(); n > 20 {
		c.Fail("%d goroutines are left", n)
	}
	c.Say("done")
	os.Exit(0)
}

func init() { roles["storm server"], roles["storm client"] = stormServer, stormClient }
