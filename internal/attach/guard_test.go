//go:build linux

package attach_test

import (
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// cutDown is an attachment to a queue whose file has nothing left, and a word in it.
func cutDown(t *testing.T) (*attach.Participant, *uint64) { return cutDownWith(t, kinds[0]) }

// kinds are the two guards: with the handler, where there is one, and with panics.
var kinds = []string{"handler", "panic"}

var kindLock sync.Mutex

func cutDownWith(t *testing.T, kind string) (*attach.Participant, *uint64) {
	q := testagent.Queue(t, nil)
	kindLock.Lock()
	was := sys.NoFaultHandler.Swap(kind == "panic" || sys.NoFaultHandler.Load())
	a := testagent.Attach(t, q, shmq.Producer)
	sys.NoFaultHandler.Store(was)
	kindLock.Unlock()
	path, err := shmq.Path(q)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, 0))
	t.Cleanup(func() { _ = os.Remove(path) })
	return a, &a.Counters().Records
}

// Each way to touch memory, Go's own and the assembly of internal/atomics.
func TestFaultsAreErrors(t *testing.T) {
	t.Parallel()
	for what, touch := range map[string]func(p *uint64){
		"load":             func(p *uint64) { _ = atomics.Load64(p) },
		"reload":           func(p *uint64) { _ = atomics.Reload64(p) },
		"plain load":       func(p *uint64) { sink = *p },
		"store":            func(p *uint64) { atomics.Store64(p, 1) },
		"plain store":      func(p *uint64) { *p = 1 },
		"add":              func(p *uint64) { *p++ },
		"release":          func(p *uint64) { atomics.StoreRelease64(p, 1) },
		"release two":      func(p *uint64) { atomics.StoreRelease64x2(p, 1, p, 1) },
		"release second":   func(p *uint64) { var own uint64; atomics.StoreRelease64x2(&own, 1, p, 1) },
		"compare and swap": func(p *uint64) { atomics.CAS64(p, 0, 1) },
		"swap 32":          func(p *uint64) { atomics.CAS32((*uint32)(unsafe.Pointer(p)), 0, 1) },
		"atomic add":       func(p *uint64) { atomics.Add64(p, 1) },
		"copy in":          func(p *uint64) { copy(bytesAt(p, 48), make([]byte, 48)) },
		"copy in much":     func(p *uint64) { copy(bytesAt(p, 100_000), make([]byte, 100_000)) },
		"copy out":         func(p *uint64) { copy(make([]byte, 48), bytesAt(p, 48)) },
		"copy out much":    func(p *uint64) { copy(make([]byte, 100_000), bytesAt(p, 100_000)) },
		"compare":          func(p *uint64) { _ = string(bytesAt(p, 48)) == string(make([]byte, 48)) },
		"clear":            func(p *uint64) { clear(bytesAt(p, 4096)) },
	} {
		for _, kind := range kinds {
			t.Run(what+" "+kind, func(t *testing.T) {
				a, p := cutDownWith(t, kind)
				require.ErrorIs(t, a.Guard(func() error { touch(p); return nil }), shmq.ErrTruncated)
				require.True(t, a.Due())
				require.ErrorIs(t, a.Attend(), shmq.ErrTruncated)
			})
		}
	}
}

var sink uint64

func bytesAt(p *uint64, n int) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(p)), n) }

// A fetch ahead is a hint and no access.
func TestPrefetchNeverFaults(t *testing.T) {
	t.Parallel()
	_, p := cutDown(t)
	atomics.Prefetch(unsafe.Pointer(p))
}

// A system call that is given such memory does not fault.
func TestSystemCallsOnACutQueue(t *testing.T) {
	t.Parallel()
	a, p := cutDown(t)
	f, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer f.Close()
	_, err = f.Write(bytesAt(p, 48))
	require.ErrorIs(t, err, unix.EFAULT)
	require.ErrorIs(t, a.Faulted(err), shmq.ErrTruncated)
	require.NoError(t, a.Faulted(nil))
	require.Equal(t, os.ErrClosed, a.Faulted(os.ErrClosed))
}

// What is not about the queue's memory goes through the guard as it came.
func TestGuardLetsOthersThrough(t *testing.T) {
	t.Parallel()
	a, _ := cutDownWith(t, "panic")
	other, foreign := cutDownWith(t, "panic")
	var addressed interface{ Addr() uintptr }
	func() {
		defer func() { addressed, _ = recover().(interface{ Addr() uintptr }) }()
		_ = a.Guard(func() error { *foreign = 1; return nil })
	}()
	require.NotNil(t, addressed)
	require.Equal(t, uintptr(unsafe.Pointer(foreign)), addressed.Addr())
	require.PanicsWithValue(t, "mine", func() { _ = a.Guard(func() error { panic("mine") }) })
	require.Panics(t, func() { var none *uint64; _ = a.Guard(func() error { *none = 1; return nil }) })
	mine := errors.New("mine")
	require.Equal(t, mine, a.Guard(func() error { return mine }))
	ended := make(chan bool)
	go func() {
		defer close(ended)
		_ = a.Guard(func() error { runtime.Goexit(); return nil }) // ends the goroutine
		t.Error("the goroutine went on")
	}()
	<-ended
	// A guard around another takes what the inner one lets through.
	require.ErrorIs(t, other.Guard(func() error {
		return a.Guard(func() error { *foreign = 1; return nil })
	}), shmq.ErrTruncated)
}

// The handler leaves to the runtime what is not in a queue's memory.
func TestHandlerLetsOthersThrough(t *testing.T) {
	t.Parallel()
	a, _ := cutDown(t)
	other, foreign := cutDownWith(t, "panic")
	require.ErrorIs(t, other.Guard(func() error {
		return a.Guard(func() error { *foreign = 1; return nil })
	}), shmq.ErrTruncated)
	require.PanicsWithValue(t, "mine", func() { _ = a.Guard(func() error { panic("mine") }) })
	require.Panics(t, func() { var none *uint64; _ = a.Guard(func() error { *none = 1; return nil }) })
	mine := errors.New("mine")
	require.Equal(t, mine, a.Guard(func() error { return mine }))
}

// The goroutine's own setting is as it was, whatever happens.
func TestGuardRestoresTheSetting(t *testing.T) {
	for _, was := range []bool{false, true} {
		a, p := cutDownWith(t, "panic")
		before := debug.SetPanicOnFault(was)
		_ = a.Guard(func() error { return nil })
		require.Equal(t, was, debug.SetPanicOnFault(was))
		_ = a.Guard(func() error { *p = 1; return nil })
		require.Equal(t, was, debug.SetPanicOnFault(was))
		func() {
			defer func() { _ = recover() }()
			_ = a.Guard(func() error { panic("mine") })
		}()
		require.Equal(t, was, debug.SetPanicOnFault(before))
	}
}

// Without the guard a cut file ends the process, which shows that the guard is what keeps
// the others alive.
func TestGuardCanBeLeftOut(t *testing.T) {
	t.Parallel()
	for _, off := range []bool{false, true} {
		q := testagent.Queue(t, nil)
		path, err := shmq.Path(q)
		require.NoError(t, err)
		c := testproc.Start(t, "touch-cut", q, strconv.FormatBool(off))
		c.Expect("attached")
		require.NoError(t, os.Truncate(path, 0))
		c.Say("touch")
		if off {
			testproc.Until(t, func() bool { return c.State() == "Z" })
			c.Kill() // and collect it
		} else {
			c.Expect("lost")
		}
		_ = os.Remove(path)
	}
}

func touchCut(c *testproc.Child) {
	a, err := attach.To(c.Args[0], shmq.Producer, &attach.Options{NoGuard: c.Args[1] == "true"})
	c.Check(err)
	c.Say("attached")
	<-c.Lines
	if c.Args[1] == "true" {
		os.Stderr.Close() // the runtime tells much about it
		a.Counters().Records = 1
	}
	c.Say("lost %v", a.Guard(func() error { a.Counters().Records = 1; return nil }))
	<-c.Lines
}

// Report may be called by any goroutine, whose setting is its own.
func TestReportOfACutQueue(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, nil)
	a := testagent.Attach(t, q, shmq.Producer)
	a.Counters().Records = 7
	require.EqualValues(t, 7, a.Report().Records)
	path, err := shmq.Path(q)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, 0))
	defer os.Remove(path)
	got := make(chan shmq.Counters)
	go func() { got <- a.Report() }()
	require.EqualValues(t, 7, (<-got).Records)
	require.Equal(t, 0, a.Recover().Records)
	require.ErrorIs(t, a.Attend(), shmq.ErrTruncated)
	require.NoError(t, a.Detach(), "it was told")
}

// To leave is possible all the same, and says what it met.
func TestDetachFromACutQueue(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, nil)
	a, err := attach.To(q, shmq.Producer, nil)
	require.NoError(t, err)
	path, err := shmq.Path(q)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, 0))
	defer os.Remove(path)
	require.ErrorIs(t, a.Detach(), shmq.ErrTruncated)
	locksAreFree(t, q)
	require.ErrorIs(t, a.Detach(), shmq.ErrClosed)
}
