package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
)

// exampleQueue returns a queue's name for an example: a path in a directory of its
// own, so that nothing appears in /dev/shm. A program says just "letters".
func exampleQueue() (name string, cleanUp func()) {
	dir, err := os.MkdirTemp("", "shmq-example")
	if err != nil {
		log.Fatal(err)
	}
	return filepath.Join(dir, "letters"), func() { os.RemoveAll(dir) }
}

// sendLetters plays the other side: it sends and is gone, with or without saying
// that this was all.
func sendLetters(name string, leave func(*producer.Producer[string]) error, letters ...string) {
	p, err := producer.Open[string](name, nil)
	if err != nil {
		log.Fatal(err)
	}
	_, err = p.SendBatch(context.Background(), letters)
	if err := errors.Join(err, leave(p)); err != nil {
		log.Fatal(err)
	}
}

var (
	finish  = (*producer.Producer[string]).Finish
	justEnd = (*producer.Producer[string]).Close
)

func ExampleConsumer_Receive() {
	name, cleanUp := exampleQueue()
	defer cleanUp()
	sendLetters(name, finish, "alpha")

	c, err := consumer.Open[string](name, &consumer.Options{UntilEOF: true})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	letter, err := c.Receive(ctx) // waits while the queue is empty
	fmt.Println(letter, err)
	_, err = c.Receive(ctx)
	fmt.Println(err == io.EOF) // the producer has finished
	// Output:
	// alpha <nil>
	// true
}

func ExampleConsumer_TryReceive() {
	name, cleanUp := exampleQueue()
	defer cleanUp()
	c, err := consumer.Open[string](name, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	_, err = c.TryReceive()
	fmt.Println(errors.Is(err, shmq.ErrEmpty))
	// Output: true
}

func ExampleConsumer_All() {
	name, cleanUp := exampleQueue()
	defer cleanUp()
	sendLetters(name, finish, "alpha", "beta", "gamma")

	c, err := consumer.Open[string](name, &consumer.Options{UntilEOF: true})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for letter, err := range c.All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(letter)
	}
	// Output:
	// alpha
	// beta
	// gamma
}

// A lease that is not acknowledged is delivered again, flagged: after Release, as
// here, or when its holder dies.
func ExampleConsumer_Lease() {
	name, cleanUp := exampleQueue()
	defer cleanUp()
	sendLetters(name, finish, "alpha", "beta")

	c, err := consumer.Open[string](name, &consumer.Options{UntilEOF: true})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for tries := 0; ; tries++ {
		letter, lease, err := c.Lease(context.Background())
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		if tries == 0 {
			fmt.Println("could not deal with", letter)
			lease.Release()
			continue
		}
		fmt.Println(letter, "delivered before:", lease.Redelivered() > 0)
		lease.Ack()
	}
	// Output:
	// could not deal with alpha
	// alpha delivered before: true
	// beta delivered before: false
}

// With UntilEOF a queue ends like a pipe, when nobody is left who writes.
func ExampleOptions_untilEOF() {
	name, cleanUp := exampleQueue()
	defer cleanUp()
	sendLetters(name, justEnd, "alpha", "beta")

	c, err := consumer.Open[string](name, &consumer.Options{UntilEOF: true})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for letter, err := range c.All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(letter)
	}
	fmt.Println("no producer is left")
	// Output:
	// alpha
	// beta
	// no producer is left
}

// Records that are ready are leased together, at about the cost of one.
func ExampleRaw_LeaseBatch() {
	name, cleanUp := exampleQueue()
	defer cleanUp()
	p, err := producer.OpenRaw(name, nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := p.SendBatch(context.Background(), [][]byte{[]byte("one"), []byte("two"), []byte("three")}); err != nil {
		log.Fatal(err)
	}
	if err := p.Finish(); err != nil {
		log.Fatal(err)
	}

	c, err := consumer.OpenRaw(name, &consumer.Options{UntilEOF: true})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	leases := make([]consumer.Lease, 16)
	for {
		n, err := c.LeaseBatch(context.Background(), leases)
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		for i := range leases[:n] {
			fmt.Printf("%s\n", leases[i].Bytes())
			leases[i].Ack()
		}
	}
	// Output:
	// one
	// two
	// three
}

// The bytes of a lease are in the file. If somebody cuts that, who touches them gets an
// error under Guard; without it the process ends.
func ExampleRaw_Guard() {
	name, cleanUp := exampleQueue()
	defer cleanUp()
	sendLetters(name, finish, "alpha")

	c, err := consumer.OpenRaw(name, &consumer.Options{UntilEOF: true})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	l, err := c.TryLease()
	if err != nil {
		log.Fatal(err)
	}
	if err := os.Truncate(name, 0); err != nil { // somebody's mistake
		log.Fatal(err)
	}
	sum := 0
	err = c.Guard(func() error {
		for _, b := range l.Bytes() {
			sum += int(b)
		}
		return nil
	})
	fmt.Println(sum, errors.Is(err, shmq.ErrTruncated))
	// Output: 0 true
}

// Values that are ready are leased together. Each has a lease of its own.
func ExampleConsumer_LeaseBatch() {
	name, cleanUp := exampleQueue()
	defer cleanUp()
	sendLetters(name, finish, "alpha", "beta", "gamma")

	c, err := consumer.Open[string](name, &consumer.Options{UntilEOF: true})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	letters := make([]consumer.Leased[string], 16)
	for {
		n, err := c.LeaseBatch(context.Background(), letters)
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		for i := range letters[:n] {
			fmt.Println(letters[i].Value, letters[i].Err)
			letters[i].Ack()
		}
	}
	// Output:
	// alpha <nil>
	// beta <nil>
	// gamma <nil>
}

// A record that can't be decoded goes to a queue of dead letters before it is acknowledged, so
// that it is in one of the two queues at any time.
func ExampleOptions_onBad() {
	name, cleanUp := exampleQueue()
	defer cleanUp()
	sendLetters(name, finish, "alpha", "beta")

	dead, err := producer.OpenRaw(name+"-dead", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer dead.Close()
	c, err := consumer.Open[int](name, &consumer.Options{
		UntilEOF: true,
		OnBad:    func(e *consumer.DecodeError) error { return dead.TrySend(e.Record) },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	_, err = c.Receive(context.Background())
	fmt.Println(err == io.EOF, dead.Counters().Records)
	// Output: true 2
}

// Many goroutines receive through one consumer.
func ExampleOpenShared() {
	name, cleanUp := exampleQueue()
	defer cleanUp()
	sendLetters(name, finish, "alpha", "beta", "gamma")

	c, err := consumer.OpenShared[string](name, &consumer.Options{UntilEOF: true})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for {
				letter, err := c.Receive(context.Background())
				if err == io.EOF {
					return
				}
				if err != nil {
					log.Print(err)
					return
				}
				fmt.Println(letter)
			}
		})
	}
	workers.Wait()
	// Unordered output:
	// alpha
	// beta
	// gamma
}
