//go:build linux

package testproc

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// Stat returns the fields of /proc/PID/stat that follow the command's name, the state
// first; nil if there is no such process.
func Stat(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
}

// State is the letter that the kernel has for what a process does: T stopped, Z zombie;
// nothing if there is no such process.
func State(pid int) string {
	if s := Stat(pid); len(s) > 0 {
		return s[0]
	}
	return ""
}
