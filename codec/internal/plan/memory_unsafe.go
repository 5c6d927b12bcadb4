package plan

import (
	"reflect"
	"unsafe"
)

// ref is the address of a Go value. This file is the only one that may make a ref
// or look behind it.
//
// Why that is safe:
//   - A ref begins as a pointer in a reflect.Value, and a plan walks on with the
//     offsets, sizes and types that reflect gives for exactly that value's type. A
//     plan node is reached only by a ref to a value of the node's type.
//   - It is an unsafe.Pointer all along, never an integer, so the garbage collector
//     sees it and what it points to stays.
//   - Reads and writes go through a *T of the value's real type or of a type with the
//     same memory (a named string is a string), so pointers are written with their
//     write barriers, and nothing is misaligned.
//   - Slices are only lengthened by reflect, and elements are addressed below the
//     length that was read together with the array's address.
//
// Bytes of a record never become an offset or a size: records choose among fields of
// a plan and count elements of slices that reflect made that long.
type ref struct{ p unsafe.Pointer }

// refOf returns where the pointer v points.
func refOf(v reflect.Value) ref { return ref{v.UnsafePointer()} }

// as returns the value at r.
//
// Preconditions: its type has the memory of a T.
func as[T any](r ref) *T { return (*T)(r.p) }

// value returns the value at r, addressable, as reflection has it.
//
// Preconditions: t is its type.
func (r ref) value(t reflect.Type) reflect.Value { return reflect.NewAt(t, r.p).Elem() }

// plus returns the address of a part of the value at r.
//
// Preconditions: offset is that of a field, or of an element below the length.
func (r ref) plus(offset uintptr) ref { return ref{unsafe.Add(r.p, offset)} }

// pointee returns where the pointer at r points; ok is false if it is nil.
func (r ref) pointee() (to ref, ok bool) {
	to.p = *(*unsafe.Pointer)(r.p)
	return to, to.p != nil
}

// grown points the pointer at r to a new, zero value of type t, which it returns.
//
// Preconditions: the pointer is a *t.
func (r ref) grown(t reflect.Type) ref {
	to := refOf(reflect.New(t))
	*(*unsafe.Pointer)(r.p) = to.p
	return to
}

// elements returns the first element and the length of the slice at r.
func (r ref) elements() (first ref, n int) {
	s := (*[]struct{})(r.p)
	return ref{unsafe.Pointer(unsafe.SliceData(*s))}, len(*s)
}

// setEmpty makes the slice at r empty, but not nil.
func (r ref) setEmpty() { *(*[]struct{})(r.p) = []struct{}{} }

// bytes returns the n bytes at r.
//
// Preconditions: the value at r is an array of n bytes.
func (r ref) bytes(n int) []byte { return unsafe.Slice((*byte)(r.p), n) }

// isNil reports whether the address is none, as that of a nil slice's elements.
func (r ref) isNil() bool { return r.p == nil }
