#include "parcel.h"

#include <stdlib.h>
#include <string.h>

static bool is(const struct value *v, const char *s)
{
	return v->type == STR && v->raw.size == strlen(s) && memcmp(v->raw.data, s, v->raw.size) == 0;
}

static bool get_uint(const struct value *v, uint64_t *u)
{
	*u = v->u;
	return v->type == UINT;
}

static bool get_int(const struct value *v, int64_t *i)
{
	*i = v->i;
	return v->type == INT || (v->type == UINT && v->u <= INT64_MAX);
}

/* Some encoders, JavaScript's for one, send a whole number as an integer, whatever field it is for. */
static bool get_float(const struct value *v, double *f)
{
	if (v->type == FLOAT)
		*f = v->f;
	else if (v->type == UINT)
		*f = (double)v->u;
	else if (v->type == INT)
		*f = (double)v->i;
	else
		return false;
	return true;
}

static bool keep(const struct value *v, struct value *to, enum type type)
{
	*to = *v;
	return v->type == type;
}

static bool get_trail(const struct value *v, struct parcel *p)
{
	if (v->type != ARRAY || v->list.count > MOST_HOPS)
		return false;
	p->stops = v->list.count;
	for (uint32_t i = 0; i < p->stops; i++) {
		const struct value *stop = &v->list.items[i];
		if (stop->type != ARRAY || stop->list.count != 2 || !keep(&stop->list.items[0], &p->trail[i].hop, STR) ||
		    !get_uint(&stop->list.items[1], &p->trail[i].life))
			return false;
	}
	return true;
}

static bool get_field(struct parcel *p, const struct value *key, const struct value *v)
{
	if (is(key, "number"))
		return get_uint(v, &p->number);
	if (is(key, "copy"))
		return get_uint(v, &p->copy);
	if (is(key, "big"))
		return get_uint(v, &p->big);
	if (is(key, "small"))
		return get_int(v, &p->small);
	if (is(key, "ratio"))
		return get_float(v, &p->ratio);
	if (is(key, "nothing"))
		return keep(v, &p->nothing, NIL);
	if (is(key, "maybe"))
		return keep(v, &p->maybe, STR) || v->type == NIL;
	if (is(key, "name"))
		return keep(v, &p->name, STR);
	if (is(key, "blob"))
		return keep(v, &p->blob, BIN);
	if (is(key, "yes")) {
		p->yes = v->yes;
		return v->type == BOOL;
	}
	if (is(key, "tree"))
		return keep(v, &p->tree, MAP);
	if (is(key, "list"))
		return keep(v, &p->list, ARRAY);
	if (is(key, "trail"))
		return get_trail(v, p);
	if (is(key, "sum"))
		return get_uint(v, &p->sum);
	return false;
}

const char *parcel_decode(struct parcel *p, const uint8_t *data, size_t size)
{
	static char why[64];
	struct value v;
	memset(p, 0, sizeof *p);
	if (!msgpack_read(data, size, &v))
		return "no msgpack";
	if (v.type != MAP || v.list.count != 14)
		return "no map of 14 fields";
	for (uint32_t i = 0; i < v.list.count; i++) {
		const struct value *key = &v.list.items[2 * i];
		if (!get_field(p, key, key + 1)) {
			int n = key->type == STR && key->raw.size < 32 ? (int)key->raw.size : 0;
			strcpy(why, "field ");
			memcpy(why + 6, key->raw.data, (size_t)n);
			strcpy(why + 6 + n, " is another one");
			return why;
		}
	}
	return NULL;
}

static struct value uint_of(uint64_t u) { return (struct value){.type = UINT, .u = u}; }

static struct value int_of(int64_t i) { return (struct value){.type = i < 0 ? INT : UINT, .i = i}; }

static struct value float_of(double f) { return (struct value){.type = FLOAT, .f = f}; }

static struct value bool_of(bool yes) { return (struct value){.type = BOOL, .yes = yes}; }

static void field(struct out *o, const char *name, struct value v)
{
	msgpack_str(o, name);
	msgpack_write(o, &v);
}

size_t parcel_encode(const struct parcel *p, uint8_t *buf, size_t cap)
{
	struct out o = {buf, 0, cap, false};
	msgpack_map(&o, 14);
	field(&o, "number", uint_of(p->number));
	field(&o, "copy", uint_of(p->copy));
	field(&o, "big", uint_of(p->big));
	field(&o, "small", int_of(p->small));
	field(&o, "ratio", float_of(p->ratio));
	field(&o, "nothing", p->nothing);
	field(&o, "maybe", p->maybe);
	field(&o, "name", p->name);
	field(&o, "blob", p->blob);
	field(&o, "yes", bool_of(p->yes));
	field(&o, "tree", p->tree);
	field(&o, "list", p->list);
	msgpack_str(&o, "trail");
	msgpack_array(&o, p->stops);
	for (uint32_t i = 0; i < p->stops; i++) {
		struct value life = uint_of(p->trail[i].life);
		msgpack_array(&o, 2);
		msgpack_write(&o, &p->trail[i].hop);
		msgpack_write(&o, &life);
	}
	field(&o, "sum", uint_of(p->sum));
	return o.full ? 0 : o.size;
}

static uint32_t crc32(const uint8_t *data, size_t size)
{
	static uint32_t table[256];
	if (table[1] == 0)
		for (uint32_t i = 0; i < 256; i++) {
			table[i] = i;
			for (int k = 0; k < 8; k++)
				table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320 : 0);
		}
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < size; i++)
		crc = crc >> 8 ^ table[(crc ^ data[i]) & 255];
	return ~crc;
}

static int by_key(const void *x, const void *y)
{
	const struct value *a = *(const struct value *const *)x, *b = *(const struct value *const *)y;
	uint32_t n = a->raw.size < b->raw.size ? a->raw.size : b->raw.size;
	int order = memcmp(a->raw.data, b->raw.data, n);
	return order != 0 ? order : (a->raw.size > b->raw.size) - (a->raw.size < b->raw.size);
}

static void tagged(struct out *o, char tag, const void *data, size_t size)
{
	put(o, &tag, 1);
	put(o, data, size);
}

static void canonical(struct out *o, struct value v)
{
	static const char tags[] = {'n', 0, 'u', 'i', 'd', 's', 'b', 'a', 'm'};
	const struct value *keys[256];
	switch (v.type) {
	case NIL:
		put(o, "n", 1);
		break;
	case BOOL:
		put(o, v.yes ? "t" : "f", 1);
		break;
	case UINT:
	case INT:
	case FLOAT:
		tagged(o, tags[v.type], &v.u, 8);
		break;
	case STR:
	case BIN:
		tagged(o, tags[v.type], &v.raw.size, 4);
		put(o, v.raw.data, v.raw.size);
		break;
	case ARRAY:
		tagged(o, 'a', &v.list.count, 4);
		for (uint32_t i = 0; i < v.list.count; i++)
			canonical(o, v.list.items[i]);
		break;
	case MAP:
		tagged(o, 'm', &v.list.count, 4);
		if (v.list.count > sizeof keys / sizeof keys[0]) {
			o->full = true;
			return;
		}
		for (uint32_t i = 0; i < v.list.count; i++)
			keys[i] = &v.list.items[2 * i];
		qsort(keys, v.list.count, sizeof keys[0], by_key);
		for (uint32_t i = 0; i < v.list.count; i++) {
			canonical(o, keys[i][0]);
			canonical(o, keys[i][1]);
		}
		break;
	}
}

static uint64_t mix(uint64_t h, uint32_t crc)
{
	h = (h ^ crc) * 0x9e3779b97f4a7c15;
	return h ^ h >> 32;
}

uint64_t parcel_sum(const struct parcel *p)
{
	static uint8_t buf[1 << 16];
	struct out o = {buf, 0, sizeof buf, false};
	canonical(&o, uint_of(p->number));
	canonical(&o, uint_of(p->big));
	canonical(&o, int_of(p->small));
	canonical(&o, float_of(p->ratio));
	canonical(&o, p->nothing);
	canonical(&o, p->maybe);
	canonical(&o, p->name);
	canonical(&o, p->blob);
	canonical(&o, bool_of(p->yes));
	canonical(&o, p->tree);
	canonical(&o, p->list);
	uint64_t h = mix(0, crc32(buf, o.size));
	for (uint32_t i = 0; i < p->stops; i++) {
		o.size = 0;
		canonical(&o, p->trail[i].hop);
		canonical(&o, uint_of(p->trail[i].life));
		h = mix(h, crc32(buf, o.size));
	}
	o.size = 0;
	canonical(&o, uint_of(p->copy));
	return mix(h, crc32(buf, o.size));
}

bool parcel_extend(struct parcel *p, const char *hop, uint64_t life, uint64_t copy)
{
	if (p->stops == MOST_HOPS)
		return false;
	struct stop *s = &p->trail[p->stops++];
	s->hop = (struct value){.type = STR, .raw = {(const uint8_t *)hop, (uint32_t)strlen(hop)}};
	s->life = life;
	p->copy = copy;
	p->sum = parcel_sum(p);
	return true;
}
