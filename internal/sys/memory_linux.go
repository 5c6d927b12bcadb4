package sys

import (
	"bytes"
	"errors"
	"fmt"
	"os"
)

// MemoryLeft returns the bytes of memory that new pages can take before others have to
// be thrown out or processes killed, as the kernel estimates it.
func MemoryLeft() (int64, error) {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(b) {
		var kib int64
		if n, _ := fmt.Sscanf(string(line), "MemAvailable: %d kB", &kib); n == 1 {
			return kib << 10, nil
		}
	}
	return 0, errors.New("/proc/meminfo has no MemAvailable")
}
