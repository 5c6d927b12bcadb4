//go:build linux

package conn

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq/conn/internal/shared"
	scribbling "github.com/shmq/shmq/internal/scribble"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
)

// offerOf is a peer that connects and sends files of its own choice; it returns the answer.
func offerOf(t *testing.T, name string, files ...*os.File) (answer byte, err error) {
	t.Helper()
	s, err := net.Dial("unix", name)
	require.NoError(t, err)
	defer s.Close()
	var fds []int
	for _, f := range files {
		fds = append(fds, int(f.Fd()))
	}
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	_, _, err = s.(*net.UnixConn).WriteMsgUnix([]byte{0}, oob, nil)
	require.NoError(t, err)
	var b [1]byte
	_, err = io.ReadFull(s, b[:])
	return b[0], err
}

// memfd makes a file in memory of that size with a head from another one.
func memfd(t *testing.T, head []byte, size int64, flags, seals int) *os.File {
	t.Helper()
	fd, err := unix.MemfdCreate("hostile", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|flags)
	if err != nil {
		t.Skip(err)
	}
	f := os.NewFile(uintptr(fd), "hostile")
	t.Cleanup(func() { f.Close() })
	require.NoError(t, f.Truncate(size))
	if len(head) > 0 {
		_, err = f.WriteAt(head, 0)
		require.NoError(t, err)
	}
	_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, seals)
	require.NoError(t, err)
	return f
}

// goodFile returns what an honest end sends, and its head.
func goodFile(t *testing.T) (f *os.File, head []byte, size int64) {
	t.Helper()
	m, f, err := shared.Create(64 << 10)
	require.NoError(t, err)
	require.NoError(t, m.Unmap())
	t.Cleanup(func() { f.Close() })
	head = make([]byte, 1024)
	_, err = f.ReadAt(head, 0)
	require.NoError(t, err)
	info, err := f.Stat()
	require.NoError(t, err)
	return f, head, info.Size()
}

// readOnly returns another description of the file.
func readOnlyFile(t *testing.T, f *os.File) *os.File {
	t.Helper()
	r, err := os.Open("/proc/self/fd/" + strconv.Itoa(int(f.Fd())))
	require.NoError(t, err)
	t.Cleanup(func() { r.Close() })
	return r
}

// Whatever a peer sends in the hand-shake, it is refused, and the next one is served.
func TestWrongDescriptors(t *testing.T) {
	t.Parallel()
	name := newName(t)
	l, err := Listen(name)
	require.NoError(t, err)
	defer l.Close()
	good, head, size := goodFile(t)
	const sealed = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW
	changed := func(at int, b ...byte) []byte {
		return append(append(append([]byte{}, head[:at]...), b...), head[at+len(b):]...)
	}
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	regular, err := os.Create(filepath.Join(t.TempDir(), "f"))
	require.NoError(t, err)
	defer regular.Close()
	_, err = regular.Write(head)
	require.NoError(t, err)
	require.NoError(t, regular.Truncate(size))
	dir, err := os.Open(t.TempDir())
	require.NoError(t, err)
	defer dir.Close()
	for what, c := range map[string]struct {
		files  []*os.File
		answer byte
	}{
		"good":            {[]*os.File{good}, answerYes},
		"none":            {nil, answerForeign},
		"two":             {[]*os.File{good, good}, answerForeign},
		"many":            {[]*os.File{good, r, w, regular, dir, good, good}, answerForeign},
		"pipe":            {[]*os.File{r}, answerForeign},
		"directory":       {[]*os.File{dir}, answerForeign},
		"regular file":    {[]*os.File{regular}, answerForeign},
		"read only":       {[]*os.File{readOnlyFile(t, good)}, answerForeign},
		"not sealed":      {[]*os.File{memfd(t, head, size, 0, 0)}, answerForeign},
		"may shrink":      {[]*os.File{memfd(t, head, size, 0, unix.F_SEAL_GROW)}, answerForeign},
		"not writable":    {[]*os.File{memfd(t, head, size, 0, sealed|unix.F_SEAL_WRITE)}, answerForeign},
		"empty":           {[]*os.File{memfd(t, nil, 0, 0, sealed)}, answerForeign},
		"short":           {[]*os.File{memfd(t, head, size-4096, 0, sealed)}, answerForeign},
		"long":            {[]*os.File{memfd(t, head, size+4096, 0, sealed)}, answerForeign},
		"huge":            {[]*os.File{memfd(t, head, 1<<50, 0, sealed)}, answerForeign},
		"zeros":           {[]*os.File{memfd(t, nil, size, 0, sealed)}, answerForeign},
		"version":         {[]*os.File{memfd(t, changed(8, 2), size, 0, sealed)}, answerVersion},
		"slots":           {[]*os.File{memfd(t, changed(16, 3), size, 0, sealed)}, answerForeign},
		"slots overflow":  {[]*os.File{memfd(t, changed(16, 0, 0, 0, 0, 0, 0, 0, 0x80), size, 0, sealed)}, answerForeign},
		"area":            {[]*os.File{memfd(t, changed(24, 1), size, 0, sealed)}, answerForeign},
		"area overflow":   {[]*os.File{memfd(t, changed(24, 0, 0, 0, 0, 0, 0, 0, 0xff), size, 0, sealed)}, answerForeign},
		"huge pages":      {[]*os.File{hugeFile(t, head)}, answerForeign},
		"larger than may": {[]*os.File{largeFile(t)}, answerTooLarge},
	} {
		if c.files != nil && c.files[0] == nil {
			continue // the machine has none
		}
		answer, err := offerOf(t, name, c.files...)
		require.NoError(t, err, what)
		require.Equal(t, string(c.answer), string(answer), what)
		d, err := Dial(context.Background(), name)
		require.NoError(t, err, what)
		closeAll(d)
	}
}

func largeFile(t *testing.T) *os.File {
	m, f, err := shared.Create(2 << 20)
	require.NoError(t, err)
	require.NoError(t, m.Unmap())
	t.Cleanup(func() { f.Close() })
	return f
}

func hugeFile(t *testing.T, head []byte) *os.File {
	fd, err := unix.MemfdCreate("hostile", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_HUGETLB)
	if err != nil {
		return nil
	}
	f := os.NewFile(uintptr(fd), "hostile")
	t.Cleanup(func() { f.Close() })
	require.NoError(t, f.Truncate(2<<20))
	_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW)
	require.NoError(t, err)
	return f
}

// Peers that connect and say nothing keep no other one out, however many there are.
func TestStalledHandShakesKeepNobodyOut(t *testing.T) {
	name := newName(t)
	l, err := Listen(name)
	require.NoError(t, err)
	defer l.Close()
	var stalled []net.Conn
	defer func() {
		for _, s := range stalled {
			s.Close()
		}
	}()
	for range maxShaking + 10 {
		s, err := net.Dial("unix", name)
		require.NoError(t, err)
		stalled = append(stalled, s)
	}
	d, err := Dial(context.Background(), name)
	require.NoError(t, err)
	closeAll(d)
	l.mu.Lock()
	shaking := l.shaking.Len()
	l.mu.Unlock()
	require.LessOrEqual(t, shaking, maxShaking)
	// The oldest were ended for it.
	require.NoError(t, stalled[0].SetReadDeadline(time.Now().Add(testproc.Patience)))
	_, err = stalled[0].Read(make([]byte, 1))
	require.True(t, errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET), "%v", err)
}

// A listener that is something else, or answers nonsense, or nothing, gets the dialling end
// an error.
func TestDialSomethingElse(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		answer string
		is     error
	}{
		"a byte":       {"x", ErrProtocol},
		"a text":       {"HTTP/1.1 400 Bad Request\r\n", ErrProtocol},
		"not mapped":   {"r", ErrRefused},
		"other":        {"v", ErrProtocol},
		"hanging up":   {"", syscall.ECONNRESET},
		"saying never": {"-", context.DeadlineExceeded},
	} {
		name := newName(t)
		l, err := net.Listen("unix", name)
		require.NoError(t, err)
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(context.Background())
		wg.Go(func() {
			s, err := l.Accept()
			if err != nil {
				return
			}
			defer s.Close()
			if c.answer == "-" {
				<-ctx.Done()
				return
			}
			_, _ = s.Read(make([]byte, 1))
			_, _ = s.Write([]byte(c.answer))
		})
		in := context.Background()
		stop := func() {}
		if c.answer == "-" {
			in, stop = context.WithTimeout(in, 20*time.Millisecond)
		}
		_, err = Dial(in, name)
		isOpError(t, err, "dial", c.is)
		require.ErrorContains(t, err, name, what)
		stop()
		cancel()
		wg.Wait()
		require.NoError(t, l.Close())
	}
}

func TestDialWithAnEndedContext(t *testing.T) {
	t.Parallel()
	name := newName(t)
	l, err := Listen(name)
	require.NoError(t, err)
	defer l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = Dial(ctx, name)
	isOpError(t, err, "dial", context.Canceled)
}

// hostilePeer dials like an honest end, but keeps the memory to itself.
func hostilePeer(t testing.TB, l *Listener, name string) (mem []byte, socket *net.UnixConn, victim *Conn) {
	t.Helper()
	m, f, err := shared.Create(16 << 10)
	require.NoError(t, err)
	require.NoError(t, m.Unmap())
	defer f.Close()
	info, err := f.Stat()
	require.NoError(t, err)
	mem, err = unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Munmap(mem) })
	s, err := net.Dial("unix", name)
	require.NoError(t, err)
	socket = s.(*net.UnixConn)
	t.Cleanup(func() { socket.Close() })
	require.NoError(t, sys.SendDescriptor(socket, f))
	_, err = io.ReadFull(socket, make([]byte, 1))
	require.NoError(t, err)
	victim, err = l.AcceptConn()
	require.NoError(t, err)
	t.Cleanup(func() { closeAll(victim) })
	return mem, socket, victim
}

// While a peer scribbles over all of the memory, and floods the socket, calls end by their
// deadlines or with errors, and this process lives.
func TestScribblingPeer(t *testing.T) {
	t.Parallel()
	name := newName(t)
	l, err := Listen(name)
	require.NoError(t, err)
	defer l.Close()
	rounds := 40
	if testproc.Long() {
		rounds = 2000
	}
	for seed := range rounds {
		mem, socket, victim := hostilePeer(t, l, name)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() { scribble(mem, uint64(seed), stop) })
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = socket.SetWriteDeadline(time.Now().Add(time.Millisecond))
					_, _ = socket.Write([]byte("ddrrxx\x00"))
				}
			}
		})
		for range 5 {
			require.NoError(t, victim.SetDeadline(time.Now().Add(2*time.Millisecond)))
			done := make(chan struct{}, 2)
			go func() { _, _ = victim.Read(make([]byte, 50_000)); done <- struct{}{} }()
			go func() { _, _ = victim.Write(make([]byte, 50_000)); done <- struct{}{} }()
			for range 2 {
				select {
				case <-done:
				case <-time.After(testproc.Patience):
					t.Fatalf("seed %d: a call did not end", seed)
				}
			}
		}
		require.NoError(t, victim.Close())
		close(stop)
		wg.Wait()
		require.NoError(t, socket.Close())
	}
}

// scribble writes to both rings and to the words between the ends, until stop.
func scribble(mem []byte, seed uint64, stop chan struct{}) {
	dice := scribbling.Dice(seed)
	g := layout.Geometry{Seats: 2, Slots: 64, AreaSize: 256}
	n := g.TotalSize()
	pens := []*scribbling.Pen{scribbling.New(mem[4096:4096+n], g, dice), scribbling.New(mem[4096+n:], g, dice)}
	for {
		select {
		case <-stop:
			return
		default:
		}
		for range 64 {
			pens[dice.Below(2)].Write()
			word := (*uint32)(unsafe.Pointer(&mem[1024+dice.Below(1024)&^3]))
			atomic.StoreUint32(word, uint32(dice.Below(4)))
		}
	}
}

// Records without bytes, which nobody writes, end the connection instead of a loop.
func TestEmptyRecords(t *testing.T) {
	t.Parallel()
	a, b := newPair(t)
	require.NoError(t, a.memory.Out.Send(nil))
	_, err := b.Read(make([]byte, 1))
	isOpError(t, err, "read", ErrDamaged)
	require.ErrorContains(t, err, "dial again")
}
