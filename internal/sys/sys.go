// Package sys is the only place that talks to the kernel: files and their locks,
// mappings, futexes, memory barriers, processes. On systems other than Linux each
// function returns ErrUnsupported.
package sys

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
)

// NoFaultHandler makes GuardFaults return nil from now on. It is set where SHMQ_FAULTS is
// "panic", for programs that handle SIGBUS themselves and for tests.
var NoFaultHandler atomic.Bool

func init() { NoFaultHandler.Store(os.Getenv("SHMQ_FAULTS") == "panic") }

// ErrUnsupported is what every call returns where the kernel is not Linux.
var ErrUnsupported = fmt.Errorf("shmq needs Linux (futexes and open file description locks), this is %s: %w", runtime.GOOS, errors.ErrUnsupported)

// ErrRefused: the kernel, a limit or a sandbox refuses what a queue needs.
var ErrRefused = errors.New("refused by the system")
