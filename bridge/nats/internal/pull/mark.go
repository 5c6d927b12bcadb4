package pull

import (
	"encoding/binary"
	"hash/fnv"
	"time"

	"github.com/shmq/shmq/producer"
)

// The mark of a record is where its message stands in the stream: the sequence, and a word
// that tells this message from others that may have the sequence: a hash of when the stream
// was made in the upper half, and one of when the message was stored in the lower half. A
// stream that is made again counts from 1, and one that loses its end uses sequences again.

func markOf(seq, made uint64, stored time.Time) producer.Mark {
	return producer.Mark{seq, uint64(hash(made))<<32 | uint64(hash(uint64(stored.UnixNano())))}
}

// sameStream reports whether a mark is of the stream that was made at that time.
func sameStream(m producer.Mark, made uint64) bool { return uint32(m[1]>>32) == hash(made) }

// sameMessage reports whether the message that a mark is of was stored at that time.
func sameMessage(m producer.Mark, stored time.Time) bool {
	return uint32(m[1]) == hash(uint64(stored.UnixNano()))
}

func hash(n uint64) uint32 {
	h := fnv.New32a()
	_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, n))
	return h.Sum32()
}
