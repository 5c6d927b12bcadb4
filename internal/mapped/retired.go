package mapped

import (
	"errors"
	"sync"

	"github.com/shmq/shmq/internal/sys"
)

// Who has the bytes of a lease, or of a reservation, has an address and nothing that tells
// the garbage collector. So a range in which some were out at the end is never unmapped at
// once: an access would end the process, or, worse, find what was mapped there next. It
// costs addresses and an entry in the kernel's list, of which a process has some 65,000; no
// memory but what somebody writes. The oldest range goes when there are maxRetired.

const maxRetired = 256

var retired struct {
	sync.Mutex
	ranges [][]byte
}

// retire replaces the mapping mem by private zero pages.
func retire(mem []byte) error {
	if err := sys.Blank(mem); err != nil {
		// It is safe to leave it as it is, but for what the program goes on to write there.
		return err
	}
	retired.Lock()
	defer retired.Unlock()
	retired.ranges = append(retired.ranges, mem)
	if len(retired.ranges) <= maxRetired {
		return nil
	}
	oldest := retired.ranges[0]
	retired.ranges = retired.ranges[1:]
	return errors.Join(sys.Unmap(oldest))
}
