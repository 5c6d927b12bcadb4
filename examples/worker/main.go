// Command worker is a whole worker: it works on orders, a few at a time, those of one
// customer in their order; tries again what failed; puts aside what goes on failing; and
// ends in order when it is asked to, without losing or cutting off anything.
//
// In one terminal:
//
//	go run ./examples/worker work
//
// In another:
//
//	go run ./examples/worker order ada 3
//	go run ./examples/worker order bob 1
//	go run ./examples/worker order bob -5
//
// The last one has no right amount. It lands in the queue orders-failed, with the reason:
//
//	go run ./cmd/shmq requeue orders-failed --dry-run
//
// Ctrl-C ends the worker.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/shmq/shmq/producer"
	"github.com/shmq/shmq/worker"
)

const (
	queue  = "orders"
	failed = "orders-failed"
)

// Order is a record.
type Order struct {
	Customer string `msgpack:"customer"`
	Amount   int    `msgpack:"amount"`
}

var errAmount = errors.New("the amount is not more than 0")

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	// The first signal ends the context, and the worker in order. A second one ends the
	// process at once: then what was in hand is delivered again.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	defer stop()
	switch {
	case len(args) == 1 && args[0] == "work":
		return work(ctx)
	case len(args) == 3 && args[0] == "order":
		amount, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		return order(ctx, Order{Customer: args[1], Amount: amount})
	}
	return errors.New("usage: worker work | worker order CUSTOMER AMOUNT")
}

// order sends an order.
func order(ctx context.Context, o Order) error {
	p, err := producer.Open[Order](queue, nil)
	if err != nil {
		return err
	}
	return errors.Join(p.Send(ctx, o), p.Close())
}

// work works on orders until ctx ends.
func work(ctx context.Context) error {
	return worker.Run(ctx, queue, &worker.Options[Order]{
		Jobs:       4,
		Key:        func(o Order) string { return o.Customer },
		Retries:    3, // after about 0.1, 0.2 and 0.4 s
		Timeout:    10 * time.Second,
		Grace:      20 * time.Second, // less than systemd or Kubernetes wait before they kill
		DeadLetter: failed,
		Logger:     slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}, pack)
}

// pack handles an order. An order may come again, if a worker was killed after it packed
// it and before that was noted: Redelivered tells, and what to do then depends on the work.
func pack(ctx context.Context, r worker.Record[Order]) error {
	o := r.Value
	if o.Amount <= 0 {
		return worker.Permanent(errAmount) // trying again would not help
	}
	select {
	case <-time.After(time.Duration(o.Amount) * 10 * time.Millisecond): // some work
	case <-ctx.Done():
		return context.Cause(ctx) // it comes again
	}
	again := ""
	if r.Redelivered > 0 {
		again = ", perhaps again"
	}
	fmt.Printf("packed %d for %s%s\n", o.Amount, o.Customer, again)
	return nil
}
