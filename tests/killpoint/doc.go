// Package killpoint is a test: a process that takes part in a queue is single-stepped
// with ptrace through one operation and killed after its n-th instruction; after each
// kill fresh participants, and those that live on, check the whole contract.
//
// # How a Go process is stepped
//
// The victim is the test binary, run again. It prepares itself, says so in a page that
// it shares with the tracer, and waits for a word there. The tracer stops all its
// threads and then moves only the one that does the operation, one instruction at a
// time or from system call to system call; the others, the Go runtime's own, stay
// stopped. There is no garbage collection and no preemption, so nothing but the
// operation runs. Each run counts its own instructions, from a marker in the page on;
// which calls had returned the page tells, and what state the kill left is looked at.
//
// A first victim is stepped through all of the operation. Those that are killed run to where they
// die, by a breakpoint of the processor at the instruction that the first one had come to there, for as
// many times as it had come by. A victim that goes another way, because it reads a clock at another time, is stepped;
// a point that none comes by is not counted.
//
// # Where it is killed
//
// A killed process leaves the bytes of the file and the effects of its system calls:
// locks, which the kernel drops, and wake-ups. So instructions between two changes of
// these are one class: a kill after any of them leaves the same. One pass over the
// operation compares the bytes after every instruction and notes each system call.
// With SHMQ_LONG=1 a victim is killed at the first and the last instruction of each
// class, while it sleeps in a futex, and besides at every instruction of an operation
// of up to a thousand, or at a hundred evenly spread over a longer one. A scenario that
// is a variant of another, with checksums for example, is killed at 100 of these points,
// or SHMQ_KILLPOINT_VARIANTS, drawn at random; the bounded form has half of the variants, and
// a quarter of the scenarios that are rare, in one mode each. Otherwise some
// classes of each operation are chosen at random; SHMQ_KILLPOINT_SEED repeats a choice.
// The long form prints its table to standard output:
//
//	SHMQ_LONG=1 go test -parallel 8 -timeout 60m -skip OfC ./tests/killpoint
//
// It runs on Linux on amd64, where ptrace is permitted.
package killpoint
