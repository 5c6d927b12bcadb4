package ring

// SetNow replaces the clock of time stamps.
func (r *Ring) SetNow(now func() uint64) { r.now = now }

// LatestIncarnation returns the one that began last.
func (r *Ring) LatestIncarnation() uint64 {
	t := r.incarnations()
	return t.Latest().Number
}
