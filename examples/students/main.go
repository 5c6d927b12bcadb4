// Command students passes typed records between two processes that know nothing of
// each other but the name of a queue.
//
// In one terminal:
//
//	go run ./examples/students print
//
// In another, before or after:
//
//	go run ./examples/students enrol
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
)

const queue = "students"

// Student is a record: any Go value can be one. The tags name its fields for
// programs in other languages; without them the Go names are used.
type Student struct {
	ID       int            `msgpack:"id"`
	Name     string         `msgpack:"name"`
	Enrolled time.Time      `msgpack:"enrolled"`
	Grades   map[string]int `msgpack:"grades,omitempty"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "students:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "enrol":
		return enrol(ctx)
	case len(args) == 1 && args[0] == "print":
		return printAll(ctx)
	}
	return errors.New("usage: students enrol|print")
}

// enrol sends three students.
func enrol(ctx context.Context) error {
	p, err := producer.Open[Student](queue, nil) // makes the queue if it is absent
	if err != nil {
		return err
	}
	students := []Student{
		{ID: 1, Name: "Noor Haddad", Enrolled: time.Date(2024, 9, 2, 8, 30, 0, 0, time.UTC), Grades: map[string]int{"algebra": 14, "Greek": 17}},
		{ID: 2, Name: "Sigríður Jónsdóttir", Enrolled: time.Date(2024, 9, 2, 8, 45, 0, 0, time.UTC), Grades: map[string]int{"algebra": 19}},
		{ID: 3, Name: "Mateus Oliveira", Enrolled: time.Date(2025, 1, 13, 10, 0, 0, 0, time.UTC)},
	}
	for _, s := range students {
		if err := p.Send(ctx, s); err != nil {
			return errors.Join(err, p.Close())
		}
	}
	// Finish, unlike Close, tells the other side that these were all.
	return p.Finish()
}

// printAll receives students until there are no more, and then removes the queue.
func printAll(ctx context.Context) error {
	c, err := consumer.Open[Student](queue, &consumer.Options{UntilEOF: true})
	if err != nil {
		return err
	}
	for s, err := range c.All(ctx) {
		if err != nil {
			return errors.Join(err, c.Close())
		}
		fmt.Printf("%d  %s, enrolled %s, grades %v\n", s.ID, s.Name, s.Enrolled.UTC().Format(time.DateOnly), s.Grades)
	}
	if err := c.Close(); err != nil {
		return err
	}
	return shmq.Remove(queue)
}
