//go:build !shmqstep

package atomics

func step[T uint32 | uint64](*T, Op) {}
