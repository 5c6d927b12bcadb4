//go:build linux

#include "textflag.h"

// func faultHandlerPC() uintptr
TEXT ·faultHandlerPC(SB), NOSPLIT, $0-8
	MOVD $·faultHandler(SB), R0
	MOVD R0, ret+0(FP)
	RET

// A signal handler of the kernel's calling convention: R0 signal, R1 siginfo, R2 context,
// R30 where it returns to. See fault_amd64.s.
TEXT ·faultHandler(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	MOVW 8(R1), R9      // si_code
	CMPW $0, R9
	BLE  before
	MOVD 16(R1), R9     // si_addr
	MOVD $·faultGuards(SB), R10
	MOVD $1024, R11
next:
	MOVD 0(R10), R12    // base
	CBZ  R12, skip
	MOVD 8(R10), R13    // size
	SUB  R12, R9, R14
	CMP  R13, R14
	BLO  found
skip:
	ADD  $32, R10
	SUB  $1, R11
	CBNZ R11, next
before:
	MOVD ·faultBefore(SB), R9
	JMP  (R9)
found:
	MOVD R0, R19
	MOVD R1, R20
	MOVD R2, R21
	MOVD R12, R0
	MOVD R13, R1
	MOVD $3, R2         // PROT_READ|PROT_WRITE
	MOVD $0x4032, R3    // MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS|MAP_NORESERVE
	MOVD $-1, R4
	MOVD $0, R5
	MOVD $222, R8       // mmap
	SVC
	CMP  R12, R0
	BNE  refused
	MOVD $1, R9
	MOVW R9, 16(R10)
	RET
refused:
	MOVD R19, R0
	MOVD R20, R1
	MOVD R21, R2
	JMP  before
