/* System V segments and their side files; segment.c reads, segmake.c makes and removes. */
#ifndef SHMQ_SEGMENT_H
#define SHMQ_SEGMENT_H

#include "handle.h"
#include <sys/shm.h>

struct side {
	uint32_t state, flags, key, pid;
	int32_t id;
	uint64_t space; /* inode of the maker's IPC namespace, or 0 */
	uint8_t header[L_SIDE_HEADER_SIZE];
};

enum { SHM_DESTROYED = 01000 }; /* in the mode: it goes with its last attachment */

int read_side(int fd, struct side *s, struct shmq_error *e);
int write_side(int fd, const struct side *s);
uint64_t ipc_namespace(void);
bool is_here(const struct side *s);
bool is_side_of(const struct place *at, const struct side *s);

#endif
