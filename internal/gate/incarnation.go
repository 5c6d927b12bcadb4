package gate

import (
	"encoding/binary"

	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/sys"
)

// A record is told from all others by the queue's creation id, its incarnation and its
// position. An incarnation has to begin wherever positions may be used again: where a queue
// goes on from a state that it had before. A rebuild is one such place, a copy of the file is
// another, and so is a file that an older state was copied over, say from a backup.
//
// Whether that happened can be seen where the filesystem keeps the time of the last write to
// a file apart from stores to its mappings, which those in memory do: the stamp home is
// another then. It is in the queue, at HotHome, since the last incarnation began. So nothing
// has to be done at most attaches, and the queue needs no gate. In a file on a disk nothing
// tells, so the process that comes alone always begins an incarnation, behind the gate.
//
// Why two that attach at once can't go wrong without the gate: each takes its role first and
// compares the stamp then. One that begins an incarnation holds the gate, is alone, and
// keeps the gate until it has its role. So a participant that finds the right stamp has had
// its role since the incarnation began; one that finds another stamp gives the role back, and
// comes again through the gate. Only a change to the file in between, by chmod say, makes a
// stamp wrong that was right, and that does no harm: records go on in the incarnation that
// there is, and the next process to come alone begins another.
//
// Killed between the entry and the stamp: the stamp is the old one, and the next one to come
// alone begins another incarnation, which takes the place of this one, of which no record is.

// Closed reports whether the queue has a gate now: always with checksums, and in a file on a
// disk; else until an incarnation has begun here.
func Closed(q *mapped.Queue) (bool, error) { return closed(q, (*sys.File).Touched) }

func closed(q *mapped.Queue, touched func(*sys.File) (int64, bool, error)) (bool, error) {
	if q.Header.Checksum {
		return true, nil
	}
	here, ok, err := home(q, touched)
	return err == nil && (!ok || q.Ring.Home() != here), err
}

// beginIncarnation begins an incarnation if the queue was rebuilt, or is not known to be in
// the state in which it was left.
//
// Preconditions: the caller holds the gate; no process has a role.
func beginIncarnation(q *mapped.Queue, rebuilt bool) error {
	here, ok, err := home(q, (*sys.File).Touched)
	if err != nil || ok && q.Ring.Home() == here && !rebuilt {
		return err
	}
	var id [8]byte
	sys.Random(id[:])
	q.Ring.BeginIncarnation(max(binary.LittleEndian.Uint64(id[:]), 1))
	q.Ring.SetHome(here)
	return nil
}
