package producer

import (
	"context"
	"reflect"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/attach"
)

// Producer sends values of type T to a queue. It is for one goroutine at a time.
type Producer[T any] struct {
	raw   *Raw
	codec codec.Codec
	solo  attach.Solo
	value T // what is being encoded; here, so that its address costs nothing
	buf   []byte
	recs  [][]byte // a batch, in buf
	ends  []int    // of each of recs in buf
}

// Open attaches to the queue of that name as a producer of T, and makes the queue
// if it is absent. Errors: codec.ErrType if the codec can't encode a T, before
// anything is made; those of OpenRaw. opts may be nil.
func Open[T any](name string, opts *Options) (*Producer[T], error) {
	c := opts.codec()
	if err := codec.CheckAppend(c, reflect.TypeFor[T]()); err != nil {
		return nil, &shmq.Error{Op: "attach to", Queue: name, Err: err}
	}
	raw, err := OpenRaw(name, opts)
	if err != nil {
		return nil, err
	}
	return &Producer[T]{raw: raw, codec: c}, nil
}

// Raw returns the producer of bytes underneath. What is sent through it takes its
// place among the values.
func (p *Producer[T]) Raw() *Raw { return p.raw }

// TrySend encodes v and sends it as one record. Errors: those of Raw.TrySend, and
// what the codec returns.
func (p *Producer[T]) TrySend(v T) error {
	buf, err := p.encode(p.buf[:0], v)
	if err != nil {
		return err
	}
	return p.raw.TrySend(buf)
}

// Send is TrySend, but waits for room until ctx ends; then it returns the error of
// ctx, and v was not sent.
func (p *Producer[T]) Send(ctx context.Context, v T) error {
	buf, err := p.encode(p.buf[:0], v)
	if err != nil {
		return err
	}
	return p.raw.Send(ctx, buf)
}

// TrySendBatch encodes vs and sends them as records: as many of the first as one step
// can take. It returns their number; shmq.ErrFull only if it is 0. With many
// producers it is cheaper than as many calls of TrySend. What was left over is
// encoded again by the next call, so batches should be smaller than the queue.
// Errors: those of Raw.TrySendBatch, and what the codec returns: then none is sent.
func (p *Producer[T]) TrySendBatch(vs []T) (int, error) {
	if err := p.encodeBatch(vs); err != nil {
		return 0, err
	}
	return p.raw.TrySendBatch(p.recs)
}

// SendBatch sends all of vs, and waits for room until ctx ends. It returns how many
// were sent, less than all only with an error. With many producers it is cheaper
// than as many calls of Send. If a value can't be encoded, none is sent.
func (p *Producer[T]) SendBatch(ctx context.Context, vs []T) (int, error) {
	if err := p.encodeBatch(vs); err != nil {
		return 0, err
	}
	return p.raw.SendBatch(ctx, p.recs)
}

// Sync returns when all that is in the queue is on stable storage; see Raw.Sync.
func (p *Producer[T]) Sync() error { return p.raw.Sync() }

// StartSync starts that and does not wait for it; see Raw.StartSync.
func (p *Producer[T]) StartSync() error { return p.raw.StartSync() }

// Finish marks the stream as complete and closes the producer; see Raw.Finish.
func (p *Producer[T]) Finish() error { return p.raw.Finish() }

// Abandon closes the producer and breaks the stream off; see Raw.Abandon.
func (p *Producer[T]) Abandon() error { return p.raw.Abandon() }

// Close leaves the queue; see Raw.Close.
func (p *Producer[T]) Close() error { return p.raw.Close() }

// encode appends v to dst, and keeps the result as buf.
func (p *Producer[T]) encode(dst []byte, v T) ([]byte, error) {
	p.solo.Enter(&p.raw.end)
	returned := false
	defer func() {
		if !returned { // because of a panic in the codec
			p.solo.Leave()
		}
	}()
	p.value = v
	buf, err := p.codec.Append(dst, &p.value)
	returned = true
	var zero T
	p.value = zero // keep nothing of the caller's alive
	p.solo.Leave()
	if err != nil {
		// Not Fail: the error is the program's, may be about another queue, and be damage there.
		return nil, &shmq.Error{Op: "send to", Queue: p.raw.Name(), Err: err}
	}
	p.buf = buf
	return buf, nil
}

// encodeBatch sets recs to the records of vs. They lie in buf, which is cut only when
// it is complete: it may move while it grows.
func (p *Producer[T]) encodeBatch(vs []T) error {
	p.recs, p.ends = p.recs[:0], p.ends[:0]
	buf := p.buf[:0]
	for _, v := range vs {
		var err error
		if buf, err = p.encode(buf, v); err != nil {
			return err
		}
		p.ends = append(p.ends, len(buf))
	}
	start := 0
	for _, end := range p.ends {
		p.recs = append(p.recs, buf[start:end])
		start = end
	}
	return nil
}
