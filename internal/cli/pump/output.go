package pump

import (
	"context"
	"io"
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
type Output struct {
	pipe bool
	size int64 // of a regular file as it was at first, or negative
}

// NewOutput returns standard output.
func NewOutput() *Output {
	o := &Output{size: -1}
	if info, err := os.Stdout.Stat(); err == nil {
		o.pipe = info.Mode()&fs.ModeNamedPipe != 0
		if info.Mode().IsRegular() {
			o.size = info.Size()
		}
	}
	return o
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

// untear takes back the last n bytes that were written, of a record that did not get out whole:
// what is appended to the file next would be glued to them. It reports whether it did. Only a regular
// file can be cut, and only where those bytes are its end and were not there before: another
// process may have written behind them.
func (o *Output) untear(n int64) bool {
	if o.size < 0 {
		return false
	}
	at, err := os.Stdout.Seek(0, io.SeekCurrent)
	if err != nil || at-n < o.size {
		return false
	}
	info, err := os.Stdout.Stat()
	if err != nil || info.Size() != at || os.Stdout.Truncate(at-n) != nil {
		return false
	}
	_, _ = os.Stdout.Seek(at-n, io.SeekStart) // others may share the description
	return true
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
