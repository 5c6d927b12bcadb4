//go:build !race && !shmqstep

#include "textflag.h"

// func StoreRelease64(p *uint64, v uint64)
// x86 keeps stores in program order (TSO): a plain store is a release store.
TEXT ·StoreRelease64(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), AX
	MOVQ v+8(FP), BX
	MOVQ BX, (AX)
	RET

// func StoreRelease64x2(p *uint64, v uint64, q *uint64, w uint64)
TEXT ·StoreRelease64x2(SB), NOSPLIT, $0-32
	MOVQ p+0(FP), AX
	MOVQ v+8(FP), BX
	MOVQ q+16(FP), CX
	MOVQ w+24(FP), DX
	MOVQ BX, (AX)
	MOVQ DX, (CX)
	RET

// func StoreReleaseAsking64(p *uint64, v uint64, ahead unsafe.Pointer)
// The assembler does not know PREFETCHW (AX). Processors without it do nothing there.
TEXT ·StoreReleaseAsking64(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), CX
	MOVQ v+8(FP), BX
	MOVQ ahead+16(FP), AX
	MOVQ BX, (CX)
	BYTE $0x0F; BYTE $0x0D; BYTE $0x08
	RET

// func StoreReleaseAsking64x2(p *uint64, v uint64, q *uint64, w uint64, ahead unsafe.Pointer)
TEXT ·StoreReleaseAsking64x2(SB), NOSPLIT, $0-40
	MOVQ p+0(FP), SI
	MOVQ v+8(FP), BX
	MOVQ q+16(FP), CX
	MOVQ w+24(FP), DX
	MOVQ ahead+32(FP), AX
	MOVQ BX, (SI)
	MOVQ DX, (CX)
	BYTE $0x0F; BYTE $0x0D; BYTE $0x08
	RET

// func StoreReleaseRun64(base unsafe.Pointer, off, mask, n, v, ahead uint64)
TEXT ·StoreReleaseRun64(SB), NOSPLIT, $0-48
	MOVQ  base+0(FP), SI
	MOVQ  off+8(FP), DI
	MOVQ  mask+16(FP), DX
	MOVQ  n+24(FP), CX
	MOVQ  v+32(FP), BX
	MOVQ  ahead+40(FP), AX
	ADDQ  DI, AX
	TESTQ CX, CX
	JZ    done
loop:
	ANDQ DX, AX
	MOVQ BX, (SI)(DI*1)
	BYTE $0x0F; BYTE $0x0D; BYTE $0x0C; BYTE $0x06 // PREFETCHW (SI)(AX*1)
	ADDQ $64, DI
	ADDQ $64, AX
	DECQ CX
	JNZ  loop
done:
	RET

// func StoreReleaseDown64(last *uint64, n, v uint64)
TEXT ·StoreReleaseDown64(SB), NOSPLIT, $0-24
	MOVQ  last+0(FP), AX
	MOVQ  n+8(FP), CX
	MOVQ  v+16(FP), BX
	TESTQ CX, CX
	JZ    done
loop:
	MOVQ BX, (AX)
	SUBQ $64, AX
	DECQ CX
	JNZ  loop
done:
	RET

// func Pause(n uint32)
TEXT ·Pause(SB), NOSPLIT, $0-4
	MOVL n+0(FP), AX
loop:
	TESTL AX, AX
	JZ   done
	PAUSE
	DECL AX
	JMP  loop
done:
	RET

// func Prefetch(p unsafe.Pointer)
TEXT ·Prefetch(SB), NOSPLIT, $0-8
	MOVQ p+0(FP), AX
	PREFETCHT0 (AX)
	RET

// func PrefetchWrite(p unsafe.Pointer)
TEXT ·PrefetchWrite(SB), NOSPLIT, $0-8
	MOVQ p+0(FP), AX
	BYTE $0x0F; BYTE $0x0D; BYTE $0x08
	RET
