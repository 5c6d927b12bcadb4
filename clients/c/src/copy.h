#ifndef SHMQ_COPY_H
#define SHMQ_COPY_H

#include "region.h"
#include <string.h>

/* Copies n bytes, 48 at most, by moves that overlap: what a call of memcpy costs is a good part of what
 * a record does. */
static inline void copy_small(uint8_t *to, const uint8_t *from, size_t n)
{
	if (n >= 16) {
		memcpy(to, from, 16);
		if (n > 32)
			memcpy(to + 16, from + 16, 16);
		memcpy(to + n - 16, from + n - 16, 16);
	} else if (n >= 8) {
		memcpy(to, from, 8);
		memcpy(to + n - 8, from + n - 8, 8);
	} else if (n >= 4) {
		memcpy(to, from, 4);
		memcpy(to + n - 4, from + n - 4, 4);
	} else if (n > 0) {
		to[0] = from[0];
		to[n / 2] = from[n / 2];
		to[n - 1] = from[n - 1];
	}
}

void copy_block(void *to, const void *from, size_t n);

/* For plain queues: payload, length and meta of a record that fits into a line. */
static inline void fill_line(uint8_t *line, const void *data, size_t n)
{
	copy_small(line + L_SLOT_INLINE, data, n);
	atomic_store_explicit((a64 *)(void *)(line + L_SLOT_LENGTH), n, memory_order_relaxed);
}

static inline void read_line(void *to, const uint8_t *line, size_t n) { copy_small(to, line + L_SLOT_INLINE, n); }

#endif
