package look

import (
	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/cli/pump"
)

// printer writes records that a viewer shows; peek and tail share it. It holds nothing
// in the queue, so a signal may end it anywhere.
type printer struct {
	hold pump.Hold
	view *shmq.Viewer
	name string
	to   *pump.Output
	page format.Page
	// put appends a record to the page.
	put func(*format.Page, *shmq.Record) error
	// whole: peek passes over records that are being written, which have no data yet.
	whole bool
	// left is how many records are still to be printed, negative for no limit.
	left int64
}

// add prints a record, and writes what is printed when that is a good part.
func (p *printer) add(rec *shmq.Record) error {
	if err := p.put(&p.page, rec); err != nil {
		return exit.Tell(p.name, exit.ErrData, "the record of %d bytes at position %d is not msgpack (%v); see it with --format raw or --json", len(rec.Data), rec.Position, err)
	}
	if p.left > 0 {
		p.left--
	}
	if len(p.page.Buf) >= pump.PageBytes {
		return p.flush()
	}
	return nil
}

// flush writes what is printed. The output may block for ever; a signal ends that.
func (p *printer) flush() (err error) {
	if len(p.page.Buf) > 0 {
		p.hold.Outside(func() { _, err = p.to.Write(p.page.Buf) })
		p.page.Buf = p.page.Buf[:0]
	}
	return err
}
