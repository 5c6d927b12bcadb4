package shmq

import (
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"unsafe"

	"github.com/shmq/shmq/internal/sys"
)

// An access to a mapping faults, with SIGBUS, where the file has become shorter than the
// mapping, or where the kernel finds no storage for a page. The runtime would end the
// process. There are two guards against that.
//
// The handler, on amd64 and arm64: internal/sys gives the mapping of a participant
// private zero pages when it faults, and sets a word. The call goes on, in a ring of
// zeros that is nobody's, looks at the word when it has done its work, and fails. That
// costs one load a call. Zeros are no danger: a ring may hold anything.
//
// The panic, elsewhere and for those who only look: with debug.SetPanicOnFault the
// runtime panics instead, on the goroutine that asked for it, with a value that tells the
// address; what follows makes that an error. That costs 6 to 8 ns a call.

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

// guard has faults in the mapping handled, or the calls guarded where that can't be.
func (a *Attachment) guard() {
	if word := sys.GuardFaults(a.mem); word != nil {
		a.handled, a.hit = true, word
	} else {
		a.guarded = true
	}
}

// cut is cut for the attachment's file, where it can be cut.
func (a *Attachment) cut() error {
	if !a.shrinkable {
		return nil
	}
	return cut(a.probe, len(a.mapping))
}

// Guarded reports whether the calls of this participant have to be guarded against
// faults: the file can be cut, AttachOptions.NoGuard was not given, and there is no
// handler for this machine.
func (a *Attachment) Guarded() bool { return a.guarded }

// Hit reports whether a fault was handled, so that what was read since may be zeros, and
// what was written is lost: a plain load.
func (a *Attachment) Hit() bool { return atomic.LoadUint32(a.hit) != 0 }

// Lost returns why the attachment can't be used after a fault that was handled.
func (a *Attachment) Lost() error { return a.lose(whyFaulted(a.probe, len(a.mapping))) }

// Guard runs f, which may touch the queue's memory: leases and reservations, which
// are used outside of the calls that guard themselves, or the Ring. A fault there makes
// it return ErrTruncated if the file was cut, else ErrNoSpace, and ends the use of the
// attachment: what f was doing is left half done. Otherwise it returns what f does.
// A system call that is given such memory does not fault, but fails with EFAULT.
// Faults in other memory, and other panics, go through.
func (a *Attachment) Guard(f func() error) (err error) {
	if a.handled {
		if err = f(); a.Hit() {
			err = a.Lost()
		}
		return err
	}
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
