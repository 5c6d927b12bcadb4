//go:build !shmqstep

package ring_test

// stepped: see disk_step_test.go. Here the machine stops between calls.
const stepped = false

func eachAccess(_ *machine, work func()) { work() }
