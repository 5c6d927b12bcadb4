//go:build linux

package conn

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const copied = 3_000_000

// socketPair returns a connection of the kernel's own.
func socketPair(t *testing.T, kind, address string) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen(kind, address)
	require.NoError(t, err)
	defer l.Close()
	a, err = net.Dial(kind, l.Addr().String())
	require.NoError(t, err)
	b, err = l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { closeAll(a, b) })
	return a, b
}

func sockets(t *testing.T) map[string][2]net.Conn {
	all := map[string][2]net.Conn{}
	a, b := socketPair(t, "tcp", "127.0.0.1:0")
	all["tcp"] = [2]net.Conn{a, b}
	a, b = socketPair(t, "unix", filepath.Join(t.TempDir(), "s"))
	all["unix"] = [2]net.Conn{a, b}
	c, d := newPair(t)
	all["conn"] = [2]net.Conn{c, d}
	return all
}

// What comes out of a connection reaches sockets, files and other writers whole, and what
// they have reaches a connection, by way of io.Copy and of the methods themselves.
func TestCopying(t *testing.T) {
	t.Parallel()
	want := pattern(0, copied)
	for name, s := range sockets(t) {
		for _, direct := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				a, b := newPair(t)   // into the socket
				c, d := newPair(t)   // and out of it again
				s0, s1 := s[0], s[1] // data goes in at s0
				errs := make(chan error, 3)
				go func() {
					_, err := a.Write(want)
					errs <- errors.Join(err, a.CloseWrite())
				}()
				go func() {
					n, err := b.WriteTo(s0)
					if n != copied {
						err = errors.Join(err, errors.New("short"))
					}
					errs <- err
				}()
				go func() {
					var n int64
					var err error
					if direct {
						n, err = c.ReadFrom(limitedTo(s1, copied))
					} else {
						n, err = io.Copy(c, io.LimitReader(s1, copied))
					}
					if n != copied {
						err = errors.Join(err, errors.New("short"))
					}
					errs <- errors.Join(err, c.CloseWrite())
				}()
				got, err := io.ReadAll(d)
				require.NoError(t, err)
				require.True(t, bytes.Equal(want, got))
				for range 3 {
					require.NoError(t, <-errs)
				}
			})
		}
	}
}

// limitedTo returns a reader of the first n bytes that ReadFrom still takes for what it is:
// it copies them into a file.
func limitedTo(r io.Reader, n int64) io.Reader {
	f, err := os.CreateTemp("", "shmq-copy-")
	if err != nil {
		return errReader{err}
	}
	_ = os.Remove(f.Name())
	if _, err := io.CopyN(f, r, n); err != nil {
		return errReader{err}
	}
	_, _ = f.Seek(0, io.SeekStart)
	return f
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

func TestCopyToAFile(t *testing.T) {
	t.Parallel()
	a, b := newPair(t)
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	require.NoError(t, err)
	defer f.Close()
	go func() { _, _ = a.Write(pattern(0, copied)); _ = a.CloseWrite() }()
	n, err := io.Copy(f, b)
	require.NoError(t, err)
	require.EqualValues(t, copied, n)
	got, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	require.True(t, bytes.Equal(pattern(0, copied), got))
}

// A sink that fails does not lose what it did not take.
func TestWriteToASinkThatFails(t *testing.T) {
	t.Parallel()
	a, b := newPair(t)
	closedFile, err := os.Create(filepath.Join(t.TempDir(), "f"))
	require.NoError(t, err)
	require.NoError(t, closedFile.Close())
	_, err = a.Write([]byte("hello"))
	require.NoError(t, err)
	n, err := b.WriteTo(closedFile)
	require.Zero(t, n)
	require.ErrorIs(t, err, os.ErrClosed)
	got := make([]byte, 10)
	m, err := b.Read(got)
	require.NoError(t, err)
	require.Equal(t, "hello", string(got[:m]))
}

// Close does not wait for a copy that waits for others, and the copy ends safely.
func TestCloseDuringACopy(t *testing.T) {
	t.Parallel()
	a, b := newPair(t)
	s0, s1 := socketPair(t, "unix", filepath.Join(t.TempDir(), "s"))
	from, to := make(chan error, 1), make(chan error, 1)
	go func() { _, err := a.ReadFrom(s0); from <- err }() // s0 has nothing to say
	waitAsleep(t, &a.out)
	require.NoError(t, a.Close())
	got, err := io.ReadAll(b)
	require.NoError(t, err, "an end in order")
	require.Empty(t, got)
	_, err = s1.Write(pattern(0, 100_000)) // into memory that is not shared any more
	require.NoError(t, err)
	require.ErrorIs(t, <-from, net.ErrClosed)

	c, d := newPair(t)
	go func() { _, err := d.WriteTo(s1); to <- err }()
	go func() { _, _ = c.Write(make([]byte, 8<<20)) }() // more than s1 takes
	waitAsleep(t, &c.out)
	require.NoError(t, d.Close())
	closeAll(s0, s1)
	require.Error(t, <-to)
}

// CloseWrite ends the stream under a copy that waits for its source.
func TestCloseWriteDuringACopy(t *testing.T) {
	t.Parallel()
	a, b := newPair(t)
	s0, s1 := socketPair(t, "unix", filepath.Join(t.TempDir(), "s"))
	from := make(chan error, 1)
	go func() { _, err := a.ReadFrom(s0); from <- err }()
	waitAsleep(t, &a.out)
	require.NoError(t, a.CloseWrite())
	_, err := io.ReadAll(b)
	require.NoError(t, err)
	_, err = s1.Write([]byte("late"))
	require.NoError(t, err)
	isOpError(t, <-from, "write", errShut)
}

func TestVectorOfBuffers(t *testing.T) {
	t.Parallel()
	a, b := newPair(t)
	bufs := net.Buffers{[]byte("one "), []byte("two "), pattern(0, 100_000)}
	go func() {
		_, _ = bufs.WriteTo(a)
		_ = a.CloseWrite()
	}()
	got, err := io.ReadAll(b)
	require.NoError(t, err)
	require.Equal(t, append([]byte("one two "), pattern(0, 100_000)...), got)
}
