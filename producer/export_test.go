package producer

// Halt is the first half of Stop.
func (ch *Channel[T]) Halt() { ch.halt() }

// OnPause calls f where a call that does not wait lets some time pass.
func (p *Raw) OnPause(f func()) { p.pause = func(uint32) { f() } }
