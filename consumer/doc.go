// Package consumer receives records from a queue.
//
// A Consumer[T] receives Go values, decoded from msgpack unless another codec is
// chosen. A Raw receives bytes: copied out, or in place, as a Lease.
//
// A Lease holds a record until it is acknowledged. If its holder is killed before
// that, another consumer gets the record, flagged as redelivered. So a program that
// works on a record first and acknowledges it then sees each record at least once. Receive is
// for convenience: it acknowledges as soon as it has the bytes, so a record that was
// received and not yet dealt with dies with its process.
//
// Each call comes in two kinds: one that waits for a record until its context ends,
// and one, named Try, that returns shmq.ErrEmpty instead. At the end of the stream
// both return io.EOF. A consumer, with its leases, is for one goroutine at a time; a
// second one gets a panic. A program opens one for each goroutine that receives, or a Shared
// for all of them. To end a call that waits, cancel its context, or close the consumer, which
// any goroutine may do.
package consumer
