package attach

import (
	"encoding/binary"
	"fmt"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/seat"
	"github.com/shmq/shmq/layout"
)

// overwritten returns ErrTruncated if the file is as long as it was and yet holds another
// queue, or none: it was cut and has grown again, or a copy was written over it, before this
// participant asked. Two things tell. The header's random id is that of the queue, and an
// older copy of the same queue has another occupant in this participant's seat. Both are
// read from the file, since after a fault the mapping has zeros.
func (a *Participant) overwritten() error {
	if !a.shrinkable || a.held == nil {
		return nil
	}
	var id [len(a.q.Header.CreationID)]byte
	var since [8]byte
	if !a.readFile(id[:], layout.OffCreationID) || !a.readFile(since[:], seat.Byte(a.held.Number)+layout.SeatAttached) {
		return nil
	}
	if id == a.q.Header.CreationID && int64(binary.LittleEndian.Uint64(since[:])) == a.held.Since {
		return nil
	}
	return fail.Remedy(fmt.Errorf("%w, or overwritten, and holds other bytes now (to copy a queue in use, run shmq dump)", fail.ErrTruncated))
}

func (a *Participant) readFile(b []byte, off int64) bool {
	n, err := a.q.File.ReadAt(b, off)
	return err == nil && n == len(b)
}
