//go:build linux

package bench

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/shmq/shmq/internal/testproc"
)

// The test binary is also what a measurement starts as its ends.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || os.Args[1] != ChildVerb {
		testproc.Main(m, map[string]testproc.Role{"parent": parent})
	}
	if err := Child(os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// parent measures until it is killed, all in one run: its ends are at work and do not
// read what it says.
func parent(c *testproc.Child) {
	os.Setenv("SHMQ_DIR", c.Args[0])
	one, err := find(Cases(), "throughput/one-one")
	c.Check(err)
	s, err := Open(context.Background(), one)
	c.Check(err)
	_, err = s.Run(context.Background(), 1<<30, false)
	c.Check(err)
}
