//go:build linux && amd64

package killpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq/internal/testproc"
)

// spot is how a victim that was moved to the end of a system call comes to a point behind it: one step, then
// so many arrivals at the instruction at pc, from another one, then more steps. A victim that runs to
// a breakpoint there stops twice for each arrival, not for each instruction.
type spot struct {
	pc   uint64
	nth  int
	more int
}

// spots are those of the points of a pass, of which pcs are the addresses of the next instructions. They hold for
// other victims of the same program as long as its addresses are the same.
func spots(all []point, pcs []uint64) map[point]spot {
	found := make(map[point]spot, len(all))
	arrivals := map[uint64]int{}
	var last spot
	for i, p := range all[:len(pcs)] {
		switch {
		case p.asleep || p.steps == 0:
			continue
		case p.steps == 1:
			clear(arrivals)
			last = spot{pc: pcs[i]}
		case pcs[i] == last.pc: // an instruction that repeats itself
			last.more++
		default:
			arrivals[pcs[i]]++
			last = spot{pc: pcs[i], nth: arrivals[pcs[i]]}
		}
		found[p] = last
	}
	return found
}

// errMissed says that a victim took another way than the pass did: where a clock was read at another time, for example.
var errMissed = errors.New("the victim did not come by")

// The offsets of debug registers in the kernel's struct user.
const debugAddress, debugControl = 848, 848 + 7*8

func (v *tracee) poke(register uintptr, value uint64) error {
	if _, err := unix.PtracePokeUser(v.tid, register, binary.NativeEndian.AppendUint64(nil, value)); err != nil {
		return fmt.Errorf("set a debug register: %w", err)
	}
	return nil
}

// goTo brings a victim that is at the end of a system call to a spot. The breakpoint is one of the processor: no byte of
// the program is changed.
func (v *tracee) goTo(s spot) error {
	if err := v.step(); err != nil {
		return err
	}
	if s.nth > 0 {
		if err := v.poke(debugAddress, s.pc); err != nil {
			return err
		}
		const local, execute = 1 << 0, 0 << 16
		if err := v.poke(debugControl, local|execute); err != nil {
			return err
		}
	}
	for range s.nth {
		if err := unix.PtraceSyscall(v.tid, 0); err != nil {
			return fmt.Errorf("run to %#x: %w", s.pc, err)
		}
		if err := v.await(v.tid); err != nil {
			return err
		}
		var regs unix.PtraceRegs
		if err := unix.PtraceGetRegs(v.tid, &regs); err != nil {
			return err
		}
		if regs.Rip != s.pc {
			return errMissed // it enters a system call
		}
	}
	if s.nth > 0 {
		if err := v.poke(debugControl, 0); err != nil {
			return err
		}
	}
	for range s.more {
		if err := v.step(); err != nil {
			return err
		}
	}
	return nil
}

// fixAddresses has the programs that the calling thread starts at the same addresses each time.
func fixAddresses() error {
	const addrNoRandomize = 0x0040000
	was, _, errno := unix.RawSyscall(unix.SYS_PERSONALITY, 0xffffffff, 0, 0)
	if errno == 0 {
		_, _, errno = unix.RawSyscall(unix.SYS_PERSONALITY, was|addrNoRandomize, 0, 0)
	}
	if errno != 0 {
		return errno
	}
	return nil
}

// TestBreakpointsLeadWhereStepsDo compares where a victim is that ran to a spot with where one is that was stepped there.
func TestBreakpointsLeadWhereStepsDo(t *testing.T) {
	if testproc.Race {
		t.Skip("the victim is a program in C, the same with and without the race detector")
	}
	mayTrace(t)
	program, _ := victimInC(t)
	t.Parallel()
	s := find("many/many", "release") // which asks no clock, and has loops
	s.program = program
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := fixAddresses(); err != nil {
		t.Skip("addresses are random here: ", err)
	}
	page, path := newPage(t)
	cpus := processors(t)
	var c course
	require.NoError(t, withVictim(t, s, page, path, cpus, func(v *tracee, w *world) (err error) {
		c, err = pass(v, len(s.calls), 1, w.changed, math.MaxInt)
		return err
	}))
	points := 8
	if testproc.Long() {
		points = len(c.all)
	}
	for _, i := range rand.Perm(len(c.all))[:points] {
		at, has := c.spots[c.all[i]]
		if !has {
			continue
		}
		var there [2]unix.PtraceRegs
		for n, way := range []*spot{nil, &at} {
			require.NoError(t, withVictim(t, s, page, path, cpus, func(v *tracee, w *world) error {
				if err := reach(v, len(s.calls), c.all[i], way); err != nil {
					return err
				}
				return unix.PtraceGetRegs(v.tid, &there[n])
			}), "%v", c.all[i])
		}
		for n := range there { // of clocks and ids there may be others in the rest
			there[n] = unix.PtraceRegs{Rip: there[n].Rip, Rsp: there[n].Rsp, Rbp: there[n].Rbp, Rcx: there[n].Rcx, Rdi: there[n].Rdi, Rsi: there[n].Rsi}
		}
		require.Equal(t, there[0], there[1], "%v", c.all[i])
	}
}
