//go:build linux && amd64

package killpoint

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tracee is a victim in the hands of the thread that started it.
type tracee struct {
	page    *page
	pid     int
	tid     int // the thread that does the operation
	threads []int
	steps   int // instructions since the marker that were stepped
	gone    bool
	over    bool // the operation was over before the point that reach was to bring it to
	dog     *time.Timer

	pc       uint64          // of the instruction that atSyscall looked at
	syscalls map[uint64]bool // which instructions enter the kernel, by address
}

// patience bounds what a victim may take for one run; it decides nothing but how late
// a failure is reported.
const patience = 60 * time.Second

var errEnded = errors.New("the victim ended by itself")

// startVictim runs a program as a victim, the test binary if it is "", and waits until it is
// ready. as tells what it is to do, and where.
//
// Preconditions: the caller's goroutine is locked to its thread, which alone can trace.
func startVictim(p *page, pagePath string, program, as string, inherits *os.File) (*tracee, error) {
	p.reset()
	exe := program
	if exe == "" {
		own, err := os.Executable()
		if err != nil {
			return nil, err
		}
		exe = own
	}
	env := append(os.Environ(),
		"GOMAXPROCS=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1",
		victimEnv+"="+pagePath+"|"+as)
	files := []uintptr{0, 1, 2}
	if inherits != nil {
		files = append(files, inherits.Fd())
	}
	pid, err := syscall.ForkExec(exe, []string{exe}, &syscall.ProcAttr{
		Env:   env,
		Files: files,
		Sys:   &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return nil, err
	}
	v := &tracee{page: p, pid: pid}
	v.dog = time.AfterFunc(patience, func() { _ = unix.Kill(pid, unix.SIGKILL) })
	for p.ready.Load() == 0 {
		if got, _ := unix.Wait4(pid, nil, unix.WNOHANG, nil); got == pid {
			v.gone = true
			v.dog.Stop()
			return nil, errEnded
		}
		_ = unix.Nanosleep(&unix.Timespec{Nsec: 200e3}, nil)
	}
	v.tid = int(p.ready.Load())
	return v, nil
}

// seize stops all threads of the victim, and moves the one that does the operation to
// the tracer's processor: a switch there and back costs less than two wake-ups across.
func (v *tracee) seize(cpu int) error {
	// A thread that was asked by another one to stand back would wait for it for
	// ever, so that one is stopped last, and when it goes on without the others.
	for {
		if err := v.stopOthers(); err != nil {
			return err
		}
		if v.goesOn() {
			break
		}
		for _, tid := range v.threads {
			if err := unix.PtraceDetach(tid); err != nil {
				return fmt.Errorf("let thread %d go: %w", tid, err)
			}
		}
		v.threads = nil
	}
	if err := v.stop(v.tid); err != nil {
		return err
	}
	v.threads = append(v.threads, v.tid)
	var set unix.CPUSet
	set.Set(cpu)
	return unix.SchedSetaffinity(v.tid, &set)
}

func (v *tracee) stopOthers() error {
	seen := map[int]bool{v.tid: true}
	for again := true; again; {
		again = false
		dir, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", v.pid))
		if err != nil {
			return err
		}
		for _, e := range dir {
			tid, err := strconv.Atoi(e.Name())
			if err != nil || seen[tid] {
				continue
			}
			seen[tid], again = true, true
			if err := v.stop(tid); err != nil {
				return err
			}
			v.threads = append(v.threads, tid)
		}
	}
	return nil
}

// goesOn reports whether the operation's thread waits for start, and for nothing else.
func (v *tracee) goesOn() bool {
	before, end := v.page.beats.Load(), time.Now().Add(20*time.Millisecond)
	for v.page.beats.Load()-before < 3 {
		if time.Now().After(end) {
			return false
		}
		_ = unix.Nanosleep(&unix.Timespec{Nsec: 20e3}, nil)
	}
	return true
}

func (v *tracee) stop(tid int) error {
	if err := unix.PtraceSeize(tid); err != nil {
		return fmt.Errorf("seize thread %d: %w", tid, err)
	}
	if err := unix.PtraceInterrupt(tid); err != nil {
		return fmt.Errorf("interrupt thread %d: %w", tid, err)
	}
	if err := v.await(tid); err != nil {
		return err
	}
	return unix.PtraceSetOptions(tid, unix.PTRACE_O_EXITKILL|unix.PTRACE_O_TRACEEXIT)
}

// await waits until a thread stands still, and fails when that is because it exits: its end
// itself might never be reported, while other threads stand still.
func (v *tracee) await(tid int) error {
	for {
		var st unix.WaitStatus
		got, err := unix.Wait4(tid, &st, unix.WALL, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return fmt.Errorf("wait for thread %d: %w", tid, err)
		case got == tid && st.Stopped() && st.TrapCause() != unix.PTRACE_EVENT_EXIT:
			return nil
		default:
			return errEnded
		}
	}
}

// begin lets the victim start and steps to the marker.
func (v *tracee) begin() error {
	v.page.start.Store(1)
	for v.page.progress.Load() == 0 {
		if err := v.step(); err != nil {
			return err
		}
	}
	v.steps = 0
	return nil
}

// step executes one instruction of the operation's thread, a system call as a whole.
func (v *tracee) step() error {
	if err := v.let(); err != nil {
		return err
	}
	return v.await(v.tid)
}

// let starts one instruction; await waits for its end.
func (v *tracee) let() error {
	if err := unix.PtraceSingleStep(v.tid); err != nil {
		return fmt.Errorf("step: %w", err)
	}
	v.steps++
	return nil
}

// sleeps waits until the thread, which was let, sleeps in the kernel, or has come to
// the end of its instruction.
func (v *tracee) sleeps() (bool, error) {
	asleep := 0
	for pause := (unix.Timespec{Nsec: 20e3}); asleep < 5; _ = unix.Nanosleep(&pause, nil) {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, v.tid, &info, unix.WALL|unix.WSTOPPED|unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if err != nil && err != unix.EINTR {
			return false, fmt.Errorf("look at thread %d: %w", v.tid, err)
		}
		if info.Signo != 0 {
			return false, nil
		}
		if v.sleeping() {
			asleep++
		}
	}
	return true, nil
}

func (v *tracee) sleeping() bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/stat", v.pid, v.tid))
	if err != nil {
		return false
	}
	i := bytes.LastIndexByte(b, ')')
	return i > 0 && i+2 < len(b) && b[i+2] == 'S'
}

// atSyscall reports whether the next instruction is a system call.
func (v *tracee) atSyscall() (bool, error) {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(v.tid, &regs); err != nil {
		return false, err
	}
	v.pc = regs.Rip
	is, known := v.syscalls[regs.Rip]
	if !known {
		var code [2]byte
		if _, err := unix.PtracePeekText(v.tid, uintptr(regs.Rip), code[:]); err != nil {
			return false, err
		}
		is = code == [2]byte{0x0f, 0x05}
		v.syscalls[regs.Rip] = is
	}
	return is, nil
}

// enterSyscall runs to the next system call and lets the thread execute it; await waits
// for its end.
func (v *tracee) enterSyscall() error {
	if err := unix.PtraceSyscall(v.tid, 0); err != nil {
		return fmt.Errorf("run to a system call: %w", err)
	}
	if err := v.await(v.tid); err != nil {
		return err
	}
	if err := unix.PtraceSyscall(v.tid, 0); err != nil {
		return fmt.Errorf("run into a system call: %w", err)
	}
	return nil
}

// kill kills the victim where it is, and waits until nothing of it is left.
func (v *tracee) kill() {
	if v.gone {
		return
	}
	v.gone = true
	v.dog.Stop()
	_ = unix.Kill(v.pid, unix.SIGKILL)
	for _, tid := range v.threads {
		_ = unix.PtraceCont(tid, 0) // one that stands still in its exit does not heed SIGKILL
	}
	others := slices.DeleteFunc(slices.Clone(v.threads), func(tid int) bool { return tid == v.pid })
	for _, tid := range append(others, v.pid) { // the leader is reported last
		for {
			var st unix.WaitStatus
			_, err := unix.Wait4(tid, &st, unix.WALL, nil)
			if err == nil && st.Stopped() {
				_ = unix.PtraceCont(tid, 0) // it exits
			} else if err != unix.EINTR {
				break
			}
		}
	}
}

// progress is how many calls of the operation returned.
func (v *tracee) progress() int { return int(v.page.progress.Load()) - 1 }
