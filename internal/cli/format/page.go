package format

import "github.com/shmq/shmq/internal/jsonpack"

// Page is what is to be written next: formatted records, each up to one of Ends.
type Page struct {
	Buf     []byte
	Ends    []int
	scratch []byte
}

// JSON appends a record as JSON. The record is copied first: while it lies in shared
// memory it could change between the check and the reading.
func (p *Page) JSON(record []byte) (err error) {
	p.scratch = append(p.scratch[:0], record...)
	p.Buf, err = jsonpack.AppendJSON(p.Buf, p.scratch)
	return err
}

// Start returns where record i starts: the end of the one before it.
func (p *Page) Start(i int) int {
	if i == 0 {
		return 0
	}
	return p.Ends[i-1]
}
