//go:build linux && amd64

package killpoint

import "fmt"

// point is where to kill: so many instructions after the end of a system call, or of
// the marker if calls is 0; or asleep in the system call after that.
type point struct {
	calls  int
	steps  int
	asleep bool
}

func (p point) String() string {
	if p.asleep {
		return fmt.Sprintf("asleep in system call %d", p.calls+1)
	}
	return fmt.Sprintf("%d instructions after system call %d", p.steps, p.calls)
}

// class is a run of instructions between two changes of what a kill would leave.
type class struct{ first, last point }

// course is what one pass over an operation found.
type course struct {
	instructions int // or, if cut, those until the steps became larger
	cut          bool
	classes      []class
	all          []point // every instruction, in order
	spots        map[point]spot
}

// pass steps through the whole operation: to the return of its last call, or, where
// that waits for ever, to its sleep of number most. calls is how many there are; changed reports
// whether what a kill leaves has changed since it was asked last. After limit instructions it goes on from
// system call to system call.
func pass(v *tracee, calls, most int, changed func() bool, limit int) (c course, err error) {
	v.syscalls = map[uint64]bool{}
	c.classes = []class{{}}
	c.all = []point{{}}
	at, sleeps := point{}, 0
	var pcs []uint64
	fresh := func(p point) { c.classes = append(c.classes, class{p, p}) }
	for v.progress() < calls && sleeps < most {
		c.cut = v.steps >= limit
		kernel, run := true, v.enterSyscall
		if !c.cut {
			if kernel, err = v.atSyscall(); err != nil {
				return c, err
			}
			pcs = append(pcs, v.pc)
			run = v.let
		}
		if err := run(); err != nil {
			return c, err
		}
		if kernel {
			asleep, err := v.sleeps()
			if err != nil {
				return c, err
			}
			if asleep {
				sleeps++
				p := point{calls: at.calls, asleep: true}
				fresh(p)
				c.all = append(c.all, p)
				pcs = append(pcs, v.pc)
			}
			at = point{calls: at.calls + 1}
		} else {
			at.steps++
		}
		if sleeps == most {
			break
		}
		if err := v.await(v.tid); err != nil {
			return c, err
		}
		c.all = append(c.all, at)
		if changed() || kernel {
			fresh(at)
		} else {
			c.classes[len(c.classes)-1].last = at
		}
	}
	c.instructions = v.steps
	c.spots = spots(c.all, pcs)
	return c, nil
}

// reach brings a victim to a point, or as far as its operation goes: then it notes that it was over before. If s is
// not nil it is the way.
func reach(v *tracee, calls int, p point, s *spot) error {
	done := func() bool { return v.progress() == calls }
	v.over = false
	for i := 0; i < p.calls && !done(); i++ {
		if err := v.enterSyscall(); err != nil {
			return err
		}
		if err := v.await(v.tid); err != nil {
			return err
		}
	}
	if s != nil && !done() {
		return v.goTo(*s)
	}
	if done() {
		v.over = p.calls > 0 && p.steps > 0
		return nil
	}
	for i := 0; i < p.steps; i++ {
		if done() {
			v.over = true
			return nil
		}
		if err := v.step(); err != nil {
			return err
		}
	}
	if !p.asleep || done() {
		v.over = p.asleep
		return nil
	}
	if err := v.enterSyscall(); err != nil {
		return err
	}
	_, err := v.sleeps()
	return err
}

// reachOrSleep is reach for an operation whose sleep only another thread of the victim could
// end: it ends there.
func reachOrSleep(v *tracee, calls int, p point) error {
	v.syscalls = map[uint64]bool{}
	done := func() bool { return v.progress() == calls }
	// run makes a thread that was let stand still again, unless it sleeps.
	run := func(kernel bool) (asleep bool, err error) {
		if kernel {
			if asleep, err = v.sleeps(); asleep || err != nil {
				return asleep, err
			}
		}
		return false, v.await(v.tid)
	}
	for i := 0; i < p.calls && !done(); i++ {
		if err := v.enterSyscall(); err != nil {
			return err
		}
		if asleep, err := run(true); asleep || err != nil {
			return err
		}
	}
	for i := 0; i < p.steps && !done(); i++ {
		kernel, err := v.atSyscall()
		if err == nil {
			err = v.let()
		}
		if err != nil {
			return err
		}
		if asleep, err := run(kernel); asleep || err != nil {
			return err
		}
	}
	if !p.asleep || done() {
		return nil
	}
	if err := v.enterSyscall(); err != nil {
		return err
	}
	_, err := v.sleeps()
	return err
}
