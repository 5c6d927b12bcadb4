package inspect

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/internal/region"
)

// words are what this package reads of a ring.
type words struct {
	*region.Region
	left *uint64 // words that may be read to find where head and tail would be
}

func wordsOf(r *ring.Ring) words {
	w := words{r.Region(), new(uint64)}
	w.refill()
	return w
}

// refill allows for as many words as a look at all slots of an honest ring needs.
func (w words) refill() { *w.left = 128 * w.Cap }

// word returns the hot word at off, one of layout.Hot*.
func (w words) word(off uintptr) uint64 { return atomics.Load64(w.Hot(off)) }

// head and tail are the positions of the next take and the next claim: where they are hints
// that lag, the words tell.
func (w words) head() uint64 {
	if h := w.word(layout.HotHead); w.Geo.ManyConsumers {
		return w.UntakenWithin(h, w.left)
	} else {
		return h
	}
}

func (w words) tail() uint64 {
	if t := w.word(layout.HotTail); w.Geo.ManyConsumers && w.Geo.ManyProducers {
		return w.UnclaimedWithin(t, w.left)
	} else {
		return t
	}
}

func (w words) handout() uint64 { return w.word(layout.HotHandout) }

func (w words) positions() (head, tail uint64) {
	head = w.head()
	return head, w.tail()
}
