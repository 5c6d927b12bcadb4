package history

import "encoding/binary"

// Seal gives each frame of a file the checksum that it should have, so that a test gets past it.
func Seal(file []byte) []byte {
	b := append([]byte(nil), file...)
	for at := headerSize; at+frameHead <= len(b); {
		n := int(binary.LittleEndian.Uint32(b[at:]))
		if n > len(b)-at-frameHead {
			break
		}
		binary.LittleEndian.PutUint32(b[at+4:], sum(b[at:at+4], b[at+frameHead:at+frameHead+n]))
		at += frameHead + n
	}
	return b
}
