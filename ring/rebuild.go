package ring

import (
	"errors"

	"github.com/shmq/shmq/layout"
)

// Rebuilt tells what Rebuild found.
type Rebuilt struct {
	Records int // to be delivered, flagged: they may have been delivered before
	Torn    int // dropped, because they did not reach the disk whole
}

// Rebuild makes a ring of what a disk kept of one: each page as it was at some moment
// between the last completed sync and the stop of the machine.
//
// Preconditions: g passed Check and has Checksum; nobody is attached, by the kernel's
// locks; the caller has the whole region on the disk again before anybody attaches.
func Rebuild(region []byte, g layout.Geometry) (Rebuilt, error) {
	return Rebuilt{}, errors.ErrUnsupported
}
