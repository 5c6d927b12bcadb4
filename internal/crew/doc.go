// Package crew works on the records of a queue: package worker and shmq-recv --exec are
// made of it.
//
//	queue ──lease──> Crew.Run ──────> a goroutine a job: Handle, again where it fails
//	      <──ack────    ^  (one                │
//	                    │   goroutine)         │ succeeded, dropped, dead letter sent,
//	                    └──────finish──────────┘ or to be released
//
// One goroutine has the consumer. It takes records, hands out jobs of one record or a
// batch, and settles each when its job has ended. A record is acknowledged only when its
// handler has succeeded, when its dead letter is in another queue, or when it is to be
// dropped. Until then its lease is held, so that a worker that is killed loses nothing.
package crew
