package bench

// alone is a case of one process.
type alone struct {
	clock *monotonic
	op    func(n int) error
}

func (a *alone) run(o order) (out outcome, err error) {
	out.start = a.clock.now()
	err = a.op(o.N)
	out.end = a.clock.now()
	return out, err
}

func (a *alone) close() error { return nil }

// newMemcpy copies a record from private memory to as much memory as the queue of the
// large cases has, in turn.
func newMemcpy(c Case, clock *monotonic) end {
	src := make([]byte, c.Payload)
	dst := make([]byte, largeSlots*c.Payload)
	i := 0
	return &alone{clock, func(n int) error {
		for range n {
			copy(dst[i*len(src):(i+1)*len(src)], src)
			i = (i + 1) % largeSlots
		}
		return nil
	}}
}
