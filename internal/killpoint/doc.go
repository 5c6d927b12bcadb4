// Package killpoint is a test: a process that takes part in a queue is single-stepped
// with ptrace through one operation and killed after its n-th instruction, for every
// n; after each kill fresh participants, and those that live on, check the whole
// contract.
//
// The victim is the test binary, run again. It prepares itself, says so in a page that
// it shares with the tracer, and spins. The tracer stops all its threads and then
// moves only the one that will do the operation, one instruction at a time; the others,
// the Go runtime's own, stay stopped, so nothing but the operation runs and a run is
// repeatable but for addresses and times. Each run counts its own instructions, from a
// marker in the page on, and the state that the kill left is looked at, not assumed.
//
// What a killed process leaves is exactly the bytes of the file, the locks, which the
// kernel drops, and what its system calls did. So instructions between two changes of
// these are one class: a kill after any of them leaves the same. One pass over the
// operation compares the file's bytes after every instruction and notes each system
// call; the first and the last instruction of each class are then enough where an
// operation is too long, because of the kernel's and the runtime's part in it, to kill
// at each of them.
package killpoint
