// Package peers measures other ways to hand records from one process to another on the
// same machine, beside shmq in the same run. It is a module of its own, so that programs that use
// shmq do not download them. See README.md.
package peers
