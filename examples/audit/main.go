// Command audit keeps a record of all payments in a file, whatever happens to it meanwhile. Its
// subscription is durable: while it is gone its place in the queue stays.
//
//	go run ./examples/audit keep audit.log     in one terminal; kill -9 it, start it again
//	go run ./examples/audit pay 1000           in another
//	go run ./examples/audit show               others see the payments, too
//
// Payments wait for the audit once the queue is full. To go on without it: shmq unsubscribe
// payments audit.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
)

const (
	queue = "payments"
	name  = "audit" // of the durable subscription
)

// Payment is what is sent.
type Payment struct {
	Number int
	To     string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 2 && args[0] == "keep":
		err = keep(ctx, args[1])
	case len(args) == 2 && args[0] == "pay":
		err = pay(ctx, args[1])
	case len(args) == 1 && args[0] == "show":
		err = show(ctx, os.Stdout)
	default:
		err = errors.New("usage: audit keep FILE, audit pay N, audit show")
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "audit:", err)
		os.Exit(1)
	}
}

var options = shmq.Options{Consumers: shmq.Each, Slots: 64, SlotSize: 64}

// pay sends so many payments.
func pay(ctx context.Context, count string) (err error) {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	p, err := producer.Open[Payment](queue, &producer.Options{Create: options})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	for i := range n {
		if err := p.Send(ctx, Payment{i, fmt.Sprintf("account %d", i%7)}); err != nil {
			return err
		}
	}
	return nil
}

// keep appends each payment to the file, and acknowledges it when it is there. Killed in between it
// gets the payment again, flagged. The line has the id of the record, which does not change then: so
// it knows that it is there already.
func keep(ctx context.Context, file string) (err error) {
	// The subscription first: whoever has it is alone with the file.
	c, err := consumer.Open[Payment](queue, &consumer.Options{Create: options, Subscription: name})
	if err != nil {
		return err // also ErrRoleTaken: another process has it
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	last, err := lastID(f)
	if err != nil {
		return err
	}
	for {
		p, l, err := c.Lease(ctx)
		if err != nil {
			return err
		}
		if id := l.ID().String(); l.Redelivered() == 0 || id != last {
			if _, err := fmt.Fprintf(f, "%s\t%d\t%s\n", id, p.Number, p.To); err != nil {
				l.Release()
				return err
			}
		}
		l.Ack()
	}
}

// lastID returns the id in the last whole line of a file, and cuts off what follows it.
func lastID(f *os.File) (string, error) {
	text, err := io.ReadAll(f)
	if err != nil {
		return "", err
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	if err := f.Truncate(int64(len(text))); err != nil {
		return "", err
	}
	if _, err := f.Seek(0, io.SeekEnd); err != nil {
		return "", err
	}
	line := bytes.TrimSuffix(text, []byte("\n"))
	line = line[bytes.LastIndexByte(line, '\n')+1:]
	id, _, _ := bytes.Cut(line, []byte("\t"))
	return string(id), nil
}

// show prints the payments that are made while it runs.
func show(ctx context.Context, out io.Writer) (err error) {
	c, err := consumer.Open[Payment](queue, &consumer.Options{Create: options})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	for p, err := range c.All(ctx) {
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%d to %s\n", p.Number, p.To); err != nil {
			return err
		}
	}
	return nil
}
