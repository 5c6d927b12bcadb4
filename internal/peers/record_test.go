//go:build linux

package peers

import (
	"encoding/binary"
	"fmt"
)

// recordSize is that of every record of every peer.
const recordSize = 48

// window is how many records are on their way at most: the size of the rings.
const window = 1024

// number marks a record as the n-th, at both its ends: one that is torn, lost or out of
// order does not pass checkNumber.
func number(rec []byte, n uint64) {
	binary.NativeEndian.PutUint64(rec, n)
	binary.NativeEndian.PutUint64(rec[recordSize-8:], ^n)
}

func checkNumber(rec []byte, n uint64) error {
	if len(rec) != recordSize {
		return fmt.Errorf("record %d has %d bytes", n, len(rec))
	}
	first, last := binary.NativeEndian.Uint64(rec), binary.NativeEndian.Uint64(rec[recordSize-8:])
	if first != n || last != ^n {
		return fmt.Errorf("record %d holds %d and, inverted, %d", n, first, ^last)
	}
	return nil
}
