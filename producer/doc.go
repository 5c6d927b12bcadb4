// Package producer sends records to a queue.
//
// A Producer[T] sends Go values, encoded as msgpack unless another codec is
// chosen. A Raw sends bytes: copied, batched, or written in place between Reserve
// and Commit.
//
// Each call comes in two kinds: one that waits for room until its context ends, and
// one, named Try, that returns shmq.ErrFull instead, after a second look a microsecond later
// where consumers share the queue and are at work. A producer is for one
// goroutine at a time; a second one gets a panic. A program opens one for each goroutine
// that sends, or a Shared for all of them. To end a call that waits, cancel its context, or
// close the producer, which any goroutine may do.
//
// A record is in the queue, whole, when the call that sent it returns nil. If the
// process is killed before, the record was sent whole or not at all.
package producer
