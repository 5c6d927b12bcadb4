//go:build linux

package cli_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/rpc"
)

// serve starts a server that runs a shell line for each request, in a directory of the test's
// own, which it returns.
func serve(t *testing.T, q, line string, args ...string) (*process, string) {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() { release(t, dir) })
	before := len(attached(q, shmq.Consumer))
	p := start(t, nil, nil, "shmq", append([]string{"serve", q, "--exec", "cd " + dir + "; " + line}, args...)...)
	until(t, "an attached server", func() bool { return len(attached(q, shmq.Consumer)) == before+1 })
	return p, dir
}

// answers returns the paths of the answer queues of a queue.
func answers(t *testing.T, q string) []string {
	t.Helper()
	paths, err := filepath.Glob(q + ".answers-*")
	require.NoError(t, err)
	return paths
}

// A server is killed while its command runs: the next one gets the request, flagged, and the
// caller one answer.
func TestKilledServeLeavesItsRequest(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	first, dir := serve(t, q, `touch on; `+hold+`echo $SHMQ_REDELIVERED`)
	call := start(t, nil, nil, "shmq", "call", q, "x")
	until(t, "the command", exists(dir, "on"))
	require.NoError(t, first.Process.Kill())
	until(t, "its end", func() bool { return len(attached(q, shmq.Consumer)) == 0 })
	second, _ := serve(t, q, `echo $SHMQ_REDELIVERED`)
	call.ends(0)
	require.Equal(t, "1\n", call.out.String())
	release(t, dir)
	require.NoError(t, second.Process.Signal(syscall.SIGTERM))
	require.Equal(t, "", second.wait(143))
	require.Empty(t, answers(t, q))
}

// A caller that is killed leaves nothing: its command gets SIGTERM, its answer queue goes by the
// server, or by gc where there is none.
func TestKilledCallLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SHMQ_DIR", dir)
	path := filepath.Join(dir, "shmq.q")
	server, at := serve(t, "q", `trap 'touch ended; exit 1' TERM; touch on; `+hold)
	call := start(t, nil, nil, "shmq", "call", "q", "x")
	until(t, "the command", exists(at, "on"))
	require.Regexp(t, `(?m)^q\.answers-[0-9a-f]{16} +0 +1 of many +1 of one `, ran(t, 0, "shmq", "ls"))
	require.Regexp(t, `(?m)^q\.answers-[0-9a-f]{16} .* kept +in use: 2 attached`, ran(t, 0, "shmq", "gc", "--older-than", "0", "--with-records"))
	require.NoError(t, call.Process.Kill())
	until(t, "the end of the command", exists(at, "ended"))
	until(t, "no answer queue", func() bool { return len(answers(t, path)) == 0 })
	require.NoError(t, server.Process.Signal(syscall.SIGTERM))
	server.wait(143)

	call = start(t, nil, nil, "shmq", "call", "q", "x")
	until(t, "a caller", func() bool { return len(answers(t, path)) == 1 && len(attached("q", shmq.Producer)) == 1 })
	until(t, "its answer queue in use", func() bool {
		gone, err := rpc.Abandoned("q.answers-" + answers(t, path)[0][len(path+".answers-"):])
		return err == nil && !gone
	})
	require.NoError(t, call.Process.Kill())
	until(t, "its end", func() bool { return len(attached("q", shmq.Producer)) == 0 })
	require.Regexp(t, `(?m)^q\.answers-\S+ .* would remove +its client of queue "q" is gone`, ran(t, 0, "shmq", "gc", "--dry-run"))
	require.Regexp(t, `(?m)^q\.answers-\S+ .* removed +its client of queue "q" is gone`, ran(t, 0, "shmq", "gc"))
	require.Empty(t, answers(t, path))
	require.NoError(t, shmq.ForceRemove("q"))
}

// A signal ends a server in order: what runs is answered, what waits is there for the next one.
func TestServeEndsInOrder(t *testing.T) {
	t.Parallel()
	eachSignal(t, func(t *testing.T, sig syscall.Signal) {
		q := queuePath(t)
		server, dir := serve(t, q, `read x; trap 'echo finished $x; exit 0' INT TERM HUP; touch on$x; while :; do sleep 0.02; done`)
		first := start(t, nil, nil, "shmq", "call", q, "1")
		until(t, "the first", exists(dir, "on1"))
		second := start(t, nil, nil, "shmq", "call", q, "2")
		until(t, "both requests", func() bool {
			info, err := shmq.Stat(q)
			return err == nil && info.Sent == 2
		})
		require.NoError(t, server.Process.Signal(sig))
		server.wait(128 + int(sig))
		require.False(t, exists(dir, "on2")())
		next, _ := serve(t, q, `read x; echo next $x $SHMQ_REDELIVERED`)
		first.ends(0)
		second.ends(0)
		require.Equal(t, "finished 1\n", first.out.String())
		require.Equal(t, "next 2 0\n", second.out.String())
		require.NoError(t, next.Process.Signal(syscall.SIGTERM))
		next.wait(143)
	})
}

// A caller waits for a server, says so, and a signal ends it.
func TestCallWaitsForAServer(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	said, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	require.NoError(t, err)
	defer said.Close()
	call := startCmd(t, func(p *process) {
		p.Args, p.Stdout, p.Stderr = []string{"shmq", "call", q, "x"}, &p.out, said
	})
	until(t, "its line", func() bool {
		b, err := os.ReadFile(said.Name())
		return err == nil && strings.Contains(string(b), "no server is attached; waiting for one\n")
	})
	require.Len(t, answers(t, q), 1)
	require.NoError(t, call.Process.Signal(os.Interrupt))
	call.wait(130)
	require.Empty(t, answers(t, q))
}

// Servers are killed at random while a caller has several calls in flight: each request has its
// answer, in order.
func TestCallsSurviveKilledServers(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	n, kills := 300, 6
	call := start(t, bytes.NewReader(numbers(1, n)), nil, "shmq", "call", q, "--each", "--jobs", "8")
	for range kills {
		p := start(t, nil, nil, "shmq", "serve", q, "--jobs", "3", "--exec", "cat")
		until(t, "an attached server", func() bool { return len(attached(q, shmq.Consumer)) == 1 })
		time.Sleep(time.Duration(10+rand.IntN(50)) * time.Millisecond)
		require.NoError(t, p.Process.Kill())
		until(t, "its end", func() bool { return len(attached(q, shmq.Consumer)) == 0 })
	}
	last := start(t, nil, nil, "shmq", "serve", q, "--jobs", "3", "--exec", "cat")
	call.ends(0)
	require.Equal(t, strings.Fields(string(numbers(1, n))), strings.Fields(call.out.String()))
	require.NoError(t, last.Process.Signal(syscall.SIGTERM))
	last.wait(143)
}
