// Command readerswriters lets people write lines that other processes read. Start as
// many of each as you like, each in a terminal of its own, in any order:
//
//	go run ./examples/readerswriters read
//	go run ./examples/readerswriters write
//
// Type lines to the writer; Ctrl-D ends it. Each line goes to one reader: the readers
// share the work. When no writer is left they print what is left, and end.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"syscall"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
)

const queue = "readerswriters"

// Line is a line that a writer typed.
type Line struct {
	Writer int // a pid
	Number int
	Text   string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case len(os.Args) == 2 && os.Args[1] == "write":
		err = write(ctx, os.Stdin)
	case len(os.Args) == 2 && os.Args[1] == "read":
		err = read(ctx, os.Stdout)
	default:
		err = errors.New("usage: readerswriters write|read")
	}
	if err != nil && ctx.Err() == nil { // Ctrl-C is a way to end it
		fmt.Fprintln(os.Stderr, "readerswriters:", err)
		os.Exit(1)
	}
}

// write sends what the person types, line by line.
func write(ctx context.Context, in io.Reader) (err error) {
	p, err := producer.Open[Line](queue, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	lines, inErr := linesOf(in)
	for n := 1; ; n++ {
		select {
		case text, ok := <-lines:
			if !ok {
				return <-inErr
			}
			if err := p.Send(ctx, Line{Writer: os.Getpid(), Number: n, Text: text}); err != nil {
				return err
			}
		case <-ctx.Done(): // while the person thinks
			return ctx.Err()
		}
	}
}

// linesOf reads lines in a goroutine of its own: a context can't end a read from a
// terminal.
func linesOf(in io.Reader) (<-chan string, <-chan error) {
	lines, err := make(chan string), make(chan error, 1)
	go func() {
		s := bufio.NewScanner(in)
		for s.Scan() {
			lines <- s.Text()
		}
		err <- s.Err()
		close(lines)
	}()
	return lines, err
}

// read prints lines until no writer is left. A line is acknowledged when the loop's
// body is done with it, so that a reader that is killed takes none along.
func read(ctx context.Context, out io.Writer) error {
	c, err := consumer.Open[Line](queue, &consumer.Options{UntilEOF: true})
	if err != nil {
		return err
	}
	for line, err := range c.All(ctx) {
		if err == nil {
			_, err = fmt.Fprintf(out, "writer %d, line %d: %s\n", line.Writer, line.Number, line.Text)
		}
		if err != nil {
			return errors.Join(err, c.Close())
		}
	}
	if err := c.Close(); err != nil {
		return err
	}
	return removeIfUnused()
}

// removeIfUnused is for the last process out: while another is attached, Remove refuses.
func removeIfUnused() error {
	err := shmq.Remove(queue)
	if errors.Is(err, shmq.ErrInUse) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
