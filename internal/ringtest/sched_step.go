//go:build shmqstep

package ringtest

import (
	"fmt"
	"iter"
	"runtime/debug"
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// Task is a participant that stops before each of its accesses to shared memory.
type Task struct {
	Name string
	// Addr and Op are the access that it would do next; Addr is nil before a
	// plain one, marked with Yield.
	Addr unsafe.Pointer
	Op   atomics.Op
	// Failure is what the participant panicked with.
	Failure error
	Done    bool

	next func() (struct{}, bool)
	stop func()
	pass func(struct{}) bool
}

type killed struct{}

// current is the task that runs; there is one at a time in the whole process, so
// tests that use tasks must not be parallel.
var current *Task

// Start makes a task of f and runs it up to its first access.
func Start(name string, f func()) *Task {
	t := &Task{Name: name}
	t.next, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.pass = yield
		defer func() {
			switch e := recover().(type) {
			case nil, killed:
			default:
				t.Failure = fmt.Errorf("%s: panic: %v\n%s", name, e, debug.Stack())
			}
		}()
		f()
	})
	atomics.SetHook(hook)
	t.Step()
	return t
}

// Step lets the task do its next access and run to the one after that.
func (t *Task) Step() {
	current = t
	_, more := t.next()
	current = nil
	t.Done = !more
}

// Kill ends the task for good where it stands: its next access never happens.
func (t *Task) Kill() {
	t.stop()
	t.Done = true
}

// Yield marks a plain access to shared memory.
func Yield() { pause(nil, atomics.OpLoad) }

func hook(addr unsafe.Pointer, op atomics.Op) { pause(addr, op) }

func pause(addr unsafe.Pointer, op atomics.Op) {
	t := current
	if t == nil {
		return // the test itself looks at the ring
	}
	t.Addr, t.Op = addr, op
	if !t.pass(struct{}{}) {
		panic(killed{})
	}
}

// StepUntil lets the task go on up to an access of kind op to addr, which it does
// not do yet. It reports false when the task ends before.
func (t *Task) StepUntil(op atomics.Op, addr unsafe.Pointer) bool {
	for !t.Done && (t.Addr != addr || t.Op != op) {
		t.Step()
	}
	return !t.Done
}

// Finish lets the task go on to its end.
func (t *Task) Finish() {
	for !t.Done {
		t.Step()
	}
}

// HotAddr is the address of the hot word at off, to stop at.
func (m *Region) HotAddr(off uint64) unsafe.Pointer {
	return unsafe.Pointer(m.at(layout.HotOffset + off))
}

// WordAddr is the address of the word in position p's slot.
func (m *Region) WordAddr(p uint64) unsafe.Pointer { return unsafe.Pointer(m.slot(p)) }
