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
// that lag, the words tell. Where each consumer gets every record, head is the position before
// which slots may have been written over: the gate that producers have published, or a lap before
// what they have announced to write. Then head need not be where a record begins.
func (w words) head() uint64 {
	h := w.word(layout.HotHead)
	switch {
	case w.Geo.ManyConsumers:
		return w.UntakenWithin(h, w.left)
	case w.Geo.Skip && w.Geo.ManyProducers:
		return w.word(layout.HotTail) - w.Cap
	case w.Geo.Skip: // the intent
		return h - w.Cap
	}
	return h
}

func (w words) tail() uint64 {
	if t := w.word(layout.HotTail); w.Geo.ManyConsumers && w.Geo.ManyProducers {
		return w.UnclaimedWithin(t, w.left)
	} else {
		return t
	}
}

// begin returns the first position from p on at which a record, a filler or a claim begins, or
// end.
func (w words) begin(p, end uint64) uint64 {
	if end-p > w.Cap { // head is of a later moment, or scribble
		return end
	}
	for ; p != end; p++ {
		if word := w.Load(p); word.CompareLap(p, w.Shift) == 0 && word.State() != layout.Free {
			break
		}
	}
	return p
}

func (w words) handout() uint64 { return w.word(layout.HotHandout) }

func (w words) positions() (head, tail uint64) {
	head = w.head()
	return head, w.tail()
}
