package sys

import (
	"encoding/hex"

	"golang.org/x/sys/unix"
)

// Random fills b with random bytes of the kernel. Package crypto/rand does the same with 100 KB
// of code around it, which is mapped in every process.
func Random(b []byte) {
	for n := 0; n < len(b); {
		m, err := retryInt(func() (int, error) { return unix.Getrandom(b[n:], 0) })
		if err != nil {
			urandom(b[n:])
			return
		}
		n += m
	}
}

// urandom is Random where the kernel, before Linux 3.17, or a sandbox has no such call.
func urandom(b []byte) {
	f, err := Open("/dev/urandom", false, true)
	if err == nil {
		var n int
		n, err = f.ReadAt(b, 0)
		_ = f.Close()
		if err == nil && n == len(b) {
			return
		}
	}
	panic("shmq: the kernel has no random numbers: let the sandbox allow getrandom")
}

// randomText is part of a name that nobody guesses.
func randomText() string {
	var b [16]byte
	Random(b[:])
	return hex.EncodeToString(b[:])
}
