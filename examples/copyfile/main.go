// Command copyfile copies a file through a queue: the parent reads it in chunks, and
// worker processes write the chunks to their places in the copy.
//
//	go run ./examples/copyfile -workers 3 SOURCE TARGET
//
// A worker holds a lease on a chunk until it has written it. If it is killed before
// that, another worker gets the chunk; to write it a second time does no harm. So
// try this on a large file, and kill a worker.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
)

// A record is the chunk's offset in 8 bytes, and the chunk. It fits into one slot.
const (
	offsetSize = 8
	slotSize   = 64 << 10
	chunkSize  = slotSize - offsetSize
	slots      = 64
)

func main() {
	workers := flag.Int("workers", 3, "processes that write")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch args := flag.Args(); {
	case len(args) == 3 && args[0] == "worker":
		err = worker(ctx, args[1], args[2])
	case len(args) == 2 && *workers > 0:
		err = copyFile(ctx, args[0], args[1], *workers)
	default:
		err = errors.New("usage: copyfile [-workers N] SOURCE TARGET")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "copyfile:", err)
		os.Exit(1)
	}
}

func copyFile(ctx context.Context, source, target string, workers int) (err error) {
	src, err := os.Open(source)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) // overwrites nothing
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	queue := fmt.Sprintf("copyfile-%d", os.Getpid())
	if err := shmq.Create(queue, &shmq.Options{Producers: shmq.One, Slots: slots, SlotSize: slotSize}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shmq.ForceRemove(queue)) }()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wait, err := startWorkers(ctx, queue, target, workers)
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		wait()
		cancel() // without workers, what is sent would wait for ever
		close(ended)
	}()
	err = send(ctx, queue, src)
	if err != nil {
		cancel()
	}
	<-ended
	if err != nil {
		return fmt.Errorf("the copy is not complete: %w", err)
	}
	// If the last worker was killed, its chunk is still in the queue.
	return writeRest(queue, dst)
}

// startWorkers starts the workers, which ctx kills, and returns a function that
// waits for their end. That one was killed is no error: the others do its work. When it
// returns they are attached: one that came after the end of the stream would wait for the
// next.
func startWorkers(ctx context.Context, queue, target string, n int) (wait func(), err error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var running sync.WaitGroup
	for range n {
		cmd := exec.CommandContext(ctx, exe, "worker", queue, target)
		cmd.Stderr = os.Stderr
		said, err := cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		_, _ = said.Read(make([]byte, 1)) // or it has ended
		running.Go(func() {
			if err := cmd.Wait(); err != nil {
				fmt.Fprintf(os.Stderr, "copyfile: worker %d: %v\n", cmd.Process.Pid, err)
			}
		})
	}
	return running.Wait, nil
}

// send reads chunks into the queue's own memory: no other copy is made.
func send(ctx context.Context, queue string, src io.Reader) (err error) {
	p, err := producer.OpenRaw(queue, nil)
	if err != nil {
		return err
	}
	for offset := uint64(0); ; {
		record, err := p.Reserve(ctx, slotSize)
		if err != nil {
			return errors.Join(err, p.Close())
		}
		binary.LittleEndian.PutUint64(record, offset)
		n, err := io.ReadFull(src, record[offsetSize:])
		if err == io.EOF {
			p.Abort()
			return p.Finish()
		}
		if err != nil && err != io.ErrUnexpectedEOF {
			return errors.Join(err, p.Close())
		}
		if err := p.Commit(offsetSize + n); err != nil {
			return errors.Join(err, p.Close())
		}
		offset += uint64(n)
	}
}

func worker(ctx context.Context, queue, target string) error {
	dst, err := os.OpenFile(target, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(ctx, queue, dst), dst.Close())
}

// write writes chunks to their places until there are no more.
func write(ctx context.Context, queue string, dst io.WriterAt) error {
	c, err := consumer.OpenRaw(queue, &consumer.Options{NoCreate: true, UntilEOF: true})
	if err != nil {
		return err
	}
	fmt.Print(".") // to the parent: it is attached
	for {
		lease, err := c.Lease(ctx)
		if err == io.EOF {
			return c.Close()
		}
		if err != nil {
			return errors.Join(err, c.Close())
		}
		// The record lies in the queue's file, which another process might cut.
		if err := c.Guard(func() error { return place(lease.Bytes(), dst) }); err != nil {
			return errors.Join(err, c.Close()) // what is leased goes to another worker
		}
		lease.Ack()
	}
}

// writeRest writes the chunks that are left when no worker is. The end of the stream was
// for the workers.
func writeRest(queue string, dst io.WriterAt) error {
	c, err := consumer.OpenRaw(queue, &consumer.Options{NoCreate: true})
	if err != nil {
		return err
	}
	for {
		lease, err := c.TryLease()
		if errors.Is(err, shmq.ErrEmpty) {
			return c.Close()
		}
		if err == nil {
			err = c.Guard(func() error { return place(lease.Bytes(), dst) })
		}
		if err != nil {
			return errors.Join(err, c.Close())
		}
		lease.Ack()
	}
}

// place writes a chunk to its place.
func place(record []byte, dst io.WriterAt) error {
	if len(record) < offsetSize {
		return fmt.Errorf("a record of %d bytes is no chunk", len(record))
	}
	offset := int64(binary.LittleEndian.Uint64(record))
	_, err := dst.WriteAt(record[offsetSize:], offset)
	return err
}
