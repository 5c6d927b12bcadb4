package gate

import (
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
	return hash(id, q.File.Mount()), nil
}

// home identifies this boot, the file, and the last change to it that was not made through a
// mapping. While it is the same, no process has put an older state of the queue in the place of
// this one. In a copy, after a reboot and where the file was written over it is another. ok
// is false where the filesystem does not tell. The kernel's clock for this has ticks of up to
// 10 ms.
//
// The mount does not count: in each container a filesystem in memory may have another.
func home(q *mapped.Queue, touched func(*sys.File) (int64, bool, error)) (stamp uint64, ok bool, err error) {
	at, ok, err := touched(q.File)
	if err != nil || !ok {
		return 0, false, err
	}
	id, err := q.File.ID()
	if err != nil {
		return 0, false, err
	}
	return hash(id, uint64(at)), true, nil
}

// hash is FNV-1a of the boot id, an id of a file and another number, never 0.
func hash(id sys.ID, n uint64) uint64 {
	boot := sys.BootID()
	if boot == [16]byte{} {
		// Without /proc one boot can't be told from another: no stamp comes twice.
		sys.Random(boot[:])
	}
	b := boot[:]
	for _, n := range []uint64{id.Dev, id.Ino, n} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	h := fnv.New64a()
	_, _ = h.Write(b)
	return max(h.Sum64(), 1)
}
