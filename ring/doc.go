// Package ring has the algorithms of the queue: how producers claim and publish
// slots, how consumers take and free them, and how what a dead participant held
// is recovered. It works on any aligned region of bytes and makes no system
// call: mapping, locks and sleeping are its callers' business. Package inspect
// reads the same bytes from outside.
//
// A Producer or Consumer is for one goroutine at a time; any number of them, in
// any number of processes, work on one region as far as its roles allow. No call
// blocks: each returns ErrFull or ErrEmpty where it would have to wait.
//
// # Where it comes from
//
// The slot that carries its own lap is Vyukov's bounded queue; the single roles
// are Lamport's ring with FastForward's polling of the slot instead of the
// index (Giacomoni, Moseley, Vachharajani, 2008). The difference is that no
// index is ever incremented by a process that could die with the slot still
// unnamed: one compare-and-swap on the slot's word claims it and names the
// owner, and the indices are hints that follow.
package ring
