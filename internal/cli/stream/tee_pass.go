package stream

import (
	"cmp"
	"errors"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/pump"
)

// pass sends the records of leases to all branches, a page at a time, and acknowledges those
// that every branch has. With an error, the others are released.
func (t *tee) pass(ls []consumer.Lease) (err error) {
	for len(ls) > 0 && err == nil {
		var n int
		var bad error
		if n, bad = t.fill(ls); n > 0 {
			err = t.sendAndSettle()
			n = t.done()
		}
		if err == nil {
			err = bad
		}
		// What every branch has is acknowledged, whatever failed.
		t.from.AckBatch(ls[:n])
		t.passed += int64(n)
		ls = ls[n:]
	}
	for i := range ls {
		ls[i].Release()
	}
	return err
}

// fill copies records until the page is full, and returns their number. The error is about
// the record that follows them.
func (t *tee) fill(ls []consumer.Lease) (n int, err error) {
	t.page, t.recs = t.page[:0], t.recs[:0]
	ends := make([]int, 0, len(ls))
	err = t.from.Guard(func() error {
		for i := range ls {
			if len(t.page) >= pump.PageBytes {
				break
			}
			b := ls[i].Bytes()
			if err := t.fits(len(b)); err != nil {
				return err
			}
			t.page = append(t.page, b...)
			ends = append(ends, len(t.page))
		}
		return nil
	})
	start := 0
	for _, end := range ends {
		t.recs = append(t.recs, t.page[start:end:end])
		start = end
	}
	return len(t.recs), err
}

// fits refuses a record that is too large for one of the branches: before any has it.
func (t *tee) fits(size int) error {
	for _, b := range t.to {
		if size > b.MaxRecord() {
			return exit.Tell(b.Name(), shmq.ErrTooLarge, "a record of %d bytes is too large for it, which takes %d; it was left in queue %q", size, b.MaxRecord(), t.from.Name())
		}
	}
	return nil
}

// done returns how many of the records in hand every branch has.
func (t *tee) done() int {
	n := len(t.recs)
	for _, b := range t.to {
		n = min(n, b.sent)
	}
	return n
}

// sendAndSettle is send and settle. One error is enough: a branch that can't be sent to may
// have no more to settle.
func (t *tee) sendAndSettle() error {
	err := t.send()
	return cmp.Or(err, t.settle())
}

// send sends the records in hand to all branches: first what there is room for at once, so that
// a branch which has to be waited for takes nothing from the others.
func (t *tee) send() error {
	for _, b := range t.to {
		b.sent = 0
	}
	for _, b := range t.to {
		if err := t.offer(b); err != nil {
			return err
		}
	}
	for _, b := range t.to {
		if b.sent == len(t.recs) {
			continue
		}
		if err := t.wait(b); err != nil {
			return err
		}
	}
	return nil
}

// offer sends what there is room for. What a full branch leaves out counts as sent.
func (t *tee) offer(b *branch) error {
	for b.sent < len(t.recs) {
		n, err := b.TrySendBatch(t.recs[b.sent:])
		b.sent += n
		switch {
		case err == nil:
		case !errors.Is(err, shmq.ErrFull):
			return err
		case !b.skip:
			return nil
		default:
			if b.skipped == 0 {
				t.tty.Line("queue %q: it is full: records are left out there", b.Name())
			}
			b.skipped++
			b.sent++
		}
	}
	return nil
}

// wait sends the rest to a branch, and waits for room.
func (t *tee) wait(b *branch) error {
	name := b.Name()
	t.full.Store(&name)
	defer t.full.Store(nil)
	n, err := b.SendBatch(t.ctx, t.recs[b.sent:])
	b.sent += n
	return exit.Ended(t.ctx, err)
}

// settle returns when what was sent is where receivers find it, and on the disk if that is
// what a branch is for.
func (t *tee) settle() (err error) {
	for _, b := range t.to {
		var failed error
		if b.sync && b.sent > 0 {
			failed = b.Sync()
		}
		if failed == nil {
			failed = b.Check()
		}
		if failed != nil {
			b.sent = 0 // nobody may find it
			err = failed
		}
	}
	return err
}
