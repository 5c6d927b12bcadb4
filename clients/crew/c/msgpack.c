#include "msgpack.h"

#include <string.h>

#define DEPTH 32

static struct value nodes[4096];
static size_t used;

struct in {
	const uint8_t *at, *end;
};

/* Reads n bytes, the most significant first. */
static bool big_endian(struct in *in, int n, uint64_t *u)
{
	if (in->end - in->at < n)
		return false;
	for (*u = 0; n > 0; n--)
		*u = *u << 8 | *in->at++;
	return true;
}

static bool raw(struct in *in, enum type type, uint64_t size, struct value *v)
{
	if ((uint64_t)(in->end - in->at) < size)
		return false;
	v->type = type;
	v->raw.data = in->at;
	v->raw.size = (uint32_t)size;
	in->at += size;
	return true;
}

static bool integer(struct in *in, int n, bool with_sign, struct value *v)
{
	uint64_t u;
	if (!big_endian(in, n, &u))
		return false;
	v->type = UINT;
	v->u = u;
	if (with_sign) {
		int64_t i = (int64_t)(u << (64 - 8 * n)) >> (64 - 8 * n);
		v->u = (uint64_t)i;
		if (i < 0)
			v->type = INT;
	}
	return true;
}

static bool floating(struct in *in, int n, struct value *v)
{
	uint64_t u;
	if (!big_endian(in, n, &u))
		return false;
	v->type = FLOAT;
	if (n == 4) {
		uint32_t half = (uint32_t)u;
		float f;
		memcpy(&f, &half, 4);
		v->f = f;
	} else {
		memcpy(&v->f, &u, 8);
	}
	return true;
}

static bool read_value(struct in *in, struct value *v, int depth);

static bool read_list(struct in *in, enum type type, uint64_t count, struct value *v, int depth)
{
	uint64_t n = type == MAP ? 2 * count : count;
	if (depth == DEPTH || n > (uint64_t)(in->end - in->at) || n > sizeof nodes / sizeof nodes[0] - used)
		return false;
	v->type = type;
	v->list.count = (uint32_t)count;
	v->list.items = nodes + used;
	used += n;
	for (uint64_t i = 0; i < n; i++)
		if (!read_value(in, &v->list.items[i], depth + 1))
			return false;
	return true;
}

static bool read_value(struct in *in, struct value *v, int depth)
{
	uint64_t n;
	if (in->at == in->end)
		return false;
	uint8_t b = *in->at++;
	if (b < 0x80 || b >= 0xe0) {
		v->type = b < 0x80 ? UINT : INT;
		v->i = (int8_t)b;
		return true;
	}
	if (b < 0x90)
		return read_list(in, MAP, b & 15, v, depth);
	if (b < 0xa0)
		return read_list(in, ARRAY, b & 15, v, depth);
	if (b < 0xc0)
		return raw(in, STR, b & 31, v);
	switch (b) {
	case 0xc0:
		v->type = NIL;
		return true;
	case 0xc2:
	case 0xc3:
		v->type = BOOL;
		v->yes = b == 0xc3;
		return true;
	case 0xc4:
	case 0xc5:
	case 0xc6:
		return big_endian(in, 1 << (b - 0xc4), &n) && raw(in, BIN, n, v);
	case 0xca:
	case 0xcb:
		return floating(in, 4 << (b - 0xca), v);
	case 0xcc:
	case 0xcd:
	case 0xce:
	case 0xcf:
		return integer(in, 1 << (b - 0xcc), false, v);
	case 0xd0:
	case 0xd1:
	case 0xd2:
	case 0xd3:
		return integer(in, 1 << (b - 0xd0), true, v);
	case 0xd9:
	case 0xda:
	case 0xdb:
		return big_endian(in, 1 << (b - 0xd9), &n) && raw(in, STR, n, v);
	case 0xdc:
	case 0xdd:
		return big_endian(in, 2 << (b - 0xdc), &n) && read_list(in, ARRAY, n, v, depth);
	case 0xde:
	case 0xdf:
		return big_endian(in, 2 << (b - 0xde), &n) && read_list(in, MAP, n, v, depth);
	}
	return false; /* 0xc1, and extensions */
}

bool msgpack_read(const uint8_t *data, size_t size, struct value *v)
{
	struct in in = {data, data + size};
	used = 0;
	return read_value(&in, v, 0) && in.at == in.end;
}

void put(struct out *o, const void *data, size_t size)
{
	if (o->cap - o->size < size) {
		o->full = true;
		return;
	}
	if (size > 0)
		memcpy(o->data + o->size, data, size);
	o->size += size;
}

/* A code and n bytes of u behind it. */
static void code(struct out *o, int b, uint64_t u, int n)
{
	uint8_t bytes[9] = {(uint8_t)b};
	for (int i = 0; i < n; i++)
		bytes[1 + i] = (uint8_t)(u >> 8 * (n - 1 - i));
	put(o, bytes, (size_t)(1 + n));
}

static void write_uint(struct out *o, uint64_t u)
{
	if (u < 0x80)
		code(o, (int)u, 0, 0);
	else if (u <= UINT8_MAX)
		code(o, 0xcc, u, 1);
	else if (u <= UINT16_MAX)
		code(o, 0xcd, u, 2);
	else if (u <= UINT32_MAX)
		code(o, 0xce, u, 4);
	else
		code(o, 0xcf, u, 8);
}

static void write_int(struct out *o, int64_t i)
{
	if (i >= -32)
		code(o, (uint8_t)i, 0, 0);
	else if (i >= INT8_MIN)
		code(o, 0xd0, (uint64_t)i, 1);
	else if (i >= INT16_MIN)
		code(o, 0xd1, (uint64_t)i, 2);
	else if (i >= INT32_MIN)
		code(o, 0xd2, (uint64_t)i, 4);
	else
		code(o, 0xd3, (uint64_t)i, 8);
}

/* A length: in the code itself below few, else in so many bytes as it needs, of which byte, or two, is the least. */
static void length(struct out *o, int fixed, uint32_t few, int next, bool byte, uint32_t n)
{
	if (n < few)
		code(o, fixed | (int)n, 0, 0);
	else if (byte && n <= UINT8_MAX)
		code(o, next, n, 1);
	else if (n <= UINT16_MAX)
		code(o, next + byte, n, 2);
	else
		code(o, next + byte + 1, n, 4);
}

void msgpack_map(struct out *o, uint32_t pairs) { length(o, 0x80, 16, 0xde, false, pairs); }

void msgpack_array(struct out *o, uint32_t items) { length(o, 0x90, 16, 0xdc, false, items); }

void msgpack_str(struct out *o, const char *s)
{
	uint32_t n = (uint32_t)strlen(s);
	length(o, 0xa0, 32, 0xd9, true, n);
	put(o, s, n);
}

void msgpack_write(struct out *o, const struct value *v)
{
	uint64_t bits;
	switch (v->type) {
	case NIL:
		code(o, 0xc0, 0, 0);
		break;
	case BOOL:
		code(o, v->yes ? 0xc3 : 0xc2, 0, 0);
		break;
	case UINT:
		write_uint(o, v->u);
		break;
	case INT:
		write_int(o, v->i);
		break;
	case FLOAT:
		memcpy(&bits, &v->f, 8);
		code(o, 0xcb, bits, 8);
		break;
	case STR:
		length(o, 0xa0, 32, 0xd9, true, v->raw.size);
		put(o, v->raw.data, v->raw.size);
		break;
	case BIN:
		length(o, 0, 0, 0xc4, true, v->raw.size);
		put(o, v->raw.data, v->raw.size);
		break;
	case ARRAY:
		msgpack_array(o, v->list.count);
		for (uint32_t i = 0; i < v->list.count; i++)
			msgpack_write(o, &v->list.items[i]);
		break;
	case MAP:
		msgpack_map(o, v->list.count);
		for (uint32_t i = 0; i < 2 * v->list.count; i++)
			msgpack_write(o, &v->list.items[i]);
		break;
	}
}
