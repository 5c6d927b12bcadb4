// Command anonymous is a parent that has its children work, over two queues that have
// no name: other processes can't find them, and there is nothing to remove, however the
// processes end.
//
//	go run ./examples/anonymous
//
// A child inherits the queues as its descriptors 3 and 4 and uses them by the names fd:3
// and fd:4.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
)

const workers = 2

// noMore ends a worker. The numbers begin with 1.
const noMore = 0

// Square is what a worker answers.
type Square struct{ Number, Square int }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) == 2 && os.Args[1] == "child" {
		err = child(ctx)
	} else {
		err = parent(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "anonymous:", err)
		os.Exit(1)
	}
}

// parent hands out numbers and adds up their squares.
func parent(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // kills the workers if something fails
	tasks, err := shmq.CreateAnonymous(&shmq.Options{Producers: shmq.One})
	if err != nil {
		return err
	}
	defer tasks.Close()
	answers, err := shmq.CreateAnonymous(&shmq.Options{Consumers: shmq.One})
	if err != nil {
		return err
	}
	defer answers.Close()

	exe, err := os.Executable()
	if err != nil {
		return err
	}
	var children []*exec.Cmd
	for range workers {
		cmd := exec.CommandContext(ctx, exe, "child")
		cmd.ExtraFiles = []*os.File{tasks, answers} // descriptors 3 and 4
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			return err
		}
		children = append(children, cmd)
	}
	if err := work(ctx, shmq.FileName(tasks), shmq.FileName(answers)); err != nil {
		return err
	}
	for _, cmd := range children {
		err = errors.Join(err, cmd.Wait())
	}
	return err
}

func work(ctx context.Context, tasks, answers string) error {
	const n = 100
	p, err := producer.Open[int](tasks, nil)
	if err != nil {
		return err
	}
	for i := range n {
		if err := p.Send(ctx, i+1); err != nil {
			return errors.Join(err, p.Close())
		}
	}
	for range workers { // each takes one and ends, however late it comes
		if err := p.Send(ctx, noMore); err != nil {
			return errors.Join(err, p.Close())
		}
	}
	if err := p.Finish(); err != nil {
		return err
	}
	c, err := consumer.Open[Square](answers, nil)
	if err != nil {
		return err
	}
	sum := 0
	for range n {
		s, err := c.Receive(ctx)
		if err != nil {
			return errors.Join(err, c.Close())
		}
		sum += s.Square
	}
	fmt.Printf("the squares of 1 to %d add up to %d\n", n, sum)
	return c.Close()
}

// child answers with squares until there are no more numbers.
func child(ctx context.Context) error {
	c, err := consumer.Open[int]("fd:3", nil)
	if err != nil {
		return err
	}
	p, err := producer.Open[Square]("fd:4", nil)
	if err != nil {
		return errors.Join(err, c.Close())
	}
	for n, err := range c.All(ctx) {
		if err == nil && n == noMore {
			break
		}
		if err == nil {
			err = p.Send(ctx, Square{n, n * n})
		}
		if err != nil {
			return errors.Join(err, c.Close(), p.Close())
		}
	}
	return errors.Join(c.Close(), p.Close())
}
