package producer

import (
	"context"
)

// Mark returns the mark of the last marked record that is in the queue; see Raw.Mark.
func (p *Producer[T]) Mark() (m Mark, ok bool, err error) { return p.raw.Mark() }

// TrySendMarked is TrySend for a value with a mark; see Raw.TrySendMarked.
func (p *Producer[T]) TrySendMarked(v T, mark Mark) error {
	buf, err := p.encode(p.buf[:0], v)
	if err != nil {
		return err
	}
	return p.raw.TrySendMarked(buf, mark)
}

// SendMarked is Send for a value with a mark; see Raw.SendMarked.
func (p *Producer[T]) SendMarked(ctx context.Context, v T, mark Mark) error {
	buf, err := p.encode(p.buf[:0], v)
	if err != nil {
		return err
	}
	return p.raw.SendMarked(ctx, buf, mark)
}

// TrySendBatchMarked is TrySendBatch for values with marks; see Raw.TrySendBatchMarked.
func (p *Producer[T]) TrySendBatchMarked(vs []T, marks []Mark) (int, error) {
	if err := p.encodeBatch(vs); err != nil {
		return 0, err
	}
	return p.raw.TrySendBatchMarked(p.recs, marks)
}

// SendBatchMarked is SendBatch for values with marks; see Raw.SendBatchMarked.
func (p *Producer[T]) SendBatchMarked(ctx context.Context, vs []T, marks []Mark) (int, error) {
	if err := p.encodeBatch(vs); err != nil {
		return 0, err
	}
	return p.raw.SendBatchMarked(ctx, p.recs, marks)
}

// Mark returns the mark of the last marked record that is in the queue; see Raw.Mark. It waits
// for a call that waits for room. Marks of several goroutines have to be of one order to mean
// something: the last one counts.
func (s *Shared[T]) Mark() (m Mark, ok bool, err error) {
	mark := func() error {
		var err error
		m, ok, err = s.one.Mark()
		return err
	}
	err = s.do(context.Background(), mark, mark)
	return m, ok, err
}

// TrySendMarked is TrySend for a value with a mark; see Raw.TrySendMarked.
func (s *Shared[T]) TrySendMarked(v T, mark Mark) error {
	called, err := s.share.Try(func() error { return s.one.TrySendMarked(v, mark) })
	if !called {
		return s.one.raw.full
	}
	return err
}

// SendMarked is Send for a value with a mark; see Raw.SendMarked.
func (s *Shared[T]) SendMarked(ctx context.Context, v T, mark Mark) error {
	return s.do(ctx,
		func() error { return s.one.TrySendMarked(v, mark) },
		func() error { return s.one.SendMarked(ctx, v, mark) })
}
