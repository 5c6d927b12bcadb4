// Command replay copies the lines of a file into a queue, each line once: kill it at any
// moment and start it again, and it goes on with the line behind the last one in the queue.
//
//	go run ./examples/replay FILE QUEUE
//
// Each line goes with a mark, the offset at which the next line starts. A record and its mark are
// in the queue together or not at all, and the next process learns the last mark, whether
// the record was consumed since or not. Nothing else has to be stored anywhere. So it goes
// with any source that can be read again from a place: a topic, a change log, a table.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/producer"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: replay FILE QUEUE")
		os.Exit(2)
	}
	if err := replay(ctx, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(1)
	}
}

func replay(ctx context.Context, file, queue string) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	which, err := inode(f)
	if err != nil {
		return err
	}
	p, err := producer.OpenRaw(queue, &producer.Options{Create: shmq.Options{Producers: shmq.One}})
	if err != nil {
		return err
	}
	mark, known, err := p.Mark()
	if err == nil && known && mark[1] != which {
		err = fmt.Errorf("%s is another file than the one whose lines are in %s", file, queue)
	}
	if err == nil {
		_, err = f.Seek(int64(mark[0]), io.SeekStart) // the zero mark is the beginning
	}
	for lines := bufio.NewReader(f); err == nil; {
		var line []byte
		if line, err = lines.ReadBytes('\n'); err == io.EOF && len(line) == 0 {
			return p.Finish()
		}
		if err == nil || err == io.EOF {
			mark = producer.Mark{mark[0] + uint64(len(line)), which}
			err = p.SendMarked(ctx, line, mark)
		}
	}
	return errors.Join(err, p.Abandon())
}

// inode tells files apart: an offset means something in one file only.
func inode(f *os.File) (uint64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Sys().(*syscall.Stat_t).Ino, nil
}
