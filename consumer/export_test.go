package consumer

// Due reports whether the next call has to ask before it does anything.
func Due(c *Raw) bool { return c.end.Due() }

// Decode is what Lease does with a lease that it has taken.
func (c *Consumer[T]) Decode(l *Lease) (v T, err error) {
	v, _, err = c.leased(l)
	return v, err
}
