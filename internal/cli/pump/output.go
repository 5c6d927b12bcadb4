package pump

import (
	"context"
	"io/fs"
	"os"
	"sort"
	"syscall"

	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/sys"
)

// pipeAtom is PIPE_BUF: a pipe takes so much whole or not at all.
const pipeAtom = 4096

// Output is standard output.
type Output struct{ pipe bool }

// NewOutput returns standard output.
func NewOutput() *Output {
	info, err := os.Stdout.Stat()
	return &Output{err == nil && info.Mode()&fs.ModeNamedPipe != 0}
}

// cut returns where the next write ends that starts with record i of the page. A
// pipe gets whole records of pipeAtom bytes together: then a write that a full pipe
// blocks has written nothing, and a signal in that moment leaves exactly the records
// in the queue that did not get out. A larger record can't have that.
func (o *Output) cut(p *format.Page, i int) int {
	last := len(p.Ends) - 1
	if !o.pipe {
		return p.Ends[last]
	}
	over := p.Start(i) + pipeAtom + 1
	j := i + sort.SearchInts(p.Ends[i:], over)
	return p.Ends[max(i, j-1)]
}

// Write writes like os.Stdout. Its error has an exit code.
func (o *Output) Write(b []byte) (int, error) {
	n, err := os.Stdout.Write(b)
	return n, exit.Output(err)
}

// EndWithReader returns a context that ends, with exit.ErrPipe as its cause, when the
// reader of a pipe goes away: a command that waits for records would not find out before
// the next one. The goroutine that watches ends with the process.
func (o *Output) EndWithReader(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if o.pipe {
		go func() {
			if sys.WaitReaderGone(uintptr(syscall.Stdout)) == nil {
				cancel(exit.ErrPipe)
			}
		}()
	}
	return ctx, cancel
}
