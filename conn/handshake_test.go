//go:build linux

package conn

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testproc"
)

// mappings counts the memory of connections that is mapped here.
func mappings(t *testing.T) int {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	return strings.Count(string(maps), "memfd:shmq")
}

// A process that dials dies after each step of the hand-shake. What it has made is not kept,
// and the next one is served.
func TestDiallerDiesAtEachStep(t *testing.T) {
	name := newName(t)
	l, err := Listen(name)
	require.NoError(t, err)
	defer l.Close()
	before := mappings(t)
	file, _, _ := goodFile(t)
	connected := func() *net.UnixConn {
		s, err := net.Dial("unix", name)
		require.NoError(t, err)
		return s.(*net.UnixConn)
	}
	for step, die := range map[string]func(s *net.UnixConn){
		"connect": func(s *net.UnixConn) {},
		"send":    func(s *net.UnixConn) { require.NoError(t, sys.SendDescriptor(s, file)) },
		"answer": func(s *net.UnixConn) {
			require.NoError(t, sys.SendDescriptor(s, file))
			_, err := io.ReadFull(s, make([]byte, 1))
			require.NoError(t, err)
		},
	} {
		s := connected()
		die(s)
		require.NoError(t, s.Close())
		d, err := Dial(context.Background(), name)
		require.NoError(t, err, step)
		_, err = d.Write([]byte("x"))
		require.NoError(t, err)
		for { // those that came as far as to be accepted are at their end
			a, err := l.AcceptConn()
			require.NoError(t, err)
			n, err := a.Read(make([]byte, 1))
			closeAll(a)
			if n == 1 {
				break
			}
			isOpError(t, err, "read", syscall.ECONNRESET)
		}
		closeAll(d)
	}
	require.NoError(t, l.Close()) // one may have come behind ours
	testproc.Until(t, func() bool { return mappings(t) == before })
}

// A listener dies after each step; whoever dials learns that.
func TestListenerDiesAtEachStep(t *testing.T) {
	before := mappings(t)
	for step, die := range map[string]func(s net.Conn){
		"accept":  func(net.Conn) {},
		"receive": func(s net.Conn) { _, _ = s.Read(make([]byte, 1)) },
		"answer":  func(s net.Conn) { _, _ = s.Read(make([]byte, 1)); _, _ = s.Write([]byte{answerYes}) },
	} {
		name := newName(t)
		l, err := net.Listen("unix", name)
		require.NoError(t, err)
		go func() {
			s, err := l.Accept()
			if err == nil {
				die(s)
				_ = s.Close()
			}
		}()
		d, err := Dial(context.Background(), name)
		if step == "answer" {
			require.NoError(t, err)
			_, err = d.Read(make([]byte, 1))
			isOpError(t, err, "read", syscall.ECONNRESET)
			closeAll(d)
		} else {
			require.Error(t, err, step)
			require.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE), "%s: %v", step, err)
		}
		require.NoError(t, l.Close())
	}
	require.Equal(t, before, mappings(t))
}

// busyDialler dials, asks, and closes, again and again.
func busyDialler(c *testproc.Child) {
	c.Say("begins")
	for {
		d, err := Dial(context.Background(), c.Args[0])
		if err != nil {
			continue // its listener was killed
		}
		if _, err = d.Write(pattern(0, 5000)); err == nil {
			_, _ = io.ReadFull(d, make([]byte, 5000))
		}
		_ = d.Close()
	}
}

// busyListener echoes what comes, on any number of connections.
func busyListener(c *testproc.Child) {
	l, err := Listen(c.Args[0])
	c.Check(err)
	c.Say("listening")
	for {
		a, err := l.AcceptConn()
		c.Check(err)
		go func() { _, _ = io.Copy(a, a); _ = a.Close() }()
	}
}

// Diallers and listeners are killed at any time, hand-shakes included. Those that live are not
// held up, and nothing is left but the socket of the last listener.
func TestKilledAtAnyTime(t *testing.T) {
	rounds := 12
	switch {
	case testproc.Race:
		rounds = 2
	case testproc.Long():
		rounds = 300
	}
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	name := newName(t)
	before := mappings(t)
	for range rounds {
		l := testproc.Start(t, "busy listener", name)
		l.Expect("listening")
		var diallers []*testproc.Proc
		for range 3 {
			d := testproc.Start(t, "busy dialler", name)
			d.Expect("begins")
			diallers = append(diallers, d)
		}
		time.Sleep(time.Duration(r.IntN(3000)) * time.Microsecond) // when is what is tried
		diallers[0].Kill()
		c, err := Dial(context.Background(), name)
		require.NoError(t, err)
		require.NoError(t, c.SetDeadline(time.Now().Add(testproc.Patience)))
		require.NoError(t, transfer(c, c, 1, 20_000, 3000))
		l.Kill()
		_, err = c.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET)
		closeAll(c)
		diallers[1].Kill()
		next, err := Listen(name)
		require.NoError(t, err)
		a, err := next.AcceptConn() // the third one goes on
		require.NoError(t, err)
		got := make([]byte, 5000)
		require.NoError(t, a.SetDeadline(time.Now().Add(testproc.Patience)))
		_, err = io.ReadFull(a, got)
		require.NoError(t, err)
		require.Equal(t, pattern(0, 5000), got)
		diallers[2].Kill()
		closeAll(a)
		require.NoError(t, next.Close())
	}
	testproc.Until(t, func() bool { return mappings(t) == before })
}
