//go:build linux

package conn

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testproc"
)

// transfer writes n bytes in pieces of random sizes at one end and reads them, in others, at
// the other end, and returns what came.
func transfer(from, to *Conn, seed uint64, n, largest int) error {
	failed := make(chan error, 1)
	go func() {
		r := rand.New(rand.NewPCG(seed, 1))
		for at := 0; at < n; {
			m := min(n-at, 1+r.IntN(1+r.IntN(largest)))
			got, err := from.Write(pattern(at, m))
			if err != nil || got != m {
				failed <- errors.Join(err, errors.New("short write"))
				return
			}
			at += m
		}
		failed <- nil
	}()
	r := rand.New(rand.NewPCG(seed, 2))
	for at := 0; at < n; {
		b := make([]byte, min(n-at, 1+r.IntN(largest)))
		m, err := to.Read(b)
		if err != nil {
			return err
		}
		if m == 0 || !bytes.Equal(b[:m], pattern(at, m)) {
			return errors.New("wrong bytes")
		}
		at += m
	}
	return <-failed
}

// What is written at one end is read at the other, in both directions at once, whatever the
// sizes, the buffer and the way of waiting.
func TestStreamsBothWays(t *testing.T) {
	t.Parallel()
	for _, wait := range []shmq.WaitPolicy{shmq.SpinThenPark, shmq.Park} {
		for _, buffer := range []int{4 << 10, 256 << 10} {
			a, b := newPairWith(t, &Dialer{Buffer: buffer, Wait: wait})
			var wg sync.WaitGroup
			var errs [2]error
			wg.Go(func() { errs[0] = transfer(a, b, 1, 2<<20, 80_000) })
			wg.Go(func() { errs[1] = transfer(b, a, 2, 100_000, 300) })
			wg.Wait()
			require.NoError(t, errors.Join(errs[:]...), "%v %d", wait, buffer)
			closeAll(a, b)
		}
	}
}

func TestConnectionBetweenProcesses(t *testing.T) {
	t.Parallel()
	p, c := startServer(t)
	p.Say("echo")
	p.Expect("echoing")
	require.NoError(t, transfer(c, c, 3, 4<<20, 100_000))
	require.NoError(t, c.CloseWrite())
	n, err := c.Read(make([]byte, 1))
	require.Zero(t, n)
	require.Equal(t, io.EOF, err)
}

func TestCloseDeliversWhatWasWritten(t *testing.T) {
	t.Parallel()
	p, c := startServer(t)
	_, err := c.Write(pattern(0, 100_000))
	require.NoError(t, err)
	require.NoError(t, c.Close())
	got := 0
	for got < 100_000 {
		p.Say("read")
		n := 0
		rest := p.Line()
		_, err := fmt.Sscan(rest, &n)
		require.NoError(t, err, rest)
		require.Positive(t, n, rest)
		got += n
	}
	p.Say("read")
	p.Expect("0 EOF")
}

func TestCloseWriteEndsOneDirection(t *testing.T) {
	t.Parallel()
	a, b := newPair(t)
	_, err := a.Write([]byte("question"))
	require.NoError(t, err)
	require.NoError(t, a.CloseWrite())
	require.NoError(t, a.CloseWrite(), "once more does nothing")
	got, err := io.ReadAll(b)
	require.NoError(t, err)
	require.Equal(t, "question", string(got))
	_, err = a.Write([]byte("more"))
	isOpError(t, err, "write", syscall.EPIPE)
	_, err = b.Write([]byte("answer"))
	require.NoError(t, err)
	require.NoError(t, b.Close())
	got, err = io.ReadAll(a)
	require.NoError(t, err)
	require.Equal(t, "answer", string(got))
}

func TestCloseWriteWakesASleepingReader(t *testing.T) {
	t.Parallel()
	for _, long := range []bool{false, true} {
		a, b := newPairWith(t, &Dialer{Wait: shmq.Park})
		b.in.alone = long
		end := make(chan error, 1)
		go func() { _, err := b.Read(make([]byte, 1)); end <- err }()
		waitReader(t, b)
		require.NoError(t, a.CloseWrite())
		require.Equal(t, io.EOF, <-end)
	}
}

// waitAsleep waits until a call of the half waits.
func waitAsleep(t *testing.T, h *half) {
	t.Helper()
	testproc.Until(t, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.busy
	})
}

// waitReader waits until the bell of a reader hangs. Of one that is alone that means that it
// sleeps, and of others that it dozes.
func waitReader(t *testing.T, c *Conn) {
	t.Helper()
	testproc.Until(t, c.memory.ForData.Hung)
}

// A reader that goes on wakes a writer before it has read all.
func TestWriterWakesBeforeTheBufferIsEmpty(t *testing.T) {
	t.Parallel()
	a, b := newPairWith(t, &Dialer{Buffer: 4 << 10, Wait: shmq.Park})
	a.out.alone = true
	wrote := make(chan error, 1)
	go func() { _, err := a.Write(pattern(0, 6000)); wrote <- err }()
	testproc.Until(t, a.memory.ForRoom.Hung)
	got := make([]byte, 3000)
	_, err := io.ReadFull(b, got)
	require.NoError(t, err)
	require.NoError(t, <-wrote)
	rest := make([]byte, 3000)
	_, err = io.ReadFull(b, rest)
	require.NoError(t, err)
	require.Equal(t, pattern(0, 6000), append(got, rest...))
}

// The other process dies with a write of ours unread and one of its own unread: we read what
// it had written, and then learn that it is gone.
func TestKilledPeer(t *testing.T) {
	t.Parallel()
	p, c := startServer(t)
	p.Say("100000")
	p.Expect("wrote")
	p.Kill()
	got, err := io.ReadAll(c)
	require.Equal(t, pattern(0, 100_000), got)
	isOpError(t, err, "read", syscall.ECONNRESET)
	require.ErrorContains(t, err, "dial again")
	testproc.Until(t, func() bool { _, err = c.Write([]byte("x")); return err != nil })
	isOpError(t, err, "write", syscall.EPIPE)
}

func TestKilledPeerWakesSleepers(t *testing.T) {
	t.Parallel()
	p, c := startServer(t)
	errs := make(chan error, 2)
	go func() { _, err := c.Read(make([]byte, 1)); errs <- err }()
	go func() { _, err := c.Write(make([]byte, 1<<20)); errs <- err }()
	waitAsleep(t, &c.in)
	waitAsleep(t, &c.out)
	p.Kill()
	for range 2 {
		err := <-errs
		require.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE), "%v", err)
	}
}

// A process that ends without Close is one that died.
func TestPeerThatExits(t *testing.T) {
	t.Parallel()
	p, c := startServer(t)
	p.Say("end")
	_, err := c.Read(make([]byte, 1))
	isOpError(t, err, "read", syscall.ECONNRESET)
}

func TestWriteToClosedPeer(t *testing.T) {
	t.Parallel()
	a, b := newPair(t)
	require.NoError(t, b.Close())
	_, err := a.Write([]byte("x"))
	isOpError(t, err, "write", syscall.EPIPE)
	_, err = a.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
}

// A peer that closes wakes a write that waits for room.
func TestPeerClosesUnderAWaitingWrite(t *testing.T) {
	t.Parallel()
	a, b := newPair(t)
	type result struct {
		n   int
		err error
	}
	end := make(chan result, 1)
	go func() {
		n, err := a.Write(make([]byte, 1<<20))
		end <- result{n, err}
	}()
	waitAsleep(t, &a.out)
	require.NoError(t, b.Close())
	r := <-end
	isOpError(t, r.err, "write", syscall.EPIPE)
	require.Less(t, r.n, 1<<20)
	require.Positive(t, r.n)
}

func TestCallsOnAClosedConnection(t *testing.T) {
	t.Parallel()
	a, _ := newPair(t)
	require.NoError(t, a.Close())
	_, err := a.Read(make([]byte, 1))
	isOpError(t, err, "read", net.ErrClosed)
	_, err = a.Write([]byte("x"))
	isOpError(t, err, "write", net.ErrClosed)
	isOpError(t, a.Close(), "close", net.ErrClosed)
	isOpError(t, a.CloseWrite(), "close", net.ErrClosed)
	require.ErrorIs(t, a.SetDeadline(time.Now()), net.ErrClosed)
	_, err = a.WriteTo(os.Stderr)
	isOpError(t, err, "read", net.ErrClosed)
	_, err = a.ReadFrom(os.Stdin)
	isOpError(t, err, "write", net.ErrClosed)
}

// Close ends calls that wait, and calls that are queued behind them, at once.
func TestCloseEndsCallsThatWait(t *testing.T) {
	t.Parallel()
	a, _ := newPair(t)
	errs := make(chan error, 6)
	for range 3 {
		go func() { _, err := a.Read(make([]byte, 1)); errs <- err }()
		go func() { _, err := a.Write(make([]byte, 1<<20)); errs <- err }()
	}
	waitAsleep(t, &a.in)
	waitAsleep(t, &a.out)
	require.NoError(t, a.Close())
	for range 6 {
		require.ErrorIs(t, <-errs, net.ErrClosed)
	}
}

// A deadline ends queued calls too, is lifted for the next, and says how much was written.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	a, b := newPair(t)
	require.NoError(t, a.SetDeadline(time.Now().Add(20*time.Millisecond)))
	errs := make(chan error, 4)
	wrote := make(chan int, 2)
	for range 2 {
		go func() { _, err := a.Read(make([]byte, 1)); errs <- err }()
		go func() { n, err := a.Write(make([]byte, 1<<20)); wrote <- n; errs <- err }()
	}
	for range 4 {
		err := <-errs
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		var e net.Error
		require.ErrorAs(t, err, &e)
		require.True(t, e.Timeout())
	}
	n := <-wrote + <-wrote
	require.NoError(t, a.SetDeadline(time.Time{}))
	require.NoError(t, a.CloseWrite())
	got, err := io.ReadAll(b)
	require.NoError(t, err)
	require.Len(t, got, n)
}

// A deadline that is changed while a call waits counts for that call.
func TestDeadlineChangedWhileWaiting(t *testing.T) {
	t.Parallel()
	for _, deep := range []bool{false, true} {
		a, b := newPairWith(t, &Dialer{Wait: shmq.Park})
		b.in.alone = deep
		end := make(chan error, 1)
		require.NoError(t, b.SetReadDeadline(time.Now().Add(time.Hour)))
		go func() { _, err := b.Read(make([]byte, 1)); end <- err }()
		waitReader(t, b)
		require.NoError(t, b.SetReadDeadline(time.Now().Add(-time.Second)))
		require.ErrorIs(t, <-end, os.ErrDeadlineExceeded)
		require.NoError(t, b.SetReadDeadline(time.Now().Add(time.Hour)))
		_, err := a.Write([]byte("x"))
		require.NoError(t, err)
		_, err = b.Read(make([]byte, 1))
		require.NoError(t, err)
	}
}

// Concurrent writes do not mix.
func TestConcurrentWritesAreWhole(t *testing.T) {
	t.Parallel()
	a, b := newPairWith(t, &Dialer{Buffer: 4 << 10})
	const writers, each, size = 4, 20, 3000
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for range each {
				_, err := a.Write(bytes.Repeat([]byte{byte(w)}, size))
				require.NoError(t, err)
			}
		})
	}
	go func() { wg.Wait(); _ = a.CloseWrite() }()
	count := [writers]int{}
	for {
		rec := make([]byte, size)
		if _, err := io.ReadFull(b, rec); err == io.EOF {
			break
		} else {
			require.NoError(t, err)
		}
		require.Equal(t, bytes.Repeat(rec[:1], size), rec)
		count[rec[0]]++
	}
	require.Equal(t, [writers]int{each, each, each, each}, count)
}

// A thousand idle readers have no thread each.
func TestIdleConnectionsHaveNoThreads(t *testing.T) {
	const n = 200
	name := newName(t)
	l, err := Listen(name)
	require.NoError(t, err)
	var all []*Conn
	var wg sync.WaitGroup
	defer func() {
		for _, c := range all {
			_ = c.Close()
		}
		require.NoError(t, l.Close())
		wg.Wait()
	}()
	for range n {
		d, err := (&Dialer{Buffer: 4 << 10}).Dial(t.Context(), name)
		require.NoError(t, err)
		s, err := l.AcceptConn()
		require.NoError(t, err)
		all = append(all, d, s)
		wg.Go(func() { _, _ = io.Copy(s, s) })
	}
	asleep := func() bool { return dozers.Load() == 0 }
	testproc.Until(t, asleep)
	threads, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	require.Less(t, len(threads), n/2+runtime.GOMAXPROCS(0))
	for i := 0; i < len(all); i += 2 { // each wakes up
		_, err := all[i].Write([]byte("x"))
		require.NoError(t, err)
		_, err = io.ReadFull(all[i], make([]byte, 1))
		require.NoError(t, err)
	}
}
