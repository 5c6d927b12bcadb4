package producer

// Halt is the first half of Stop.
func (ch *Channel[T]) Halt() { ch.halt() }
