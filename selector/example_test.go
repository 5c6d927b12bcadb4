package selector_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
	"github.com/shmq/shmq/selector"
)

// Two queues of values of different types, received by one goroutine until both streams have
// ended.
func Example() {
	type Order struct{ Item string }
	type Tick struct{ Price int }

	// Somebody sends.
	places, err := producer.Open[Order]("example-orders", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer shmq.Remove("example-orders")
	quotes, err := producer.Open[Tick]("example-ticks", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer shmq.Remove("example-ticks")

	orders, err := consumer.Open[Order]("example-orders", &consumer.Options{UntilEOF: true})
	if err != nil {
		log.Fatal(err)
	}
	defer orders.Close()
	ticks, err := consumer.Open[Tick]("example-ticks", &consumer.Options{UntilEOF: true})
	if err != nil {
		log.Fatal(err)
	}
	defer ticks.Close()

	ctx := context.Background()
	for i := range 3 {
		if err := quotes.Send(ctx, Tick{100 + i}); err != nil {
			log.Fatal(err)
		}
	}
	if err := errors.Join(places.Send(ctx, Order{"tea"}), places.Finish(), quotes.Finish()); err != nil {
		log.Fatal(err)
	}

	var set selector.Set
	if err := errors.Join(set.Add(orders), set.Add(ticks)); err != nil {
		log.Fatal(err)
	}
	for set.Len() > 0 {
		q, err := set.Wait(ctx)
		switch {
		case q == nil:
			log.Fatal(err)
		case err != nil:
			fmt.Println(q.Name(), "has ended:", err)
		case q == orders:
			order, err := orders.TryReceive()
			if err == nil {
				fmt.Println("order of", order.Item)
			} else if !errors.Is(err, shmq.ErrEmpty) { // then another consumer has it
				log.Fatal(err)
			}
		case q == ticks:
			tick, err := ticks.TryReceive()
			if err == nil {
				fmt.Println("price", tick.Price)
			} else if !errors.Is(err, shmq.ErrEmpty) {
				log.Fatal(err)
			}
		}
	}
	// Output:
	// order of tea
	// price 100
	// price 101
	// price 102
	// example-orders has ended: EOF
	// example-ticks has ended: EOF
}

// A program that waits for requests and for room for its answers.
func ExampleSet_Wait() {
	answers, err := producer.OpenRaw("example-answers", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer shmq.Remove("example-answers")
	defer answers.Close()
	requests, err := consumer.OpenRaw("example-requests", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer shmq.Remove("example-requests")
	defer requests.Close()

	// A producer among the queues is waited for only while there is something to send.
	var set selector.Set
	if err := set.Add(requests); err != nil {
		log.Fatal(err)
	}
	pending := [][]byte{[]byte("pong")}
	if err := set.Add(answers); err != nil {
		log.Fatal(err)
	}
	for len(pending) > 0 {
		q, err := set.Wait(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		if q == selector.Queue(answers) && answers.TrySend(pending[0]) == nil {
			fmt.Printf("sent %s\n", pending[0])
			pending = pending[1:]
		}
	}
	set.Remove(answers)
	fmt.Println("queues left:", set.Len())
	// Output:
	// sent pong
	// queues left: 1
}
