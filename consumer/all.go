package consumer

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/shmq/shmq/ring"
)

// goesOn reports whether a loop goes on behind an error that its body has got.
func goesOn(err error) bool {
	return errors.Is(err, ring.ErrLagged)
}

// All returns the records that follow, until the end of the stream. A record is
// acknowledged when the loop's body is done with it, also if that breaks out of the
// loop; if the body panics or the process dies, it is delivered again. The slice is
// valid in the body only. Records that were lost because producers do not wait give the loop a
// *LaggedError, and it goes on behind them. When ctx ends or another error occurs, the loop gets the
// error, once, and ends.
func (c *Raw) All(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for {
			l, err := c.Lease(ctx)
			if err == io.EOF {
				return
			}
			if err != nil {
				if !yield(nil, err) || !goesOn(err) {
					return
				}
				continue
			}
			if !l.settle(func() bool { return yield(l.Bytes(), nil) }) {
				return
			}
		}
	}
}
