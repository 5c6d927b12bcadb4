// Command parentchild is a parent and a child that share a queue: the parent sends
// tasks, the child works on them.
//
//	go run ./examples/parentchild
//
// A child is a process like any other and attaches by name, so the parent hands it
// the name as an argument. With one process on each side the queue can be of the
// fastest kind.
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

// Task is what the parent sends.
type Task struct {
	Number int
	From   int // a pid
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) == 3 && os.Args[1] == "child" {
		err = child(ctx, os.Args[2])
	} else {
		err = parent(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "parentchild:", err)
		os.Exit(1)
	}
}

// parent makes the queue, starts the child, gives it work and waits for its end.
func parent(ctx context.Context) (err error) {
	queue := fmt.Sprintf("parentchild-%d", os.Getpid())
	if err := shmq.Create(queue, &shmq.Options{Producers: shmq.One, Consumers: shmq.One}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shmq.Remove(queue)) }()

	exe, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe, "child", queue) // killed when ctx ends
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	err = send(ctx, queue)
	if err != nil {
		cancel() // there may be no end of the stream for the child to wait for
	}
	return errors.Join(err, cmd.Wait())
}

func send(ctx context.Context, queue string) error {
	p, err := producer.Open[Task](queue, nil)
	if err != nil {
		return err
	}
	for i := range 5 {
		if err := p.Send(ctx, Task{Number: i + 1, From: os.Getpid()}); err != nil {
			return errors.Join(err, p.Close())
		}
	}
	return p.Finish() // ends the child's loop
}

func child(ctx context.Context, queue string) error {
	c, err := consumer.Open[Task](queue, &consumer.Options{NoCreate: true, UntilEOF: true})
	if err != nil {
		return err
	}
	for task, err := range c.All(ctx) {
		if err != nil {
			return errors.Join(err, c.Close())
		}
		fmt.Printf("child %d: task %d from parent %d\n", os.Getpid(), task.Number, task.From)
	}
	return c.Close()
}
