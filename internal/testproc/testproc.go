//go:build linux

// Package testproc is test support: it runs the test binary again as a child
// process, so that tests have real processes to kill, stop and starve, and checks
// that a package's tests leave nothing behind.
package testproc

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const roleEnv = "SHMQ_TEST_ROLE"

// Role is what a child process does; the arguments are those of Start. The process
// ends when it returns, or when its parent is gone.
type Role func(c *Child)

// Main is for TestMain: in a child it plays the role that Start named, otherwise it
// runs the tests with SHMQ_DIR set to a directory of their own in shared memory.
// Tests that leave a queue, a descriptor or a goroutine behind fail the package.
func Main(m *testing.M, roles map[string]Role) {
	if name := os.Getenv(roleEnv); name != "" {
		play(name, roles[name])
		os.Exit(0)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, done, err := ownDir()
	if err != nil {
		fmt.Fprintln(os.Stderr, "testproc:", err)
		return 1
	}
	defer done()
	os.Setenv("SHMQ_DIR", dir)
	fds, goroutines := len(descriptors()), runtime.NumGoroutine()
	if code := m.Run(); code != 0 || fuzzing() {
		return code
	}
	return leaks(dir, fds, goroutines)
}

// fuzzing reports whether this run fuzzes: then package testing itself leaves goroutines
// that wait for signals.
func fuzzing() bool {
	f := flag.Lookup("test.fuzz")
	return f != nil && f.Value.String() != ""
}

// leaks gives what is on its way out a few seconds to go.
func leaks(dir string, fds, goroutines int) int {
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		left, _ := os.ReadDir(dir)
		open, running := descriptors(), runtime.NumGoroutine()
		if len(left) == 0 && len(open) <= fds && running <= goroutines {
			return 0
		}
		if time.Now().After(end) {
			fmt.Fprintf(os.Stderr, "testproc: left behind: files %v, descriptors %v (%d before), goroutines %d (%d before)\n",
				left, open, fds, running, goroutines)
			buf := make([]byte, 1<<20)
			fmt.Fprintf(os.Stderr, "%s\n", buf[:runtime.Stack(buf, true)])
			return 1
		}
	}
}

// descriptors lists what is open and no eventpoll of the Go runtime's own, which
// appears with the first pipe and stays.
func descriptors() []string {
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil
	}
	var open []string
	for _, f := range files {
		to, err := os.Readlink("/proc/self/fd/" + f.Name())
		if err == nil && to != "anon_inode:[eventpoll]" && to != "anon_inode:[eventfd]" {
			open = append(open, to)
		}
	}
	return open
}

const dirPrefix = "shmq-test-"

// ownDir makes a directory for this run, on tmpfs where there is one. It is locked
// for as long as this process lives; those of runs that were killed are removed.
func ownDir() (dir string, done func(), err error) {
	base := "/dev/shm"
	if unix.Access(base, unix.W_OK) != nil {
		base = os.TempDir()
	}
	old, _ := filepath.Glob(filepath.Join(base, dirPrefix+"*"))
	for _, d := range old {
		if f, err := os.Open(d); err == nil {
			if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
				os.RemoveAll(d)
			}
			f.Close()
		}
	}
	// Locked under a name that no other run looks for, then renamed.
	made, err := os.MkdirTemp(base, ".new-"+dirPrefix)
	if err != nil {
		return "", nil, err
	}
	f, err := os.Open(made)
	if err != nil {
		return "", nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return "", nil, err
	}
	dir = filepath.Join(base, dirPrefix+filepath.Base(made)[len(".new-"+dirPrefix):])
	if err := os.Rename(made, dir); err != nil {
		return "", nil, err
	}
	// Queues are in a directory within: listeners lock theirs for an instant. Other users
	// take part in some tests.
	inner := filepath.Join(dir, "q")
	if err := errors.Join(os.Mkdir(inner, 0o755), os.Chmod(dir, 0o755), os.Chmod(inner, 0o755)); err != nil {
		return "", nil, err
	}
	whole := dir // dir is a result: inner, by the time that done is called
	return inner, func() { os.RemoveAll(whole); f.Close() }, nil
}
