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

import (
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/ring"
)

// Sentinels: test for them with errors.Is.
var (
	// Of sending and receiving:

	// ErrFull: a call that does not wait found no room.
	ErrFull = ring.ErrFull
	// ErrEmpty: a call that does not wait found no record.
	ErrEmpty = ring.ErrEmpty
	// ErrLagged: records were overwritten before this consumer received them; it goes on behind
	// them. The error is a *consumer.LaggedError, which says how many.
	ErrLagged = ring.ErrLagged
	// ErrTooLarge: the record can never fit into this queue.
	ErrTooLarge = ring.ErrTooLarge
	// ErrClosed: the producer or consumer was closed. It is an os.ErrClosed too.
	ErrClosed = fail.ErrClosed
	// ErrManyProducers: the queue has many producers, so it has no marks.
	ErrManyProducers = ring.ErrManyProducers
	// ErrBrokenOff: a stream ended before its producers had sent all that they meant to, as
	// far as that can be told; it is an io.ErrUnexpectedEOF.
	ErrBrokenOff = fail.ErrBrokenOff

	// Of attaching and of files:

	// ErrName: the name cannot be a queue's.
	ErrName = fail.ErrName
	// ErrOption: an option has a value that is not allowed.
	ErrOption = fail.ErrOption
	// ErrRoleTaken: the queue has a single producer, or consumer, and another
	// process is it.
	ErrRoleTaken = fail.ErrRoleTaken
	// ErrNoSeat: as many processes are attached as the queue has seats.
	ErrNoSeat = fail.ErrNoSeat
	// ErrInUse: the queue has participants.
	ErrInUse = fail.ErrInUse
	// ErrNotQueue: the file is something else.
	ErrNotQueue = fail.ErrNotQueue
	// ErrVersion: the file is a queue of another layout version.
	ErrVersion = fail.ErrVersion
	// ErrNoSpace: the filesystem, the memory or a limit on either cannot hold the queue.
	ErrNoSpace = fail.ErrNoSpace
	// ErrRefused: the kernel, a limit or a sandbox refuses what a queue needs.
	ErrRefused = fail.ErrRefused
	// ErrRemoved: the queue was removed, or replaced by another, while this
	// participant was attached.
	ErrRemoved = fail.ErrRemoved
	// ErrTruncated: the file was cut while participants were attached.
	ErrTruncated = fail.ErrTruncated
	// ErrSync: what is in the queue is not known to be on stable storage.
	ErrSync = fail.ErrSync
	// ErrDamaged: the file is a queue, and makes no sense.
	ErrDamaged = fail.ErrDamaged
)

// Error says which operation failed on which queue, and wraps the reason: its fields are
//
//	Op    string // "create", "attach to", "send to", ...
//	Queue string // as the caller named it
//	Err   error
type Error = fail.Error
