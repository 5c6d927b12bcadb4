//go:build shmqstep

package ring_test

import (
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
)

// stepped: the machine can stop, and parts of the ring reach the disk, before each access
// to a shared word.
const stepped = true

func eachAccess(k *machine, work func()) {
	left := 20 + k.rng.IntN(400)
	atomics.SetHook(func(unsafe.Pointer, atomics.Op) {
		if k.rng.IntN(3) == 0 {
			k.disk.writeBack(k.rng, k.rng.IntN(4))
		}
		if left--; left < 0 {
			panic(stopped{})
		}
		if k.mortal && k.rng.IntN(100) == 0 {
			panic(died{})
		}
	})
	defer atomics.SetHook(nil)
	work()
}
