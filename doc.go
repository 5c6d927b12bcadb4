// Package shmq is a message queue over shared memory for Linux: unrelated
// processes attach by name to a file under /dev/shm and exchange records through
// it, from one or many producers to one or many consumers. A process that is
// killed, at any instruction, takes nothing from the others.
//
// This package makes, lists, describes, looks into and removes queues. Programs
// send with package producer and receive with package consumer; both make the queue
// when it is absent, so either side may start first.
//
// # Names
//
// A name without a slash means the file shmq.NAME in /dev/shm, or in the directory
// that the environment variable SHMQ_DIR names. A name with a slash is a path.
//
// The name fd:N means the queue that this process's descriptor N is, whoever opened it:
// mostly an anonymous one, of CreateAnonymous, that no other process can find. A file
// that is called so needs a path.
//
// # Errors
//
// Every error names the queue and the operation, and wraps one of the sentinels
// below or of package io/fs; test with errors.Is.
package shmq
