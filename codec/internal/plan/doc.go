// Package plan encodes Go values as msgpack and decodes them, by a plan that is
// worked out once for each type.
//
// A plan is a graph of nodes, one a type, that says where in memory each part of a
// value is and what it becomes. An [Encoder] walks over it with the address of a
// value and appends bytes; a [Decoder] walks over it with a record, and in the same
// pass bounds every length, the depth, and the memory that the record can ask for.
//
//	type ──► layout ──► encPlan ──► Encoder ──► bytes      names, offsets, methods:
//	                └─► decPlan ──► Decoder ◄── bytes      layout.go, methods.go
//
// github.com/vmihailenco/msgpack/v5 is the reference for the bytes, and encodes and
// decodes the types that a plan does not cover: those with methods that take its
// Encoder or Decoder, and those registered with it. Wherever this package reads
// or writes other than v5 would, [Difference] has a name for it.
package plan
