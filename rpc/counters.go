package rpc

import "sync/atomic"

// Counters count what became of requests, in a server. They are safe for concurrent use. Every
// request that a server takes counts once as Answered, Failed, Expired, Gone, Refused or
// Dropped, when its server is done with it.
type Counters struct {
	// Answered requests have an answer of the handler's in the answer queue, Failed ones an
	// *Error.
	Answered, Failed atomic.Uint64
	// Expired requests were too late when the server came to them, those of Gone clients had
	// nobody left to answer to: they were not handled.
	Expired, Gone atomic.Uint64
	// Refused records were no requests, or not as their client had made them, or name a queue
	// that is no answer queue.
	Refused atomic.Uint64
	// Dropped requests got no answer, because the answer queue had no room in time or could not
	// be attached to, because its client was gone by then, or because the handler failed and the
	// deadline was over. Most of them were handled.
	Dropped atomic.Uint64
	// Redelivered requests had been handed to a server before; they count elsewhere, too.
	Redelivered atomic.Uint64
	// Collected answer queues of clients that were gone were removed.
	Collected atomic.Uint64
}

// ClientCounters count what became of a client's calls.
type ClientCounters struct {
	Calls    uint64 `json:"calls"`    // begun
	Answers  uint64 `json:"answers"`  // answers that a call returned, errors of servers among them
	Errors   uint64 `json:"errors"`   // of these
	Canceled uint64 `json:"canceled"` // calls whose context ended before
	// Dropped answers came for calls that had ended: late ones, and those of a second server after
	// the first one was killed.
	Dropped uint64 `json:"dropped"`
	// Bad records of the answer queue were no answers.
	Bad uint64 `json:"bad"`
}
