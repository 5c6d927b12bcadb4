package mapped

import (
	"fmt"
	"runtime/debug"
	"unsafe"

	"github.com/shmq/shmq/internal/fail"
)

// An access to a mapping faults, with SIGBUS, where the file has become shorter than the
// mapping, or where the kernel finds no storage for a page. The runtime would end the
// process. There are two guards against that.
//
// The panic, here: with debug.SetPanicOnFault the runtime panics instead, on the goroutine
// that asked for it, with a value that tells the address; Touch makes that an error. That
// costs 6 to 8 ns a call.
//
// The handler, for participants on amd64 and arm64, which costs a load a call: see package
// attach.

// Touch runs f, which accesses the mapping, and makes a fault there an error: ErrTruncated
// if the file was cut, else ErrNoSpace. The work of f is left half done. Otherwise Touch
// returns what f does; ErrClosed after Close. Faults in other memory, and other panics, go
// through.
func (q *Queue) Touch(f func() error) error {
	if q.closed {
		return fail.ErrClosed
	}
	return q.TouchOr(f, nil)
}

// TouchOr is Touch, and calls lost, if it is not nil, before it returns the error of a
// fault; what that returns is returned instead.
func (q *Queue) TouchOr(f func() error, lost func(error) error) (err error) {
	was, done := debug.SetPanicOnFault(true), false
	defer func() {
		if done {
			return
		}
		debug.SetPanicOnFault(was)
		if err = q.fault(recover()); err != nil && lost != nil {
			err = lost(err)
		}
	}()
	err = f()
	done = true
	debug.SetPanicOnFault(was)
	return err
}

// fault returns the error for a recovered panic, which is nil if the goroutine just ends.
// It panics again if that was no fault in the mapping.
func (q *Queue) fault(panicked any) error {
	if panicked == nil {
		return nil
	}
	f, ok := panicked.(interface{ Addr() uintptr })
	if !ok || f.Addr()-uintptr(unsafe.Pointer(unsafe.SliceData(q.Mem))) >= uintptr(len(q.Mem)) {
		panic(panicked)
	}
	return q.WhyFaulted()
}

// WhyFaulted tells a file that was cut from a page that could not be had. Memory that has
// failed in the hardware is taken for the latter.
func (q *Queue) WhyFaulted() error {
	if err := q.Cut(); err != nil {
		return err
	}
	return fmt.Errorf("%w for a page of the queue; make room where it lives, or raise the limit on memory, then attach again", fail.ErrNoSpace)
}

// Cut returns ErrTruncated if the file is shorter than its mapping: an access to what is
// left of it does not fault.
func (q *Queue) Cut() error {
	if size, _, _, err := q.Stat(); err == nil && size < int64(len(q.Mem)) {
		return fail.Remedy(fail.ErrTruncated)
	}
	return nil
}
