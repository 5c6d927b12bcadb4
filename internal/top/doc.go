// Package top is the live terminal view of queues: a list of all, and one queue looked
// at closely. It only reads.
//
// collect.go asks the library, model.go knows what is shown and what a key does, frame.go,
// list.go, queue.go and participants.go write it down as lines, live.go has the terminal;
// record.go, player.go and replay.go are about recordings. The terminal is driven
// by a handful of sequences that all of them know, so there is no library below.
package top
