//go:build !race

package blockcopy

import "unsafe"

// long copies at least eight bytes.
func long(dst, src []byte) {
	move(unsafe.Pointer(unsafe.SliceData(dst)), unsafe.Pointer(unsafe.SliceData(src)), uintptr(len(src)))
}

//go:noescape
func move(to, from unsafe.Pointer, n uintptr)
