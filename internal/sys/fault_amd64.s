//go:build linux

#include "textflag.h"

// func faultHandlerPC() uintptr
TEXT ·faultHandlerPC(SB), NOSPLIT, $0-8
	LEAQ ·faultHandler(SB), AX
	MOVQ AX, ret+0(FP)
	RET

// A signal handler of the kernel's calling convention: DI signal, SI siginfo, DX context.
// The kernel restores all registers when it returns; a handler that goes on to the one before
// needs these three and the stack as they were.
TEXT ·faultHandler(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	MOVL 8(SI), AX      // si_code: not above 0 if a process sent the signal
	TESTL AX, AX
	JLE  before
	MOVQ 16(SI), AX     // si_addr
	LEAQ ·faultGuards(SB), BX
	MOVL $1024, CX
next:
	MOVQ 0(BX), R8      // base
	TESTQ R8, R8
	JZ   skip
	MOVQ 8(BX), R9      // size
	MOVQ AX, R10
	SUBQ R8, R10
	CMPQ R10, R9
	JCS  found
skip:
	ADDQ $32, BX
	DECL CX
	JNZ  next
before:
	MOVQ ·faultBefore(SB), AX
	JMP  AX
found:
	MOVQ DI, R12
	MOVQ SI, R13
	MOVQ DX, R14
	MOVQ R8, DI
	MOVQ R9, SI
	MOVL $3, DX         // PROT_READ|PROT_WRITE
	MOVL $0x4032, R10   // MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS|MAP_NORESERVE
	MOVQ $-1, R8
	XORL R9, R9
	MOVL $9, AX         // mmap
	SYSCALL             // changes AX, CX and R11
	CMPQ AX, 0(BX)
	JNE  refused
	MOVL $1, 16(BX)
	RET
refused:
	MOVQ R12, DI
	MOVQ R13, SI
	MOVQ R14, DX
	JMP  before
