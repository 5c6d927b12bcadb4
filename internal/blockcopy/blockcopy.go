// Package blockcopy copies payloads between the memory of a program and memory that another
// core reads or writes at the same time.
//
// A store to a line that another core has waits until that core has sent the line back, only to be
// overwritten whole; and a loop of loads waits for one line after the other. A string instruction,
// which is told the length in advance, takes lines over without their contents, and asks for many at
// once. On amd64 it is what copies from Least bytes on. The runtime's memmove has one only
// for processors without AVX.
package blockcopy

// Least is from how many bytes on a copy takes the instruction. It begins slowly: below, a loop of
// vectors is up to a fifth faster in a round trip. From here on it is faster by a fifth to a half
// (docs/decisions.md, 60).
const Least = 768

// Copy is copy. The bytes must not overlap.
func Copy(dst, src []byte) int {
	n := min(len(dst), len(src))
	if n < Least {
		return copy(dst, src)
	}
	long(dst[:n], src[:n])
	return n
}

// Append is append of bytes that lie outside of buf's array.
func Append(buf, src []byte) []byte {
	n := len(buf)
	if len(src) < Least || cap(buf)-n < len(src) {
		return append(buf, src...)
	}
	buf = buf[:n+len(src)]
	long(buf[n:], src)
	return buf
}
