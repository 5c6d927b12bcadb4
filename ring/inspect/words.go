package inspect

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/internal/region"
)

// words are what this package reads of a ring.
type words struct{ *region.Region }

func wordsOf(r *ring.Ring) words { return words{r.Region()} }

// word returns the hot word at off, one of layout.Hot*.
func (w words) word(off uintptr) uint64 { return atomics.Load64(w.Hot(off)) }

func (w words) head() uint64    { return w.word(layout.HotHead) }
func (w words) tail() uint64    { return w.word(layout.HotTail) }
func (w words) handout() uint64 { return w.word(layout.HotHandout) }

func (w words) positions() (head, tail uint64) {
	head = w.head()
	return head, w.tail()
}
