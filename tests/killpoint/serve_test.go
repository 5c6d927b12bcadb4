//go:build linux && amd64

package killpoint

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq/internal/testproc"
)

// serves is the operation of a server: it ends only when it is killed.
const serves = "rpc: serve"

// TestKillServers kills servers at, or a little after, their n-th system call, whichever thread
// makes it: a server works in several, and stepping through one of them would be another program.
// The requests in its hands go to another server; each call returns its answer, once.
func TestKillServers(t *testing.T) {
	mayTrace(t)
	kills, most := 25, 400
	if testproc.Race {
		kills = 5
	}
	if testproc.Long() {
		kills = 1000
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	page, path := newPage(t)
	again, before := 0, 0
	for range kills {
		n, later := r.IntN(most), time.Duration(r.IntN(2)*r.IntN(200))*time.Microsecond
		redelivered, answered, err := killServer(t, page, path, n, later)
		require.NoError(t, err, "killed %v after system call %d", later, n)
		again += redelivered
		before += answered
	}
	t.Logf("%d servers killed, %d calls that they had answered, %d requests that came again", kills, before, again)
}

// killServer kills a server while calls are in flight, starts another one, and returns how many
// requests that was handed again, and how many calls had their answer before.
func killServer(t *testing.T, page *page, path string, n int, later time.Duration) (redelivered, answered int, err error) {
	w := newRPCWorld(t, nil)
	defer w.close()
	v, err := startVictim(page, path, "", w.address()+"|"+rpcMode+"|"+serves, nil)
	if err != nil {
		return 0, 0, err
	}
	defer v.kill()
	ctx, cancel := context.WithTimeout(context.Background(), testproc.Patience)
	defer cancel()
	const callers, each = 3, 20
	done := make(chan error, callers)
	for i := range callers {
		go func() { done <- w.calls(ctx, i, each) }()
	}
	if err := v.runAll(n); err != nil {
		return 0, 0, fmt.Errorf("tracing: %w", err)
	}
	time.Sleep(later)
	v.killAll()
	answered = int(w.client.Counters().Answers)
	w.serve()
	for range callers {
		if e := <-done; e != nil {
			err = e
		}
	}
	if err != nil {
		return 0, 0, err
	}
	counts := w.client.Counters()
	if counts.Answers != callers*each || counts.Calls != counts.Answers || counts.Errors+counts.Bad > 0 {
		return 0, 0, fmt.Errorf("%+v", counts)
	}
	// A server may have answered and not have acknowledged: those, and no more, are dropped.
	redelivered = int(w.counts.Redelivered.Load())
	if counts.Dropped > uint64(redelivered) {
		return 0, 0, fmt.Errorf("%d answers came twice, and %d requests", counts.Dropped, redelivered)
	}
	if redelivered > 2 {
		return 0, 0, fmt.Errorf("%d requests came again: it had 2 jobs", redelivered)
	}
	w.close()
	return redelivered, answered, w.empty()
}

// calls calls so many times, one after the other.
func (w *rpcWorld) calls(ctx context.Context, caller, times int) error {
	for i := range times {
		want := fmt.Sprint(caller, i)
		got, err := w.client.Call(ctx, []byte(want))
		if err == nil && string(got) != want {
			err = errors.New("a wrong answer")
		}
		if err != nil {
			return fmt.Errorf("call %s: %w", want, err)
		}
	}
	return nil
}

// runAll lets all threads of a victim run, those that it starts too, until they have made n
// system calls.
func (v *tracee) runAll(n int) error {
	if err := v.seizeAll(); err != nil {
		return err
	}
	v.page.start.Store(1)
	for calls := 0; calls < 2*n; {
		var st unix.WaitStatus
		tid, err := unix.Wait4(-1, &st, unix.WALL|unix.WNOTHREAD, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return err
		case !st.Stopped():
			if tid == v.pid {
				return errEnded
			}
			continue
		}
		signal := 0
		switch st.StopSignal() {
		case unix.SIGTRAP | 0x80:
			calls++ // it enters one, or leaves it
		case unix.SIGTRAP, unix.SIGSTOP: // a thread has started one, or begins
		default:
			signal = int(st.StopSignal())
		}
		if err := unix.PtraceSyscall(tid, signal); err != nil && err != unix.ESRCH {
			return err
		}
	}
	return nil
}

// seizeAll has the threads of the victim stop at each system call from here on.
func (v *tracee) seizeAll() error {
	if err := v.stopOthers(); err != nil {
		return err
	}
	if err := v.stop(v.tid); err != nil {
		return err
	}
	for _, tid := range append(v.threads, v.tid) {
		err := unix.PtraceSetOptions(tid, unix.PTRACE_O_EXITKILL|unix.PTRACE_O_TRACECLONE|unix.PTRACE_O_TRACESYSGOOD)
		if err == nil {
			err = unix.PtraceSyscall(tid, 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// killAll is kill after runAll: the calling thread has no other child.
func (v *tracee) killAll() {
	v.gone = true
	v.dog.Stop()
	_ = unix.Kill(v.pid, unix.SIGKILL)
	for {
		var st unix.WaitStatus
		if _, err := unix.Wait4(-1, &st, unix.WALL|unix.WNOTHREAD, nil); err != nil && err != unix.EINTR {
			return
		}
	}
}
