package gate

import (
	"crypto/rand"
	"encoding/binary"
	"hash/fnv"

	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/sys"
)

// stamp identifies this boot, the file and the mount it was opened through: FNV-1a of
// boot id, st_dev, st_ino and mount id, never 0. While it is the same, what was stored
// into a mapping of the file is what a later mapping shows. After a reboot, in a copy, or
// when the filesystem was unmounted in between, it is another.
func stamp(q *mapped.Queue) (uint64, error) {
	id, err := q.File.ID()
	if err != nil {
		return 0, err
	}
	boot := sys.BootID()
	if boot == [16]byte{} {
		// Without /proc one boot can't be told from another: no stamp comes twice.
		_, _ = rand.Read(boot[:]) // never fails
	}
	b := boot[:]
	for _, n := range []uint64{id.Dev, id.Ino, q.File.Mount()} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	h := fnv.New64a()
	_, _ = h.Write(b)
	if sum := h.Sum64(); sum != 0 {
		return sum, nil
	}
	return 1, nil
}
