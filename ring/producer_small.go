package ring

import (
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// The short ways of Send, for a record that fits into the line of its slot. They do
// what claim, write and publish do, in the same order, in one place.

// sendSmall reports false when there is no room at the first try.
func (p *Producer) sendSmall(b []byte) bool {
	switch g := &p.r.m.Geo; {
	case g.ManyProducers == g.ManyConsumers:
		return false // Send has tried
	case g.ManyProducers:
		return p.sendClaimed(b)
	}
	return p.sendFree(b)
}

// sendFree is for a single producer and many consumers: the word says that the slot is
// free.
func (p *Producer) sendFree(b []byte) bool {
	r, t := p.r, p.tail
	line := r.m.LineAt(t)
	if !p.wary {
		atomics.PrefetchWrite(line) // or it came twice, to be read and to be written
	}
	if p.wary = atomics.Load64((*uint64)(line)) != uint64(layout.FreeWord(t, r.m.Shift)); p.wary {
		return false
	}
	fillLine(line, b)
	p.tail = t + 1
	atomics.StoreReleaseAsking64x2((*uint64)(line), uint64(layout.FullWord(t, 1, r.m.Shift)), r.tail, t+1, r.m.LineAt(t+ahead))
	return true
}

// sendRoaming is for many producers and many consumers. The word that a free slot has is known,
// so the claim need not read it: its line comes to this core once, to be written.
func (p *Producer) sendRoaming(b []byte) bool {
	r, t := p.r, p.tail
	line := r.m.LineAt(t)
	word := (*uint64)(line)
	if p.wary || atomics.Load64(r.turn) != 0 ||
		!atomics.CAS64(word, uint64(layout.FreeWord(t, r.m.Shift)), uint64(layout.ClaimedWord(t, 1, p.seat, r.m.Shift))) {
		p.wary = true // the claim that follows is not to ask for the line in vain once more
		return false
	}
	fillLine(line, b)
	atomics.StoreReleaseAsking64(word, uint64(layout.FullWord(t, 1, r.m.Shift)), r.m.LineAt(t+ahead))
	p.tail = t + 1
	if (t+1)&(r.stride-1) == 0 {
		raise(r.tail, t+1)
	}
	return true
}

// A line that this core will write is asked for some slots ahead, so that the claim, or the store,
// finds it here: so many slots for a record alone, and so many for each of a batch.
const (
	ahead        = 4
	aheadOfBatch = 16
)

// sendClaimed is for many producers and a single consumer.
func (p *Producer) sendClaimed(b []byte) bool {
	r := p.r
	t := atomics.Load64(r.tail)
	line := r.m.LineAt(t)
	word := (*uint64)(line)
	w := layout.Word(atomics.Load64(word))
	if t-p.headSeen >= r.m.Cap || w.State() == layout.Claimed || w.CompareLap(t, r.m.Shift) > 0 || w.CompareLap(t, r.m.Shift) == 0 && w.State() != layout.Free {
		return false
	}
	if atomics.Load64(r.turn) != 0 || !atomics.CAS64(word, uint64(w), uint64(layout.ClaimedWord(t, 1, p.seat, r.m.Shift))) {
		return false
	}
	atomics.CAS64(r.tail, t, t+1)
	atomics.StoreBarrier() // see announce
	fillLine(line, b)
	atomics.StoreReleaseAsking64(word, uint64(layout.FullWord(t, 1, r.m.Shift)), r.m.LineAt(t+ahead))
	return true
}

// fillLine writes payload, length and meta of a record that fits there. Payloads of 16 bytes
// and more are written by moves that overlap: a call of the runtime's memmove costs a
// nanosecond more. More cases than these and the compiler would call fillLine.
func fillLine(line unsafe.Pointer, b []byte) {
	to, from, n := unsafe.Add(line, layout.SlotInline), unsafe.Pointer(unsafe.SliceData(b)), len(b)
	if n < 16 {
		copy((*b16)(to)[:], b)
	} else {
		*(*b16)(to) = *(*b16)(from)
		if n > 32 {
			*(*b16)(unsafe.Add(to, 16)) = *(*b16)(unsafe.Add(from, 16))
		}
		*(*b16)(unsafe.Add(to, n-16)) = *(*b16)(unsafe.Add(from, n-16))
	}
	*(*uint64)(unsafe.Add(line, layout.SlotLength)) = uint64(n)
}

type b16 = [16]byte
