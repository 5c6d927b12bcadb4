/*
 * Numbers of the kernel's interface. Its own headers have them; a C library that comes without those, as musl does on
 * many machines, is enough to build with.
 */
#ifndef SHMQ_KERNEL_H
#define SHMQ_KERNEL_H

enum {
	FUTEX_WAIT = 0,
	FUTEX_WAKE = 1,
	FUTEX_PRIVATE_FLAG = 128,
	MEMBARRIER_CMD_GLOBAL_EXPEDITED = 1 << 1,
	MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED = 1 << 2
};

#endif
