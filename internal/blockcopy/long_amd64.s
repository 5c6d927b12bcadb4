//go:build !race

#include "textflag.h"

// func move(to, from unsafe.Pointer, n uintptr)
//
// The instruction may store out of order; a store behind it comes after all of its own, which is what
// publishing a record needs.
TEXT ·move(SB), NOSPLIT, $0-24
	MOVQ to+0(FP), DI
	MOVQ from+8(FP), SI
	MOVQ n+16(FP), CX
	LEAQ -8(DI)(CX*1), R9
	MOVQ -8(SI)(CX*1), R8 // the last eight, of which the words may leave out some
	SHRQ $3, CX
	REP; MOVSQ
	MOVQ R8, (R9)
	RET
