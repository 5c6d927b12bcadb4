package name

import (
	"fmt"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/place/file"
	"github.com/shmq/shmq/internal/sys"
)

// ErrSparse refuses to describe a queue that is Sparse, where nobody asked for that queue.
var ErrSparse = fmt.Errorf("%w: the file was not allocated whole, as those of queues are, and to read it would do that; copy it with cp --sparse=never, or remove it", fail.ErrDamaged)

// Sparse reports whether a queue's file was not allocated whole, as that of all queues is
// which shmq made. A file of few bytes can say that it has a million slots: to read the word of each,
// as a description does, would allocate them. It can't tell that of a segment, which may be larger than
// its queue.
func Sparse(queue string) bool {
	at, err := Find(queue)
	if err != nil {
		return false
	}
	_, isFile := at.(*file.Place)
	return isFile && sys.Sparse(at.Shown())
}
