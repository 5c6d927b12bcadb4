package attach

import (
	"sync/atomic"

	"github.com/shmq/shmq/internal/atomics"
)

// Solo finds two goroutines that use a typed handle at once while one of them is in the codec,
// with what the handle keeps for it beside the Raw. The codec is the program's code and may
// panic: that has to end in Leave, too.
type Solo struct {
	use
	inUse uint32
}

// Enter begins the use of the codec, for the handle whose Raw has the End e. It panics if a
// call of either is under way.
func (s *Solo) Enter(e *End) {
	s.touch()
	if atomic.LoadUint32(&s.inUse)|atomic.LoadUint32(&e.inUse) != 0 {
		e.overlap()
	}
	atomics.Mark32(&s.inUse, 1)
}

// Leave ends it.
func (s *Solo) Leave() { atomics.Mark32(&s.inUse, 0) }
