package bench

import (
	"errors"
	"os"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
)

// wordsSize is a page: room for words on lines of their own. Slots follow.
const wordsSize = 4096

// makeWords makes the file of shared words of a case.
func makeWords(path string) error {
	return os.WriteFile(path, make([]byte, wordsSize+2*slotsSize), 0o600)
}

// mapWords maps the file. word returns the address of word i, on a line of its own.
func mapWords(path string) (mem []byte, word func(i int) unsafe.Pointer, err error) {
	f, err := sys.Open(path, true, true)
	if err != nil {
		return nil, nil, err
	}
	if mem, err = f.Map(wordsSize+2*slotsSize, true); err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	base := unsafe.Pointer(unsafe.SliceData(mem))
	return mem, func(i int) unsafe.Pointer { return unsafe.Add(base, i*layout.LineSize) }, f.Close()
}

// control is how producers end a run for several consumers: the last of them sends a
// short record to each. A consumer that takes batches may get those of others too, so
// they count what they take.
type control struct {
	mem     []byte
	done    *uint64 // producers; all counts go on from run to run
	stopped *uint64 // consumers
	taken   *uint64 // short records
}

func openControl(path string) (*control, error) {
	mem, word, err := mapWords(path)
	if err != nil {
		return nil, err
	}
	return &control{mem, (*uint64)(word(0)), (*uint64)(word(1)), (*uint64)(word(2))}, nil
}

// last notes that one producer is done, and reports whether all of them are.
func (c *control) last(producers int) bool {
	return atomics.Add64(c.done, 1)%uint64(producers) == 0
}

// stop ends the run for the consumers. All of them are still at it.
func (c *control) stop(consumers int, send func() error) error {
	taken, stopped := atomics.Load64(c.taken), atomics.Load64(c.stopped)
	for sent := 0; ; {
		// In this order: a thread that looks in between counts a consumer as one that still
		// has its record to come.
		gone := int(atomics.Load64(c.taken) - taken)
		left := consumers - int(atomics.Load64(c.stopped)-stopped)
		if left == 0 {
			return nil
		}
		for on := sent - gone; on < left; on++ {
			if err := send(); err != nil {
				return err
			}
			sent++
		}
		time.Sleep(20 * time.Microsecond)
	}
}

// left notes that a consumer stops, having taken so many of the short records.
func (c *control) left(taken int) {
	atomics.Add64(c.stopped, 1)
	atomics.Add64(c.taken, uint64(taken))
}

func (c *control) close() error { return sys.Unmap(c.mem) }

// newLines is an end of the round trip of bare cache lines: each writes one line and
// polls the other.
func newLines(s spec, clock *monotonic) (end, error) {
	mem, word, err := mapWords(s.words())
	if err != nil {
		return nil, err
	}
	there, here := (*uint64)(word(0)), (*uint64)(word(1))
	unmap := func() error { return sys.Unmap(mem) }
	n, pause := uint64(0), uint32(s.Case.Pause)
	if s.End == 0 {
		return &pinger{clock: clock, close_: unmap, round: func() error {
			n++
			atomics.StoreRelease64(there, n)
			await(here, n, pause)
			return nil
		}}, nil
	}
	return &echoer{close_: unmap, round: func() error {
		n++
		await(there, n, pause)
		atomics.StoreRelease64(here, n)
		return nil
	}}, nil
}

// await polls a word until it is n.
func await(word *uint64, n uint64, pause uint32) {
	if pause == 0 { // the loop has nothing else in it
		for atomics.Load64(word) != n {
		}
		return
	}
	for atomics.Load64(word) != n {
		atomics.Pause(pause)
	}
}

// newFutex is an end of the round trip of bare futexes. The calls are raw: the
// runtime does not hear of them, and nothing else runs in the process.
func newFutex(s spec, clock *monotonic) (end, error) {
	mem, word, err := mapWords(s.words())
	if err != nil {
		return nil, err
	}
	runtime.GC() // later it would wait for a thread that sleeps
	there, here := (*uint32)(word(0)), (*uint32)(word(1))
	if s.End > 0 {
		there, here = here, there
	}
	unmap := func() error { return sys.Unmap(mem) }
	n := uint32(0)
	if s.End == 0 {
		p := &pinger{clock: clock, close_: unmap}
		p.round = func() error {
			n++
			rawWake(there, n)
			return rawWait(here, n, &p.slept)
		}
		return p, nil
	}
	e := &echoer{close_: unmap}
	e.round = func() error {
		n++
		if err := rawWait(here, n, &e.slept); err != nil {
			return err
		}
		rawWake(there, n)
		return nil
	}
	return e, nil
}

func rawWake(word *uint32, n uint32) {
	atomics.Store32(word, n)
	_, _, _ = unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWake, 1, 0, 0, 0)
}

const (
	futexWait = 0
	futexWake = 1
	// rawPatience bounds a sleep: long, because it only passes when the partner is gone.
	rawPatience = 10 * time.Second
)

// rawWait sleeps until *word is n, and counts how often it did. The partner can be
// faster than the call.
func rawWait(word *uint32, n uint32, slept *int) error {
	ts := unix.NsecToTimespec(int64(rawPatience))
	for atomics.Load32(word) != n {
		_, _, e := unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWait, uintptr(n-1), uintptr(unsafe.Pointer(&ts)), 0, 0)
		switch e {
		case 0:
			*slept++
		case unix.EAGAIN, unix.EINTR:
		default:
			return e
		}
	}
	return nil
}
