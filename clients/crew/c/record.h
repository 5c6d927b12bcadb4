/* The records of the storm: every byte follows from the id, the size and its place. See record_test.go. */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MIN_RECORD 8

void record_fill(uint8_t *b, uint64_t id, size_t size);
bool record_read(const uint8_t *b, size_t size, uint64_t *id);

#endif
