//go:build linux

package storm

import (
	"bytes"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// journal is what a participant did, in a file that it maps: what a process stored
// there is there after its SIGKILL. Only the participant writes it, what it is about
// to do before the call and what came of it afterwards.
type journal struct {
	attached atomic.Int64 // when, by now()
	leaving  atomic.Int64 // when it began to close; another may have what it held from then on
	left     atomic.Bool  // closed, and about to end
	since    atomic.Int64 // when the call under way began, or 0
	waits    [maxWaits]span
	standing atomic.Int64 // since when it is stopped, or 0, if it stopped itself; cleared by the parent
	gone     atomic.Int64 // when it killed itself

	// A producer numbers its records from 0 on: those below sent were sent, those
	// below tried were or were not. Records too short for a number are counted by size.
	sent, tried           atomic.Uint64
	shortSent, shortTried [shortSizes]atomic.Uint64
	aborted               atomic.Uint64
	marks                 atomic.Uint64
	mark                  [maxMarks]mark

	// A consumer notes each record it was handed. It has nothing open that is older
	// than the first final of them.
	takes     atomic.Uint64
	final     atomic.Uint64
	take      [maxTakes]take
	receiving atomic.Bool // what is in buffer was received, or was not
	buffer    [maxRecord]byte

	// A subscriber notes where it began, each jump, and what it had when it left.
	start atomic.Uint64 // the position plus 1, or 0
	laps  atomic.Uint64
	lap   [maxLaps]lap
	end   ending

	failed  atomic.Bool
	failure [1024]byte
}

const (
	maxWaits  = 64
	maxTakes  = 1 << 18
	maxLaps   = 1 << 16
	maxMarks  = 1 << 14
	maxRecord = 1 << 15
)

// take is a record in a consumer's hands.
type take struct {
	id   uint64 // from newID or shortID
	from int64  // when the call began
	at   int64  // when it returned
	flag flag
	fate atomic.Uint32 // stored last; 0 means that the rest is not there yet
}

// taken is the take for an account.
func (t *take) taken(life int, final bool) taken {
	return taken{ID: t.id, From: t.from, At: t.at, Life: life, Flag: t.flag, Fate: t.fate.Load(), Final: final}
}

// mark is when a producer was about to send the record of that number.
type mark struct {
	at  int64
	seq uint64
}

// lap is a jump of a subscriber, after so many takes.
type lap struct{ after, from, to, lost uint64 }

// ending is what a subscriber knew when it left, with nothing open.
type ending struct {
	position, lost uint64
	known          atomic.Bool // stored last
}

// now is CLOCK_MONOTONIC, the same for all processes, in nanoseconds.
func now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err)
	}
	return ts.Nano()
}

// openJournal maps the journal in that file, which it makes.
func openJournal(path string) (*journal, error) { return mapShared[journal](path) }

// mapShared maps a T in that file, which it makes.
func mapShared[T any](path string) (*T, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size := int(unsafe.Sizeof(*new(T)))
	if err := f.Truncate(int64(size)); err != nil {
		return nil, err
	}
	b, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return (*T)(unsafe.Pointer(unsafe.SliceData(b))), nil
}

func (j *journal) close() error {
	return unix.MunmapPtr(unsafe.Pointer(j), unsafe.Sizeof(*j))
}

func (j *journal) fail(format string, args ...any) {
	j.note(format, args...)
	j.failed.Store(true)
}

// note is for those who ask why this process does not go on.
func (j *journal) note(format string, args ...any) {
	copy(j.failure[:], append(fmt.Appendf(nil, format, args...), 0))
	j.failure[len(j.failure)-1] = 0
}

func (j *journal) said() string {
	text, _, _ := bytes.Cut(j.failure[:], []byte{0})
	return string(text)
}

// longWait is what is worth a note.
const longWait = 5e6

// call does what may wait.
func (j *journal) call(f func()) {
	began := now()
	j.since.Store(began)
	f()
	j.since.Store(0)
	w := between(began, now())
	if w.Length() < longWait {
		return
	}
	shortest := &j.waits[0]
	for i := range j.waits {
		if j.waits[i].Length() < shortest.Length() {
			shortest = &j.waits[i]
		}
	}
	*shortest = w
}

// about notes what comes next, now and then.
func (j *journal) about() {
	if n, at := j.marks.Load(), now(); n < maxMarks && (n == 0 || at-j.mark[n-1].at > 100_000) {
		j.mark[n] = mark{at, j.sent.Load()}
		j.marks.Store(n + 1)
	}
}

// trying notes that records are being sent; settle notes how many of them were.
func (j *journal) trying(rs []record) {
	for _, r := range rs {
		if r.short() {
			j.shortTried[len(r.data)].Add(1)
		} else {
			j.tried.Add(1)
		}
	}
}

func (j *journal) settle(rs []record, sent int) {
	for _, r := range rs[:sent] {
		if r.short() {
			j.shortSent[len(r.data)].Add(1)
		} else {
			j.sent.Add(1)
		}
	}
	for i := range j.shortTried { // the others were not sent: they will be other records
		j.shortTried[i].Store(j.shortSent[i].Load())
	}
	j.tried.Store(j.sent.Load())
}

// took notes a take and returns it.
func (j *journal) took(id uint64, from int64, f flag, fate uint32) *take {
	n := j.takes.Load()
	t := &j.take[n]
	t.id, t.from, t.at, t.flag = id, from, now(), f
	t.fate.Store(fate)
	j.takes.Store(n + 1)
	return t
}

// full says that it is time to leave.
func (j *journal) full() bool { return j.takes.Load() > maxTakes-1000 || j.laps.Load() == maxLaps }
