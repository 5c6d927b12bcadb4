// Package deadletter reads and writes dead letters: records that failed, with the reason.
// Workers (package worker, shmq-recv --exec --dead-letter) send them to a queue of their
// own, and shmq requeue puts the records back.
//
// A letter is a msgpack map, so that any program that receives msgpack can read it. Its
// keys are listed in docs/commands.md.
package deadletter
