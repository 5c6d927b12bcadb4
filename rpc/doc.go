// Package rpc asks and answers over queues: a client sends requests to a queue that any number
// of servers share, and gets each answer in a queue of its own.
//
//	client, err := rpc.Dial[Add, int]("adder", nil)
//	...
//	sum, err := client.Call(ctx, Add{2, 3})
//
// and, in as many processes as there is work for,
//
//	err := rpc.Serve(ctx, "adder", nil, func(ctx context.Context, r Add) (int, error) {
//		return r.A + r.B, nil
//	})
//
// A request is leased by its server until the answer is sent. A server that is killed leaves
// the request to another one, with Info.Redelivered at least 1: a handler runs at least once
// for each request that is not too late. A client sees one answer to each call: it drops
// every other by the call's number.
//
// The answer queue of a client lies beside the request queue, with the same name, ".answers-"
// and 16 hexadecimal digits behind it. It belongs to the client and goes with it: Close
// removes it, and that of a client that was killed is removed by servers, by other clients,
// and by shmq gc.
//
// A request carries the deadline of its call's context. A server skips a request that is too
// late or whose client is gone, and counts it. A call that is cancelled returns at once; if its
// handler runs, the answer is dropped by the client.
//
// docs/rpc.md has the promises, and the bytes of requests and answers.
package rpc
