package demo

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"
)

// parentVerb makes the test binary run a whole demo, so that a test can kill it.
const parentVerb = "demo-parent"

// The test binary is also what the demo starts as its children.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || os.Args[1] != childVerb && os.Args[1] != parentVerb {
		os.Exit(m.Run())
	}
	var err error
	if os.Args[1] == parentVerb {
		err = Run(context.Background(), os.Stdout, Options{Duration: time.Minute})
	} else {
		err = Child(context.Background(), os.Args[2:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
