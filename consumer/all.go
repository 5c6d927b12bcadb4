package consumer

import (
	"context"
	"io"
	"iter"
)

// All returns the records that follow, until the end of the stream. A record is
// acknowledged when the loop's body is done with it, also if that breaks out of the
// loop; if the body panics or the process dies, it is delivered again. The slice is
// valid in the body only. When ctx ends or an error occurs, the loop gets the error,
// once, and ends.
func (c *Raw) All(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for {
			l, err := c.Lease(ctx)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !l.settle(func() bool { return yield(l.Bytes(), nil) }) {
				return
			}
		}
	}
}
