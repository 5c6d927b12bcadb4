package ring

// The rings of the tests are small, so their hints would follow each claim and take. Here they
// lag by up to half a ring, unless SetStride says otherwise.
func init() { strideOf = func(slots uint64) uint64 { return max(1, slots/2) } }

// SetStride sets how far hints lag, a power of two, for participants that come later.
func (r *Ring) SetStride(n uint64) { r.stride = n }

// SetNow replaces the clock of time stamps.
func (r *Ring) SetNow(now func() uint64) { r.now = now }

// LatestIncarnation returns the one that began last.
func (r *Ring) LatestIncarnation() uint64 {
	t := r.incarnations()
	return t.Latest().Number
}
