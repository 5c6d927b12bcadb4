//go:build linux

package testproc

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

const argsEnv = "SHMQ_TEST_ARGS"

// Child is the child's side of the conversation with its parent.
type Child struct {
	// Args are those that Start was given.
	Args []string
	// Lines are what the parent says.
	Lines <-chan string
}

func play(name string, role Role) {
	c := &Child{}
	if role == nil {
		c.Fail("no such role: %s", name)
	}
	if err := json.Unmarshal([]byte(os.Getenv(argsEnv)), &c.Args); err != nil {
		c.Fail("arguments: %v", err)
	}
	lines := make(chan string)
	c.Lines = lines
	go func() {
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			lines <- in.Text()
		}
		os.Exit(0) // the parent is gone, or wants this one to end
	}()
	role(c)
}

// Say sends the parent a line.
func (c *Child) Say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// Check ends the child with an error unless err is nil.
func (c *Child) Check(err error) {
	if err != nil {
		c.Fail("%v", err)
	}
}

// Fail ends the child with an error, which the parent sees as its next line.
func (c *Child) Fail(format string, args ...any) {
	c.Say("FAIL "+format, args...)
	os.Exit(1)
}
