package producer_test

import (
	"context"
	"errors"
	"expvar"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
)

// exampleQueue returns a queue's name for an example: a path in a directory of its
// own, so that nothing appears in /dev/shm. A program says just "measurements".
func exampleQueue() (name string, cleanUp func()) {
	dir, err := os.MkdirTemp("", "shmq-example")
	if err != nil {
		log.Fatal(err)
	}
	return filepath.Join(dir, "measurements"), func() { os.RemoveAll(dir) }
}

// printRecords plays the other side.
func printRecords(name string) {
	c, err := consumer.OpenRaw(name, &consumer.Options{UntilEOF: true})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for record, err := range c.All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q\n", record)
	}
}

func ExampleOpen() {
	name, cleanUp := exampleQueue()
	defer cleanUp()
	type Measurement struct {
		Sensor string  `msgpack:"sensor"`
		Value  float64 `msgpack:"value"`
	}

	p, err := producer.Open[Measurement](name, nil) // makes the queue if it is absent
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := p.Send(ctx, Measurement{"cellar", 11.5}); err != nil { // waits while the queue is full
		log.Fatal(err)
	}

	c, err := consumer.Open[Measurement](name, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	m, err := c.Receive(ctx)
	fmt.Println(m.Sensor, m.Value, err)
	// Output: cellar 11.5 <nil>
}

func ExampleProducer_TrySend() {
	name, cleanUp := exampleQueue()
	defer cleanUp()
	p, err := producer.Open[int](name, &producer.Options{Create: shmq.Options{Slots: 4}})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	for i := range 10 {
		if err := p.TrySend(i); errors.Is(err, shmq.ErrFull) {
			fmt.Println("full after", i)
			break
		} else if err != nil {
			log.Fatal(err)
		}
	}
	// Output: full after 4
}

func ExampleProducer_SendBatch() {
	name, cleanUp := exampleQueue()
	defer cleanUp()
	p, err := producer.Open[string](name, nil)
	if err != nil {
		log.Fatal(err)
	}
	n, err := p.SendBatch(context.Background(), []string{"north", "east", "south", "west"})
	fmt.Println(n, err)
	if err := p.Finish(); err != nil {
		log.Fatal(err)
	}
	printRecords(name) // as msgpack
	// Output:
	// 4 <nil>
	// "\xa5north"
	// "\xa4east"
	// "\xa5south"
	// "\xa4west"
}

// A record can be written where it will lie, without being copied.
func ExampleRaw_Reserve() {
	name, cleanUp := exampleQueue()
	defer cleanUp()
	p, err := producer.OpenRaw(name, nil)
	if err != nil {
		log.Fatal(err)
	}
	buf, err := p.Reserve(context.Background(), 64) // as much as it can take
	if err != nil {
		log.Fatal(err)
	}
	record := strconv.AppendInt(buf[:0], 1729, 10)
	if err := p.Commit(len(record)); err != nil { // as much as it took
		log.Fatal(err)
	}
	if err := p.Close(); err != nil {
		log.Fatal(err)
	}
	printRecords(name)
	// Output: "1729"
}

func ExampleRaw_SendBatch() {
	name, cleanUp := exampleQueue()
	defer cleanUp()
	p, err := producer.OpenRaw(name, nil)
	if err != nil {
		log.Fatal(err)
	}
	n, err := p.SendBatch(context.Background(), [][]byte{[]byte("one"), {}, []byte("three")})
	fmt.Println(n, err)
	if err := p.Close(); err != nil {
		log.Fatal(err)
	}
	printRecords(name)
	// Output:
	// 3 <nil>
	// "one"
	// ""
	// "three"
}

// A journal on a disk: what was sent a second ago, or a hundred records ago, survives a
// power cut, and what Sync has returned for. In the meantime a send costs no write.
func ExampleOptions_durability() {
	name, cleanUp := exampleQueue() // a path on a disk
	defer cleanUp()
	p, err := producer.Open[string](name, &producer.Options{
		Durability: producer.Durability{Every: 100, Within: time.Second},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := p.TrySend("credit 5"); err != nil && !errors.Is(err, shmq.ErrSync) {
		log.Fatal(err) // with ErrSync it is in the queue, and perhaps not on the disk
	}
	fmt.Println(p.Sync()) // before this is acted upon
	if err := p.Close(); err != nil {
		log.Fatal(err)
	}
	info, err := shmq.Stat(name)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("checksums:", info.Checksum)
	// Output:
	// <nil>
	// checksums: true
}

// Counters are for monitoring: any goroutine may read them, at any time. With package
// expvar they appear under /debug/vars.
func ExampleRaw_Counters() {
	name, cleanUp := exampleQueue()
	defer cleanUp()
	p, err := producer.Open[string](name, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	expvar.Publish("shmq.measurements", expvar.Func(func() any { return p.Raw().Counters() }))

	for _, s := range []string{"a", "bc"} {
		if err := p.TrySend(s); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(expvar.Get("shmq.measurements"))
	// Output: {"records":2,"bytes":5,"waits":0,"wakes":0,"redelivered":0}
}

// The handlers of a server, for example, send through one producer.
func ExampleOpenShared() {
	name, cleanUp := exampleQueue()
	defer cleanUp()

	p, err := producer.OpenShared[string](name, nil)
	if err != nil {
		log.Fatal(err)
	}
	var handlers sync.WaitGroup
	for range 3 {
		handlers.Go(func() {
			if err := p.Send(context.Background(), "handled"); err != nil {
				log.Print(err)
			}
		})
	}
	handlers.Wait()
	fmt.Println(p.Counters().Records, "records")
	if err := p.Close(); err != nil {
		log.Fatal(err)
	}
	// Output: 3 records
}
