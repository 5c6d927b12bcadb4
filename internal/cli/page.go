package cli

import "github.com/shmq/shmq/internal/jsonpack"

// page is what is to be written next: formatted records, each up to one of ends.
type page struct {
	buf     []byte
	ends    []int
	scratch []byte
}

// json appends a record as JSON. It is copied first: while it lies in shared memory
// it could change between the check and the reading.
func (p *page) json(record []byte) (err error) {
	p.scratch = append(p.scratch[:0], record...)
	p.buf, err = jsonpack.AppendJSON(p.buf, p.scratch)
	return err
}

// start returns where record i starts: the end of the one before it.
func (p *page) start(i int) int {
	if i == 0 {
		return 0
	}
	return p.ends[i-1]
}
