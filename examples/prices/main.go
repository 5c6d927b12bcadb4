// Command prices broadcasts prices: each reader gets every one. Start readers, each in a terminal of
// its own, and then the publisher:
//
//	go run ./examples/prices read
//	go run ./examples/prices read ask
//	go run ./examples/prices publish 1000
//
// A reader with ask is slow: it takes the next price when Enter is typed. How that ends is chosen
// when the queue is made, here by who starts first:
//
//	go run ./examples/prices make wait   the publisher waits for it, and so do the others
//	go run ./examples/prices make skip   nobody waits: it loses prices, and is told how many
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
)

const queue = "prices"

// Price is a record. It fits into one slot, so that positions of the queue count prices.
type Price struct {
	Number int
	Cents  int
}

func main() {
	args := os.Args[1:]
	var err error
	switch {
	case len(args) == 2 && args[0] == "make" && (args[1] == "wait" || args[1] == "skip"):
		err = shmq.Create(queue, options(args[1] == "skip"))
	case len(args) == 2 && args[0] == "publish":
		err = publish(args[1])
	case len(args) == 1 && args[0] == "read":
		err = read(os.Stdout, func() error { return nil })
	case len(args) == 2 && args[0] == "read" && args[1] == "ask":
		in := bufio.NewReader(os.Stdin)
		err = read(os.Stdout, func() error { _, err := in.ReadString('\n'); return err })
	default:
		err = errors.New("usage: prices make wait|skip, prices publish N, prices read [ask]")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "prices:", err)
		os.Exit(1)
	}
}

func options(skip bool) *shmq.Options {
	return &shmq.Options{Producers: shmq.One, Consumers: shmq.Each, Skip: skip, Slots: 64, SlotSize: 64}
}

// publish sends so many prices, and says that these were all.
func publish(count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	p, err := producer.Open[Price](queue, &producer.Options{Create: *options(false), AnyShape: true})
	if err != nil {
		return err
	}
	for i := range n {
		if err := p.Send(context.Background(), Price{i, 10000 + i%100}); err != nil {
			return errors.Join(err, p.Close())
		}
	}
	return p.Finish()
}

// read prints prices until the publisher is done. ready is called after each, while it is not
// acknowledged yet: it returns when the reader can go on.
func read(out io.Writer, ready func() error) error {
	c, err := consumer.Open[Price](queue, &consumer.Options{Create: *options(false), AnyShape: true, UntilEOF: true})
	if err != nil {
		return err
	}
	got := 0
	for price, err := range c.All(context.Background()) {
		var lagged *consumer.LaggedError
		switch {
		case errors.As(err, &lagged): // the loop goes on behind them
			fmt.Fprintf(out, "lost %d prices\n", lagged.To-lagged.From)
			continue
		case err != nil:
			return errors.Join(err, c.Close())
		}
		got++
		if _, err := fmt.Fprintf(out, "%d: %d.%02d\n", price.Number, price.Cents/100, price.Cents%100); err != nil {
			return errors.Join(err, c.Close())
		}
		if err := ready(); err != nil && err != io.EOF {
			return errors.Join(err, c.Close())
		}
	}
	fmt.Fprintf(out, "%d prices, %d lost\n", got, c.Raw().Lost())
	return c.Close()
}
