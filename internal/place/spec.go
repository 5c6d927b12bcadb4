package place

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
)

// Spec says what a new queue is like.
type Spec struct {
	layout.Geometry // has passed Check
	Mode            fs.FileMode
	HugePages       bool
}

// Bytes is the size of the queue.
func (s *Spec) Bytes() int64 { return int64(s.TotalSize()) }

// Header returns the header of a queue that is made now.
func (s *Spec) Header() layout.Header {
	h := layout.Header{Geometry: s.Geometry, Created: time.Now().UnixNano(), BootID: sys.BootID()}
	sys.Random(h.CreationID[:])
	return h
}

// Collapse gathers the first size bytes of a new queue's file into huge pages.
func Collapse(f *sys.File, size int) error {
	mem, err := f.Map(size, true)
	if err != nil {
		return err
	}
	return errors.Join(Gather(mem), sys.Unmap(mem))
}

// Gather gathers the pages of a mapped queue into huge ones, for every process that maps it.
// Error: ErrRefused.
func Gather(mem []byte) error {
	if err := sys.Collapse(mem); err != nil {
		return fmt.Errorf("huge pages: %w: %w; make the queue without them (they need Linux 6.1, memory that is not in pieces, a queue of 2 MiB or more)", fail.ErrRefused, err)
	}
	return nil
}
