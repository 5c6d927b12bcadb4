//go:build linux

// Command goend is an end in Go for clients/c/bench: it obeys as the ends in C do.
//
//	goend end one|batch send|receive QUEUE RECORDS PAYLOAD
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"

	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/producer"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "goend:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 6 || args[1] != "one" {
		return fmt.Errorf("want: end one send|receive QUEUE RECORDS PAYLOAD")
	}
	n, err := strconv.Atoi(args[4])
	if err != nil {
		return err
	}
	size, err := strconv.Atoi(args[5])
	if err != nil {
		return err
	}
	if args[2] == "send" {
		return send(args[3], n, make([]byte, size))
	}
	return receive(args[3], n)
}

func send(queue string, n int, rec []byte) error {
	p, err := producer.OpenRaw(queue, &producer.Options{NoCreate: true, Prefault: true})
	if err != nil {
		return err
	}
	start, err := begin()
	for i := 0; i < n && err == nil; i++ {
		err = p.Send(context.Background(), rec)
	}
	if err == nil {
		err = report(start)
	}
	if err != nil {
		return err
	}
	return p.Close()
}

func receive(queue string, n int) error {
	c, err := consumer.OpenRaw(queue, &consumer.Options{NoCreate: true, Prefault: true})
	if err != nil {
		return err
	}
	buf := make([]byte, 0, 4096)
	start, err := begin()
	for i := 0; i < n && err == nil; i++ {
		buf, err = c.Receive(context.Background(), buf)
	}
	if err == nil {
		err = report(start)
	}
	if err != nil {
		return err
	}
	return c.Close()
}

// begin says that this end is ready, and waits for the word to begin.
func begin() (start int64, err error) {
	if _, err := os.Stdout.Write([]byte{'r'}); err != nil {
		return 0, err
	}
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return 0, err
	}
	return sys.MonotonicNanos(), nil
}

func report(start int64) error {
	b := binary.LittleEndian.AppendUint64(nil, uint64(start))
	_, err := os.Stdout.Write(binary.LittleEndian.AppendUint64(b, uint64(sys.MonotonicNanos())))
	return err
}
