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

// func StoreReleaseRun64(base unsafe.Pointer, off, mask, n, v, ahead uint64)
TEXT ·StoreReleaseRun64(SB), NOSPLIT, $0-48
	MOVD base+0(FP), R0
	MOVD off+8(FP), R1
	MOVD mask+16(FP), R2
	MOVD n+24(FP), R3
	MOVD v+32(FP), R4
	MOVD ahead+40(FP), R5
	ADD  R1, R5
	ADD  R0, R1
	CBZ  R3, done
loop:
	AND  R2, R5
	ADD  R0, R5, R6
	STLR R4, (R1)
	PRFM (R6), PSTL1KEEP
	ADD  $64, R1
	ADD  $64, R5
	SUB  $1, R3
	CBNZ R3, loop
done:
	RET

// func StoreReleaseDown64(last *uint64, n, v uint64)
TEXT ·StoreReleaseDown64(SB), NOSPLIT, $0-24
	MOVD last+0(FP), R0
	MOVD n+8(FP), R1
	MOVD v+16(FP), R2
	CBZ  R1, done
loop:
	STLR R2, (R0)
	SUB  $64, R0
	SUB  $1, R1
	CBNZ R1, loop
done:
	RET

// func Pause(n uint32)
TEXT ·Pause(SB), NOSPLIT, $0-4
	MOVWU n+0(FP), R0
	CBZ  R0, done
loop:
	ISB  $15 // YIELD does nothing on most cores; this takes about as long as a PAUSE
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
