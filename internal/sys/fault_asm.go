//go:build linux && (amd64 || arm64)

package sys

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The kernel raises SIGBUS at an access to a page of a mapping that the file does not
// have any more. The handler here, in fault_GOARCH.s, gives the faulting mapping private
// zero pages, notes it, and lets the access be repeated. It runs on the runtime's signal
// stack, calls nothing but mmap(2), and touches nothing but the table below. Faults
// elsewhere, and signals that a process sent, go to the handler that was there before, the
// runtime's. The runtime sets that one at start-up and never again: os/signal leaves
// SIGBUS alone.
//
// The technique is that of display servers, whose clients may cut a shared buffer at any
// time (wlroots, GTK).

// faultGuard is an entry of the table. The handler reads base and size, and writes hit.
type faultGuard struct {
	base uintptr // 0: the entry means nothing; written last, and first when it ends
	size uintptr
	hit  uint32 // 1: the pages were replaced
	_    [12]byte
}

// faultGuards is scanned from its start to the end, by the assembly too: 32 bytes each.
var faultGuards [1024]faultGuard

// faultBefore is the handler that was there before, 0 unless ours is installed.
var faultBefore uintptr

var (
	faultLock  sync.Mutex // of the table's writers, and of installing
	faultTried bool
)

// faultHandler is the signal handler, never called from Go. faultHandlerPC returns where
// it is.
func faultHandler()
func faultHandlerPC() uintptr

var _ = faultHandler // the assembly alone uses it

// kernelAction is struct sigaction as the kernel has it on these machines.
type kernelAction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

// installFaultHandler puts the handler in front of the runtime's, once.
func installFaultHandler() bool {
	if !faultTried {
		faultTried = true
		var a kernelAction
		if sigaction(nil, &a) == nil && a.handler > 1 && a.flags&saSiginfo != 0 && a.flags&saOnstack != 0 {
			faultBefore = a.handler
			a.handler = faultHandlerPC()
			if sigaction(&a, nil) != nil {
				faultBefore = 0
			}
		}
	}
	return faultBefore != 0
}

// FaultHandlerReplaced reports whether another handler has taken the place of the one that
// GuardFaults installed. It can't be put in front again: the newcomer may hand faults on to
// the handler that it found, which is this one, and an access that faults for another reason
// would go round between the two for ever.
func FaultHandlerReplaced() bool {
	if faultReplaced.Load() {
		return true
	}
	var a kernelAction
	if sigaction(nil, &a) != nil || a.handler == faultHandlerPC() {
		return false
	}
	faultReplaced.Store(true)
	return true
}

var faultReplaced atomic.Bool

const saSiginfo, saOnstack = 0x4, 0x08000000

func sigaction(set, old *kernelAction) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGBUS), uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// GuardFaults makes a fault in mem, a whole mapping, replace it by private zero pages
// instead of ending the process. The word it returns is 0 until that happened. It returns
// nil where faults can't be handled so, must not be, or in too many mappings already.
func GuardFaults(mem []byte) *uint32 {
	faultLock.Lock()
	defer faultLock.Unlock()
	if NoFaultHandler.Load() || !installFaultHandler() {
		return nil
	}
	for i := range faultGuards {
		if g := &faultGuards[i]; g.base == 0 {
			g.size = uintptr(cap(mem))
			atomic.StoreUint32(&g.hit, 0)
			atomic.StoreUintptr(&g.base, uintptr(unsafe.Pointer(unsafe.SliceData(mem))))
			return &g.hit
		}
	}
	return nil
}

// UnguardFaults ends what GuardFaults began, before the mapping ends.
func UnguardFaults(mem []byte) {
	faultLock.Lock()
	defer faultLock.Unlock()
	for i := range faultGuards {
		if g := &faultGuards[i]; g.base == uintptr(unsafe.Pointer(unsafe.SliceData(mem))) {
			atomic.StoreUintptr(&g.base, 0)
			return // a mapping has one guard
		}
	}
}
