package name

import (
	"github.com/shmq/shmq/internal/place/file"
	"github.com/shmq/shmq/internal/place/sysv"
	"github.com/shmq/shmq/internal/sys"
)

// Sparse reports whether a queue's memory was not allocated whole, as that of all queues is
// which shmq made. A file of few bytes can say that it has a million slots: to read the word of each,
// as a description does, would allocate them.
func Sparse(queue string) bool {
	at, err := Find(queue)
	if err != nil {
		return false
	}
	switch at := at.(type) {
	case *file.Place:
		return sys.Sparse(at.Shown())
	case *sysv.Place:
		return at.Sparse()
	}
	return false
}
