package worker_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
	"github.com/shmq/shmq/worker"
	"github.com/shmq/shmq/worker/deadletter"
)

type order struct {
	Customer string
	Amount   int
}

func Example() {
	ctx := context.Background()
	p, err := producer.Open[order]("example-orders", nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, o := range []order{{"Ada", 3}, {"Bob", -1}, {"Ada", 5}} {
		if err := p.Send(ctx, o); err != nil {
			log.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		log.Fatal(err)
	}

	err = worker.Run(ctx, "example-orders", &worker.Options[order]{
		Consumer:   consumer.Options{UntilEOF: true}, // a service leaves that out, and ends ctx
		Retries:    2,
		RetryAfter: 10 * time.Millisecond,
		DeadLetter: "example-orders-failed",
	}, func(ctx context.Context, r worker.Record[order]) error {
		if r.Value.Amount < 0 {
			return errors.New("the amount is negative")
		}
		fmt.Println("packed", r.Value.Amount, "for", r.Value.Customer)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}

	c, err := consumer.OpenRaw("example-orders-failed", nil)
	if err != nil {
		log.Fatal(err)
	}
	b, err := c.TryReceive(nil)
	if err != nil {
		log.Fatal(err)
	}
	l, err := deadletter.Parse(b)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("dead letter after %d attempts: %s\n", l.Attempts, l.Reason)
	if err := errors.Join(c.Close(), shmq.Remove("example-orders"), shmq.Remove("example-orders-failed")); err != nil {
		log.Fatal(err)
	}
	// Output:
	// packed 3 for Ada
	// packed 5 for Ada
	// dead letter after 3 attempts: the amount is negative
}
