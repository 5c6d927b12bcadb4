//go:build linux && amd64

package killpoint

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

// play is an operation of something that is made of queues or of parts of them, and what
// surrounds it.
type play struct {
	mode  string // tells the victim which kind it is
	name  string
	calls int
	set   func(t *testing.T) stage
}

// stage is the surroundings of one victim. They are in the tracer's process.
type stage interface {
	address() string // for the victim
	ready()          // the victim waits for the word to begin
	changed() bool   // what a kill leaves, since it was asked last
	state() state
	contract(returned int) error // when the victim is dead
	close()
}

// programmed is a stage whose victim another program plays.
type programmed interface{ program() string }

// programOf returns the program that plays the victim, "" for the test binary.
func programOf(w stage) string {
	if p, ok := w.(programmed); ok {
		return p.program()
	}
	return ""
}

// explore kills a victim of its own at each chosen point.
func (p play) explore(t *testing.T, cpus chan int, choose choice) row {
	runtime.LockOSThread() // the thread that starts a victim traces it
	defer runtime.UnlockOSThread()
	page, path := newPage(t)
	r := row{
		scenario: &scenario{name: p.name, mode: shmq.Options{Producers: shmq.One, Consumers: shmq.One}},
		states:   map[state]bool{},
	}
	require.NoError(t, p.withVictim(t, page, path, cpus, func(v *tracee, w stage) (err error) {
		r.course, err = pass(v, p.calls, 1, w.changed, choose.limit())
		return err
	}), "the pass")
	for _, at := range choose.points(r.course) {
		r.points++
		returned := 0
		err := p.withVictim(t, page, path, cpus, func(v *tracee, w stage) error {
			err := reachOrSleep(v, p.calls, at)
			returned = v.progress()
			r.states[w.state()] = true
			return err
		})
		if err != nil {
			r.failures++
			t.Errorf("killed %v, when %d calls had returned: %v", at, returned, err)
			if r.failures == 5 {
				t.Log("no more of this one")
				break
			}
		}
	}
	return r
}

// withVictim is that of queues, on a stage.
func (p play) withVictim(t *testing.T, page *page, path string, cpus chan int, do func(v *tracee, w stage) error) error {
	w := p.set(t)
	defer w.close()
	v, err := startVictim(page, path, programOf(w), w.address()+"|"+p.mode+"|"+p.name, nil)
	if err != nil {
		return err
	}
	defer v.kill()
	w.ready()
	if err := pinned(cpus, func(cpu int) error {
		if err := v.seize(cpu); err != nil {
			return err
		}
		if err := v.begin(); err != nil {
			return err
		}
		return do(v, w)
	}); err != nil {
		return fmt.Errorf("tracing: %w", err)
	}
	returned := v.progress()
	v.kill()
	return w.contract(returned)
}
