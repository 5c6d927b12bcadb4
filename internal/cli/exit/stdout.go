package exit

import (
	"os"

	"github.com/shmq/shmq/internal/sys"
)

// LostOutput returns an error if standard output leads nowhere without the user having said
// so: a command that takes records for what it has written would lose them.
//
// Where a process starts with a closed descriptor 1, the Go runtime opens /dev/null in its
// place, for reading and writing. A shell that redirects to /dev/null opens it for writing
// only, so that passes. Programs that open it for both look like a closed descriptor.
func LostOutput(queue string) error {
	if !sys.NullForBoth(os.Stdout.Fd()) {
		return nil
	}
	return Tell(queue, ErrOutput, "standard output is closed, or /dev/null opened for reading and writing: nothing was taken; to drop records, write > /dev/null in a shell, or use shmq drain")
}
