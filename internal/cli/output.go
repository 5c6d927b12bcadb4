package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sort"
	"syscall"

	"github.com/shmq/shmq/internal/sys"
)

// pipeAtom is PIPE_BUF: a pipe takes so much whole or not at all.
const pipeAtom = 4096

// output is stdout.
type output struct{ pipe bool }

func newOutput() *output {
	info, err := os.Stdout.Stat()
	return &output{err == nil && info.Mode()&fs.ModeNamedPipe != 0}
}

// cut returns where the next write ends that starts with record i of the page. A
// pipe gets whole records of pipeAtom bytes together: then a write that a full pipe
// blocks has written nothing, and a signal in that moment leaves exactly the records
// in the queue that did not get out. A larger record can't have that.
func (o *output) cut(p *page, i int) int {
	last := len(p.ends) - 1
	if !o.pipe {
		return p.ends[last]
	}
	over := p.start(i) + pipeAtom + 1
	j := i + sort.SearchInts(p.ends[i:], over)
	return p.ends[max(i, j-1)]
}

func (o *output) write(b []byte) (int, error) {
	n, err := os.Stdout.Write(b)
	return n, outputError(err)
}

// outputError names what failed. A closed pipe is no news to whoever closed it.
func outputError(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return errPipe
	}
	if err != nil {
		return &toldError{fmt.Sprintf("can't write the output: %v", err), err}
	}
	return nil
}

// endWithReader returns a context that ends, with errPipe as its cause, when the
// reader of a pipe goes away: who waits for records would not find out before the
// next one. The goroutine that watches ends with the process.
func (o *output) endWithReader(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if o.pipe {
		go func() {
			if sys.WaitReaderGone(uintptr(syscall.Stdout)) == nil {
				cancel(errPipe)
			}
		}()
	}
	return ctx, cancel
}
