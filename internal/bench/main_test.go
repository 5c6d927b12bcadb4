//go:build linux

package bench

import (
	"fmt"
	"os"
	"testing"
)

// The test binary is also what a measurement starts as its ends.
func TestMain(m *testing.M) {
	var err error
	switch {
	case len(os.Args) > 1 && os.Args[1] == ChildVerb:
		err = Child(os.Args[2:])
	case len(os.Args) > 1 && os.Args[1] == parentVerb:
		err = parent()
	default:
		os.Exit(runTests(m))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runTests gives the tests a directory for queues, in memory; at the end it has to be
// empty.
func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("/dev/shm", "shmq-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	os.Setenv("SHMQ_DIR", dir)
	code := m.Run()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		fmt.Fprintln(os.Stderr, "left behind:", left, err)
		code = 1
	}
	return code
}
