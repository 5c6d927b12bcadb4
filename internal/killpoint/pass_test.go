//go:build linux && amd64

package killpoint

import "fmt"

// point is where to kill: after so many instructions, or asleep in the next one.
type point struct {
	steps  int
	asleep bool
}

func (p point) String() string {
	if p.asleep {
		return fmt.Sprintf("asleep after %d instructions", p.steps)
	}
	return fmt.Sprintf("after %d instructions", p.steps)
}

// class is a run of instructions between two changes of what a kill would leave.
type class struct{ first, last point }

// course is what one pass over an operation found.
type course struct {
	instructions int
	classes      []class
	sleeps       int
}

// pass steps through the whole operation: to the return of its last call, or, where
// that waits for ever, to its second sleep.
func pass(v *tracee, w *world) (c course, err error) {
	v.syscalls = map[uint64]bool{}
	c.classes = []class{{}}
	fresh := func(p point) { c.classes = append(c.classes, class{p, p}) }
	for v.progress() < len(w.s.calls) {
		kernel, err := v.entersKernel()
		if err != nil {
			return c, err
		}
		if err := v.let(); err != nil {
			return c, err
		}
		if kernel {
			asleep, err := v.sleeps()
			if err != nil {
				return c, err
			}
			if asleep {
				fresh(point{v.steps - 1, true})
				if c.sleeps++; c.sleeps == 2 {
					break
				}
			}
		}
		if err := v.await(v.tid); err != nil {
			return c, err
		}
		here := point{steps: v.steps}
		if w.changed() || kernel {
			fresh(here)
		} else {
			c.classes[len(c.classes)-1].last = here
		}
	}
	c.instructions = v.steps
	return c, nil
}

// reach steps a victim to a point, or as far as its operation goes.
func reach(v *tracee, s *scenario, p point) error {
	for v.steps < p.steps && v.progress() < len(s.calls) {
		if err := v.step(); err != nil {
			return err
		}
	}
	if !p.asleep || v.progress() == len(s.calls) {
		return nil
	}
	if err := v.let(); err != nil {
		return err
	}
	_, err := v.sleeps()
	return err
}
