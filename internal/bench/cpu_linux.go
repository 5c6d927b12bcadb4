package bench

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// allowed are the cores that this process may use, from its start on: with none, as
// where the kernel does not tell, nothing is pinned.
var allowed = func() (cores []int) {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return nil
	}
	for cpu := range 8 * int(unsafe.Sizeof(set)) {
		if set.IsSet(cpu) {
			cores = append(cores, cpu)
		}
	}
	return cores
}()

// coreOf returns the core of an end of the case: the n-th producer and the n-th
// consumer are neighbours, not housemates, while there are two cores.
func coreOf(c Case, end int) int {
	if len(allowed) == 0 {
		return -1
	}
	n := end
	if end >= c.Producers {
		n = end - c.Producers + 1
	}
	if c.OneCore {
		n = 0
	}
	return allowed[n%len(allowed)]
}

// pin ties the caller's goroutine to its thread, and that to a core. The threads that
// the runtime starts later are not its children and stay free.
func pin(core int) {
	runtime.LockOSThread()
	if core >= 0 {
		setAffinity([]int{core})
	}
}

// unpin gives the caller's thread all cores again.
func unpin() { setAffinity(allowed) }

func setAffinity(cores []int) {
	var set unix.CPUSet
	for _, cpu := range cores {
		set.Set(cpu)
	}
	if len(cores) > 0 {
		_ = unix.SchedSetaffinity(0, &set) // refused: it is only less exact
	}
}

// nanosleep sleeps to some ten microseconds. Go's own timers can be a millisecond late.
func nanosleep(ns int64) {
	ts := unix.NsecToTimespec(ns)
	_ = unix.Nanosleep(&ts, nil) // interrupted: the caller looks at the clock
}

// kernelClock is CLOCK_MONOTONIC by a system call.
func kernelClock() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // can't fail
	return ts.Nano()
}
