// Package history keeps looks at queues in a file: what `shmq top --record` writes and
// `shmq top --replay` shows.
//
// The file begins with the eight bytes of its header: "shmqhis" and the version of the format. Frames follow,
// one behind the other, each written by one write:
//
//	length   u32  little-endian, of the payload
//	checksum u32  CRC-32C of the length and the payload
//	payload:
//	  kind   u8   1 starts anew, 0 goes on from the frame before
//	  time   i64  little-endian, microseconds since 1970
//	  count  uvarint, of queues; then of each:
//	    ref     uvarint  0: a new queue, its name follows (uvarint length, bytes);
//	                     n: the queue n-1 of the frame before
//	    walked  uvarint  0 for never, else 1 more than the microseconds that the slots
//	                     were last looked at before this frame
//	    kind    u8       0 as in the frame before, 1 described, 2 an error; bit 2 (4): the
//	                     slots were looked at this time
//	    body    uvarint length and bytes, unless it is as before: the description as JSON, or the error's
//	            text; DEFLATE with the body of the frame before as the dictionary
//
// A process that is killed while it writes leaves the beginning of a frame. A reader ignores that,
// and a writer that appends cuts it off first. Frames that start anew let a reader begin in the middle.
package history

import (
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/shmq/shmq/internal/watch"
)

// Frame is what was seen of queues at a time. The looks have names, errors, descriptions, and
// flows where the frame before was of the same queue.
type Frame struct {
	Time  time.Time
	Looks []watch.Look
}

// Version is the version of the format.
const Version = 1

const (
	magic      = "shmqhis"
	headerSize = len(magic) + 1
	frameHead  = 8
	keyEvery   = 64 // frames, at most, to one that starts anew

	maxPayload = 64 << 20  // of a frame, in bytes
	maxBody    = 16 << 20  // of a queue's description
	maxFrame   = 256 << 20 // of all descriptions of a frame
)

var (
	// ErrNotHistory: the file was not written by this package.
	ErrNotHistory = errors.New("not a recording of shmq top")
	// ErrVersion: a later version wrote it.
	ErrVersion = errors.New("a recording of another version")
	// ErrDamaged: a frame in the middle has a wrong checksum or makes no sense.
	ErrDamaged = errors.New("the recording is damaged")
	// ErrBusy: another process appends to it.
	ErrBusy = errors.New("another process records to the file")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checkHeader checks the beginning of a file. One that was cut within the header has no frames.
func checkHeader(b []byte) error {
	n := min(len(b), len(magic))
	if string(b[:n]) != magic[:n] {
		return fmt.Errorf("%w: it does not start with %q", ErrNotHistory, magic)
	}
	if len(b) >= headerSize && b[len(magic)] != Version {
		return fmt.Errorf("%w: version %d, and this program knows %d", ErrVersion, b[len(magic)], Version)
	}
	return nil
}
