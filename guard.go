package shmq

import (
	"fmt"
	"runtime/debug"
	"unsafe"

	"github.com/shmq/shmq/internal/sys"
)

// An access to a mapping faults, with SIGBUS, where the file has become shorter than the
// mapping, or where the kernel finds no storage for a page. The runtime would end the
// process. With debug.SetPanicOnFault it panics instead, on the goroutine that asked
// for it, with a value that tells the address; what follows makes that an error.
//
// Most of the cost, 5 to 6 ns a call, is that of setting and restoring. A deferred
// function that calls recover only when it has to is the rest, a closure around the
// work would be 2 ns more. So the calls for single records have all this written out,
// and the others use touch.

// touch runs f, and makes a fault in mem, a mapping of file, an error. Faults
// elsewhere and other panics go through.
func touch(file *sys.File, mem []byte, f func() error) (err error) {
	was, done := debug.SetPanicOnFault(true), false
	defer func() {
		if !done {
			debug.SetPanicOnFault(was)
			err = faulted(recover(), file, mem)
		}
	}()
	err = f()
	done = true
	debug.SetPanicOnFault(was)
	return err
}

// faulted returns the error for a recovered panic, which is nil if the goroutine just
// ends. It panics again if that was no fault in mem.
func faulted(panicked any, file *sys.File, mem []byte) error {
	if panicked == nil {
		return nil
	}
	fault, ok := panicked.(interface{ Addr() uintptr })
	if !ok || fault.Addr()-uintptr(unsafe.Pointer(unsafe.SliceData(mem))) >= uintptr(len(mem)) {
		panic(panicked)
	}
	return whyFaulted(file, len(mem))
}

// whyFaulted tells a file that was cut from a page that could not be had. Memory that
// has failed in the hardware is taken for the latter.
func whyFaulted(file *sys.File, mapped int) error {
	if err := cut(file, mapped); err != nil {
		return err
	}
	return fmt.Errorf("%w for a page of the queue; make room where it lives, or raise the limit on memory, then attach again", ErrNoSpace)
}

// cut returns ErrTruncated if the file is shorter than its mapping: who reads only what
// is left of it does not fault.
func cut(file *sys.File, mapped int) error {
	if size, _, _, _, err := file.Stat(); err == nil && size < int64(mapped) {
		return remedy(ErrTruncated)
	}
	return nil
}

// cut is cut for the attachment's file, where it can be cut.
func (a *Attachment) cut() error {
	if !a.shrinkable {
		return nil
	}
	return cut(a.probe, len(a.mapping))
}

// Guarded reports whether the calls of this participant have to be guarded against
// faults: the file can be cut, and AttachOptions.NoGuard was not given.
func (a *Attachment) Guarded() bool { return a.guarded }

// Guard runs f, which may touch the queue's memory: leases and reservations, which
// are used outside of the calls that guard themselves, or the Ring. A fault there makes
// it return ErrTruncated if the file was cut, else ErrNoSpace, and ends the use of the
// attachment: what f was doing is left half done. Otherwise it returns what f does.
// A system call that is given such memory does not fault, but fails with EFAULT.
// Faults in other memory, and other panics, go through.
func (a *Attachment) Guard(f func() error) (err error) {
	was, done := debug.SetPanicOnFault(true), false
	defer func() {
		if !done {
			err = a.Caught(recover(), was)
		}
	}()
	err = f()
	done = true
	debug.SetPanicOnFault(was)
	return err
}

// Caught is for deferred functions of package producer and consumer. It restores the
// goroutine's setting and returns the error for a recovered panic, as Guard does.
func (a *Attachment) Caught(panicked any, was bool) error {
	debug.SetPanicOnFault(was)
	err := faulted(panicked, a.probe, a.mapping)
	if err != nil {
		err = a.lose(err)
	}
	return err
}

// Faulted makes the error of a system call that was given the queue's memory, and
// found it missing, what Guard would return. Other errors it returns as they are.
func (a *Attachment) Faulted(err error) error {
	if err != nil && sys.IsFault(err) {
		err = a.lose(whyFaulted(a.probe, len(a.mapping)))
	}
	return err
}

// lose ends the use of the attachment, and returns why it ended, which may be an
// earlier reason.
func (a *Attachment) lose(err error) error {
	a.lost.CompareAndSwap(nil, &err)
	a.due.Store(true)
	return *a.lost.Load()
}
