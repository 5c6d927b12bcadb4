package ring

// Moved reports whether there was room since it was last called, for a caller that found none now and does not wait.
// Where it is true another try is worth while soon, but not at once: the word of the slot that the
// consumers free next is all that tells whether there is room, where they are many, and each look takes its line away
// from them. With a single consumer, whose head is looked at, it is always false.
func (p *Producer) Moved() bool {
	if !p.r.m.Geo.ManyConsumers || p.full == p.tail {
		return false
	}
	p.full = p.tail
	return true
}

// Peek reports whether a Send, or a Reserve, of n bytes is worth while: false only if it would
// return ErrFull. It claims nothing, and stores to no shared word, but that where producers are many it
// helps tail along. Another producer may be faster.
func (p *Producer) Peek(n int) bool {
	if p.open || n > p.r.m.Geo.MaxRecord() {
		return true // the call says what is wrong
	}
	k := p.r.m.SlotsFor(n)
	p.looks = true
	defer func() { p.looks = false }()
	if p.r.m.Geo.ManyProducers {
		return p.peekShared(k)
	}
	p.spent = 0
	if left := p.r.m.Cap - p.tail&p.r.m.Mask; k > left {
		k += left // behind a filler
	}
	got, err := p.freeSlots(p.tail, k)
	return err != nil || got >= k
}

// peekShared is claimShared without the claim: as that does, it helps tail and the words of a
// Skip along.
func (p *Producer) peekShared(k uint64) bool {
	err := p.peekSearch(k)
	p.found(err)
	return err != ErrFull
}

func (p *Producer) peekSearch(k uint64) error {
	r := p.r
	turn := r.otherTurn(p.seat)
	for p.spent = 0; p.spent < r.effort(); p.spent++ {
		t, err := p.from()
		if err != nil {
			return err
		}
		w := r.m.Load(t)
		if ok, err := p.unclaimed(t, w); err != nil {
			return err
		} else if !ok {
			continue
		}
		if _, _, err := p.extent(t, k, k, turn); err != nil && r.m.Load(t) != w {
			continue
		} else {
			return err
		}
	}
	return ErrFull
}
