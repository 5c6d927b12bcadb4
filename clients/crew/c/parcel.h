/* A parcel goes round the ring: see parcel_test.go for its fields and its sum. */
#ifndef PARCEL_H
#define PARCEL_H

#include "msgpack.h"

#define MOST_HOPS 8

struct stop {
	struct value hop; /* the name of a language */
	uint64_t life;
};

struct parcel {
	uint64_t number, copy, big;
	int64_t small;
	double ratio;
	struct value nothing, maybe, name, blob;
	bool yes;
	struct value tree, list;
	struct stop trail[MOST_HOPS];
	uint32_t stops;
	uint64_t sum;
};

/* Decodes a parcel; strings and bytes stay in data. Returns NULL, or what is wrong. */
const char *parcel_decode(struct parcel *p, const uint8_t *data, size_t size);

/* Encodes it into buf and returns its size, 0 if that is too small. */
size_t parcel_encode(const struct parcel *p, uint8_t *buf, size_t cap);

/* The sum that its other fields have. */
uint64_t parcel_sum(const struct parcel *p);

/* Adds a stop, and sums up again. False if there are too many. */
bool parcel_extend(struct parcel *p, const char *hop, uint64_t life, uint64_t copy);

#endif
