// Package worker works on the records of a queue: it calls a handler for each, several at
// a time, tries again what failed, and puts aside what goes on failing.
//
//	err := worker.Run(ctx, "jobs", &worker.Options[Job]{
//		Jobs:       8,
//		Timeout:    time.Minute,
//		DeadLetter: "jobs-failed",
//	}, func(ctx context.Context, r worker.Record[Job]) error {
//		return resize(ctx, r.Value)
//	})
//
// A record is acknowledged when its handler has returned nil, or when it is safely in the
// queue of dead letters. A worker that is killed before that loses nothing: the record
// is delivered again, to it or to another worker, with Redelivered at least 1. So a
// handler sees each record at least once, and one that can't do its work twice has to
// look at Redelivered and Attempt.
//
// When the context ends, the worker takes no more records. It waits for the handlers that
// run, acknowledges what they finish, and gives everything else back to the queue at
// once: records that wait for their next attempt, or for their turn. Then Run returns
// nil.
//
// Whatever number of workers may share a queue, in one process or in many.
package worker
