//go:build linux

package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/rpc"
)

type Divide struct{ A, B int }

// A server and a client, which would be in processes of their own.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error)
	go func() {
		served <- rpc.Serve(ctx, "divide", nil, func(_ context.Context, r Divide) (int, error) {
			if r.B == 0 {
				return 0, &rpc.Error{Code: "by-zero", Text: "B is 0"}
			}
			return r.A / r.B, nil
		})
	}()

	client, err := rpc.Dial[Divide, int]("divide", nil)
	if err != nil {
		log.Fatal(err)
	}
	in, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	fmt.Println(client.Call(in, Divide{42, 6}))
	_, err = client.Call(in, Divide{1, 0})
	var failed *rpc.Error
	fmt.Println(errors.As(err, &failed), failed.Code)

	if err := client.Close(); err != nil {
		log.Fatal(err)
	}
	stop()
	fmt.Println(<-served, shmq.Remove("divide"))
	// Output:
	// 7 <nil>
	// true by-zero
	// <nil> <nil>
}
