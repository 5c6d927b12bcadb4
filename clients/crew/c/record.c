#include "record.h"

#include <string.h>

static uint64_t word(uint64_t id, size_t size, size_t i)
{
	return i == 0 ? id : (id + ((uint64_t)size << 32) + i) * 0x9e3779b97f4a7c15 + 1;
}

void record_fill(uint8_t *b, uint64_t id, size_t size)
{
	for (size_t i = 0; i < size; i += 8) {
		uint64_t w = word(id, size, i / 8);
		memcpy(b + i, &w, size - i < 8 ? size - i : 8);
	}
}

bool record_read(const uint8_t *b, size_t size, uint64_t *id)
{
	if (size < MIN_RECORD)
		return false;
	memcpy(id, b, 8);
	for (size_t i = 0; i < size; i += 8) {
		uint64_t w = word(*id, size, i / 8);
		if (memcmp(b + i, &w, size - i < 8 ? size - i : 8) != 0)
			return false;
	}
	return true;
}
