//go:build !race && !shmqstep

#include "textflag.h"

// func StoreRelease64(p *uint64, v uint64)
TEXT ·StoreRelease64(SB), NOSPLIT, $0-16
	MOVD p+0(FP), R0
	MOVD v+8(FP), R1
	STLR R1, (R0)
	RET

// func StoreRelease64x2(p *uint64, v uint64, q *uint64, w uint64)
TEXT ·StoreRelease64x2(SB), NOSPLIT, $0-32
	MOVD p+0(FP), R0
	MOVD v+8(FP), R1
	MOVD q+16(FP), R2
	MOVD w+24(FP), R3
	STLR R1, (R0)
	STLR R3, (R2)
	RET

// func StoreReleaseAsking64(p *uint64, v uint64, ahead unsafe.Pointer)
TEXT ·StoreReleaseAsking64(SB), NOSPLIT, $0-24
	MOVD p+0(FP), R0
	MOVD v+8(FP), R1
	MOVD ahead+16(FP), R2
	STLR R1, (R0)
	PRFM (R2), PSTL1KEEP
	RET

// func StoreReleaseAsking64x2(p *uint64, v uint64, q *uint64, w uint64, ahead unsafe.Pointer)
TEXT ·StoreReleaseAsking64x2(SB), NOSPLIT, $0-40
	MOVD p+0(FP), R0
	MOVD v+8(FP), R1
	MOVD q+16(FP), R2
	MOVD w+24(FP), R3
	MOVD ahead+32(FP), R4
	STLR R1, (R0)
	STLR R3, (R2)
	PRFM (R4), PSTL1KEEP
	RET

// func Pause(n uint32)
TEXT ·Pause(SB), NOSPLIT, $0-4
	MOVWU n+0(FP), R0
	CBZ  R0, done
loop:
	YIELD
	SUBW $1, R0
	CBNZW R0, loop
done:
	RET

// func Prefetch(p unsafe.Pointer)
TEXT ·Prefetch(SB), NOSPLIT, $0-8
	MOVD p+0(FP), R0
	PRFM (R0), PLDL1KEEP
	RET

// func PrefetchWrite(p unsafe.Pointer)
TEXT ·PrefetchWrite(SB), NOSPLIT, $0-8
	MOVD p+0(FP), R0
	PRFM (R0), PSTL1KEEP
	RET
