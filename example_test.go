package shmq_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"os"
	"path/filepath"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/producer"
)

// exampleQueue returns a queue's name for an example: a path in a directory of its
// own, so that nothing appears in /dev/shm. A program says just "jobs".
func exampleQueue() (name string, cleanUp func()) {
	dir, err := os.MkdirTemp("", "shmq-example")
	if err != nil {
		log.Fatal(err)
	}
	return filepath.Join(dir, "jobs"), func() { os.RemoveAll(dir) }
}

// One process sends, another receives; here both are the same.
func Example() {
	name, cleanUp := exampleQueue() // a path; mostly it is a name, such as "jobs"
	defer cleanUp()
	ctx := context.Background()

	type Job struct {
		ID   int
		Task string
	}
	p, err := producer.Open[Job](name, nil)
	if err != nil {
		log.Fatal(err)
	}
	for i, task := range []string{"wash", "dry", "fold"} {
		if err := p.Send(ctx, Job{i, task}); err != nil {
			log.Fatal(err)
		}
	}
	if err := p.Finish(); err != nil {
		log.Fatal(err)
	}

	c, err := consumer.Open[Job](name, &consumer.Options{UntilEOF: true})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for job, err := range c.All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(job.ID, job.Task)
	}
	// Output:
	// 0 wash
	// 1 dry
	// 2 fold
}

func ExampleCreate() {
	name, cleanUp := exampleQueue()
	defer cleanUp()

	// A single producer is faster than many; records of up to 8 KiB take one slot.
	err := shmq.Create(name, &shmq.Options{Producers: shmq.One, Slots: 1000, SlotSize: 8 << 10})
	if err != nil {
		log.Fatal(err)
	}
	err = shmq.Create(name, nil)
	fmt.Println(errors.Is(err, fs.ErrExist))
	// Output: true
}

func ExampleStat() {
	name, cleanUp := exampleQueue()
	defer cleanUp()
	p, err := producer.Open[string](name, &producer.Options{Create: shmq.Options{Slots: 16}})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	if err := p.Send(context.Background(), "hello"); err != nil {
		log.Fatal(err)
	}

	info, err := shmq.Stat(name)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d slots of %d bytes, records of up to %d bytes\n", info.Slots, info.SlotSize, info.MaxRecord)
	fmt.Printf("%d record waiting\n", info.Records)
	for _, p := range info.Participants {
		fmt.Printf("%v, this process: %v, has sent %d\n", p.Role, p.PID == os.Getpid(), p.Records)
	}
	// Output:
	// 16 slots of 1024 bytes, records of up to 8192 bytes
	// 1 record waiting
	// producer, this process: true, has sent 1
}

// Records are shown and stay where they are.
func ExampleView() {
	name, cleanUp := exampleQueue()
	defer cleanUp()
	p, err := producer.OpenRaw(name, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	for _, text := range []string{"one", "two"} {
		if err := p.TrySend([]byte(text)); err != nil {
			log.Fatal(err)
		}
	}

	v, err := shmq.View(name)
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	end := v.Rewind()
	for rec := (shmq.Record{}); ; {
		if err := v.Next(&rec); errors.Is(err, shmq.ErrEmpty) || err == nil && rec.Position >= end {
			break
		} else if err != nil {
			log.Fatal(err)
		}
		fmt.Println(rec.Position, rec.State, string(rec.Data))
	}
	// Output:
	// 0 waiting one
	// 1 waiting two
}

// Another process wrote into the file. Each finding says what it means and what to do.
func ExampleCheck() {
	name, cleanUp := exampleQueue()
	defer cleanUp()
	if err := shmq.Create(name, &shmq.Options{Slots: 16}); err != nil {
		log.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("oops"), layout.OffSlots); err != nil {
		log.Fatal(err)
	}

	d, err := shmq.Check(name)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("damaged:", d.Damaged())
	for _, finding := range d.Findings {
		fmt.Printf("%s at %d: %s\n", finding.Kind, finding.Offset, finding.Means)
	}
	// Output:
	// damaged: true
	// header at 124: no process can attach any more; attached ones go on
	// header at 20: no process can attach any more; attached ones go on
}

func ExampleRemove() {
	name, cleanUp := exampleQueue()
	defer cleanUp()
	p, err := producer.Open[string](name, nil)
	if err != nil {
		log.Fatal(err)
	}

	err = shmq.Remove(name)
	fmt.Println("in use:", errors.Is(err, shmq.ErrInUse))
	if err := p.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(shmq.Remove(name))
	_, err = shmq.Stat(name)
	fmt.Println("gone:", errors.Is(err, fs.ErrNotExist))
	// Output:
	// in use: true
	// <nil>
	// gone: true
}

func ExamplePath() {
	for _, name := range []string{"/var/tmp/jobs", "run/jobs", "../jobs"} {
		path, err := shmq.Path(name)
		if errors.Is(err, shmq.ErrName) {
			fmt.Println("not a queue's name:", name)
			continue
		}
		fmt.Println(path)
	}
	// Output:
	// /var/tmp/jobs
	// run/jobs
	// not a queue's name: ../jobs
}

// A queue that no process can find by a name. Here one process has both ends; mostly the
// file goes to a child, by exec.Cmd.ExtraFiles, which opens "fd:3".
func ExampleCreateAnonymous() {
	f, err := shmq.CreateAnonymous(&shmq.Options{Slots: 16})
	if err != nil {
		log.Fatal(err)
	}
	p, err := producer.Open[string](shmq.FileName(f), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	c, err := consumer.Open[string](shmq.FileName(f), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	f.Close() // both have their own

	ctx := context.Background()
	if err := p.Send(ctx, "hello"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Receive(ctx))
	// Output: hello <nil>
}

// A process hands its queue to another, which knows nothing but a socket.
func ExampleSendFile() {
	dir, err := os.MkdirTemp("", "shmq-example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	address := &net.UnixAddr{Net: "unix", Name: filepath.Join(dir, "socket")}
	l, err := net.ListenUnix("unix", address)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	go func() { // one process
		f, err := shmq.CreateAnonymous(nil)
		if err != nil {
			log.Fatal(err)
		}
		defer f.Close()
		conn, err := l.AcceptUnix()
		if err != nil {
			log.Fatal(err)
		}
		defer conn.Close()
		if err := shmq.SendFile(conn, f); err != nil {
			log.Fatal(err)
		}
	}()

	conn, err := net.DialUnix("unix", nil, address) // the other
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	f, err := shmq.ReceiveFile(conn)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	info, err := shmq.Stat(shmq.FileName(f))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Slots, "slots")
	// Output: 4096 slots
}
