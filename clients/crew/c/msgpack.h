/* As much of msgpack as the parcels of the ring need: a value is read into a tree, and written. */
#ifndef MSGPACK_H
#define MSGPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum type { NIL, BOOL, UINT, INT /* below 0 */, FLOAT, STR, BIN, ARRAY, MAP };

struct value {
	enum type type;
	union {
		bool yes;
		uint64_t u;
		int64_t i;
		double f;
		struct {
			const uint8_t *data; /* in what was read */
			uint32_t size;
		} raw;
		struct {
			struct value *items; /* of a map: key, value, key, value */
			uint32_t count;
		} list;
	};
};

/* Reads the one value that data is. Its nodes are valid until the next call; false if data is something else. */
bool msgpack_read(const uint8_t *data, size_t size, struct value *v);

/* What is being written; a call that finds no room sets full. */
struct out {
	uint8_t *data;
	size_t size, cap;
	bool full;
};

void msgpack_write(struct out *o, const struct value *v);
void msgpack_map(struct out *o, uint32_t pairs);
void msgpack_array(struct out *o, uint32_t items);
void msgpack_str(struct out *o, const char *s);
void put(struct out *o, const void *data, size_t size);

#endif
