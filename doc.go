// Package shmq is a message queue over shared memory for Linux: unrelated
// processes attach by name, mostly to a file under /dev/shm, and exchange records
// through it, from one or many producers to one or many consumers. A process that is
// killed, at any instruction, takes nothing from the others.
//
// This package makes, lists, describes, checks, looks into and removes queues. Programs
// send with package producer and receive with package consumer; both make the queue
// when it is absent, so either side may start first.
//
// # Names
//
// A name without a slash means the file shmq.NAME in /dev/shm, or in the directory
// that the environment variable SHMQ_DIR names. A name with a slash is a path.
//
// The name fd:N means the queue that this process's descriptor N is, whichever process opened it:
// mostly an anonymous one, of CreateAnonymous, that no other process can find. The names
// sysv:KEY and sysv:id:ID mean System V segments. A file that is called so needs a path.
// docs/places.md tells what each kind of place is good for.
//
// # Durability
//
// A queue in memory ends with the machine's run. One in a file on a disk, made with
// Options.Checksum, has after a crash of the machine what was synced before: by Sync, or
// as records are sent, as producer.Durability says. The first participant that attaches then
// rebuilds it.
//
// # Errors
//
// Every error names the queue and the operation and says what to do; most wrap one of the
// sentinels below or of package io/fs: test with errors.Is. A queue that is removed comes
// to its end for those attached, with ErrRemoved. A file that is cut under them gives
// ErrTruncated. A lease or a reservation, memory that is touched between calls, may turn
// into zeros then; Guard tells.
package shmq
