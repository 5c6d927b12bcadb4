/* The hot words of a queue, for tests that look at them, or change one. */
#ifndef SHMQ_MAPPED_H
#define SHMQ_MAPPED_H

#include "../src/layout.h"
#include "test.h"
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>

static inline _Atomic uint32_t *test_word(const char *name, unsigned off)
{
	char path[128];
	uint8_t *b;
	int fd;
	CHECK(shmq_path(name, path, sizeof path, NULL) > 0);
	fd = open(path, O_RDWR);
	CHECK(fd >= 0);
	b = mmap(NULL, L_HOT_OFFSET + L_HOT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(b != MAP_FAILED);
	close(fd);
	return (_Atomic uint32_t *)(void *)(b + L_HOT_OFFSET + off);
}

static inline void test_unmap(_Atomic uint32_t *word, unsigned off)
{
	munmap((uint8_t *)word - off - L_HOT_OFFSET, L_HOT_OFFSET + L_HOT_SIZE);
}

#endif
