// The C peer: msgpack-c reads an object, prints it and packs it again.
#include <ctype.h>
#include <math.h>
#include <msgpack.h>
#include <msgpack/timestamp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A text grows as needed.
struct text {
	char *s;
	size_t n, cap;
};

static void add(struct text *t, const char *s, size_t n)
{
	if (t->n + n + 1 > t->cap) {
		t->cap = 2 * t->cap + n + 64;
		t->s = realloc(t->s, t->cap);
		if (!t->s)
			abort();
	}
	memcpy(t->s + t->n, s, n);
	t->n += n;
	t->s[t->n] = 0;
}

#define ADD(t, ...) do { char b_[400]; add(t, b_, (size_t)snprintf(b_, sizeof b_, __VA_ARGS__)); } while (0)

static void add_hex(struct text *t, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ADD(t, "%02x", (unsigned char)p[i]);
}

// utf8 returns how many bytes the character at p takes, 0 if it is none.
static size_t utf8(const unsigned char *p, size_t n)
{
	size_t k = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
	if (k > n)
		return 0;
	for (size_t i = 1; i < k; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return k;
}

static void add_str(struct text *t, const char *p, size_t n)
{
	ADD(t, "\"");
	for (size_t i = 0, k; i < n; i += k ? k : 1) {
		unsigned char c = (unsigned char)p[i];
		k = utf8((const unsigned char *)p + i, n - i);
		if (k == 0)
			ADD(t, "\\x%02x", c);
		else if (c == '"' || c == '\\')
			ADD(t, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			ADD(t, "\\u%04x", c);
		else
			add(t, p + i, k);
	}
	ADD(t, "\"");
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void show(struct text *t, const msgpack_object *o)
{
	msgpack_timestamp ts;
	switch (o->type) {
	case MSGPACK_OBJECT_NIL: ADD(t, "nil"); break;
	case MSGPACK_OBJECT_BOOLEAN: ADD(t, "%s", o->via.boolean ? "true" : "false"); break;
	case MSGPACK_OBJECT_POSITIVE_INTEGER: ADD(t, "%llu", (unsigned long long)o->via.u64); break;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER: ADD(t, "%lld", (long long)o->via.i64); break;
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64: ADD(t, "f(%.17g)", o->via.f64); break;
	case MSGPACK_OBJECT_STR: add_str(t, o->via.str.ptr, o->via.str.size); break;
	case MSGPACK_OBJECT_BIN:
		ADD(t, "h'");
		add_hex(t, o->via.bin.ptr, o->via.bin.size);
		ADD(t, "'");
		break;
	case MSGPACK_OBJECT_EXT:
		if (msgpack_object_to_timestamp(o, &ts)) {
			ADD(t, "time(%lld,%u)", (long long)ts.tv_sec, ts.tv_nsec);
			break;
		}
		ADD(t, "ext(%d,h'", o->via.ext.type);
		add_hex(t, o->via.ext.ptr, o->via.ext.size);
		ADD(t, "')");
		break;
	case MSGPACK_OBJECT_ARRAY:
		ADD(t, "[");
		for (uint32_t i = 0; i < o->via.array.size; i++) {
			if (i)
				ADD(t, ", ");
			show(t, &o->via.array.ptr[i]);
		}
		ADD(t, "]");
		break;
	case MSGPACK_OBJECT_MAP: {
		uint32_t n = o->via.map.size;
		char **entries = calloc(n + 1, sizeof *entries);
		if (!entries)
			abort();
		for (uint32_t i = 0; i < n; i++) {
			struct text e = {0};
			show(&e, &o->via.map.ptr[i].key);
			ADD(&e, ": ");
			show(&e, &o->via.map.ptr[i].val);
			entries[i] = e.s;
		}
		qsort(entries, n, sizeof *entries, by_text);
		ADD(t, "{");
		for (uint32_t i = 0; i < n; i++) {
			if (i)
				ADD(t, ", ");
			add(t, entries[i], strlen(entries[i]));
			free(entries[i]);
		}
		free(entries);
		ADD(t, "}");
		break;
	}
	default: ADD(t, "object of type %d", o->type);
	}
}

static void answer(char *line)
{
	size_t n = strlen(line) / 2;
	char *bytes = malloc(n + 1);
	if (!bytes)
		abort();
	for (size_t i = 0; i < n; i++) {
		unsigned b;
		sscanf(line + 2 * i, "%2x", &b);
		bytes[i] = (char)b;
	}
	size_t off = 0;
	msgpack_unpacked u;
	msgpack_unpacked_init(&u);
	msgpack_unpack_return r = msgpack_unpack_next(&u, bytes, n, &off);
	if (r != MSGPACK_UNPACK_SUCCESS) {
		printf("!msgpack_unpack_next: %d\n", r);
	} else {
		struct text t = {0};
		show(&t, &u.data);
		ADD(&t, "\t");
		msgpack_sbuffer out;
		msgpack_sbuffer_init(&out);
		msgpack_packer pk;
		msgpack_packer_init(&pk, &out, msgpack_sbuffer_write);
		int e = msgpack_pack_object(&pk, u.data);
		if (e)
			ADD(&t, "!msgpack_pack_object: %d", e);
		else
			add_hex(&t, out.data, out.size);
		puts(t.s);
		free(t.s);
		msgpack_sbuffer_destroy(&out);
	}
	msgpack_unpacked_destroy(&u);
	free(bytes);
}

static msgpack_sbuffer out;
static msgpack_packer pk;

static void done(const char *name)
{
	struct text t = {0};
	ADD(&t, "%s\t", name);
	add_hex(&t, out.data, out.size);
	puts(t.s);
	free(t.s);
	msgpack_sbuffer_clear(&out);
}

static void str(const char *s)
{
	msgpack_pack_str(&pk, strlen(s));
	msgpack_pack_str_body(&pk, s, strlen(s));
}

#define WRITE(name, ...) do { __VA_ARGS__; done(name); } while (0)

static void written(void)
{
	static const int64_t ints[] = {0, 127, 128, 255, 256, 65535, 65536, 1ll << 31, (1ll << 32) - 1, 1ll << 32, (1ll << 53) - 1, 1ll << 53,
		(1ll << 53) + 1, INT64_MAX, -1, -32, -33, -128, -129, -32768, -32769, -(1ll << 31), -(1ll << 31) - 1, INT64_MIN};
	char name[64];
	msgpack_sbuffer_init(&out);
	msgpack_packer_init(&pk, &out, msgpack_sbuffer_write);
	for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
		snprintf(name, sizeof name, "int %lld", (long long)ints[i]);
		WRITE(name, msgpack_pack_int64(&pk, ints[i]));
	}
	WRITE("int 9223372036854775808", msgpack_pack_uint64(&pk, 1ull << 63));
	WRITE("int 18446744073709551615", msgpack_pack_uint64(&pk, UINT64_MAX));
	WRITE("milliseconds", msgpack_pack_int64(&pk, 1700000000000));
	WRITE("float 5", msgpack_pack_double(&pk, 5));
	WRITE("float -0", msgpack_pack_double(&pk, -0.0));
	WRITE("float 0.1", msgpack_pack_double(&pk, 0.1));
	WRITE("float 1e+300", msgpack_pack_double(&pk, 1e300));
	WRITE("float 1e+16", msgpack_pack_double(&pk, 1e16));
	WRITE("float inf", msgpack_pack_double(&pk, INFINITY));
	WRITE("float nan", msgpack_pack_double(&pk, NAN));
	WRITE("price", msgpack_pack_double(&pk, 5));
	WRITE("small float", msgpack_pack_float(&pk, 0.1f));
	WRITE("nil", msgpack_pack_nil(&pk));
	WRITE("true", msgpack_pack_true(&pk));
	WRITE("text", str("h\xc3\xa9"));
	WRITE("empty text", str(""));
	WRITE("text of 300", char t[301]; memset(t, 't', 300); t[300] = 0; str(t));
	WRITE("bin", msgpack_pack_bin(&pk, 2); msgpack_pack_bin_body(&pk, "\x00\xff", 2));
	WRITE("list", msgpack_pack_array(&pk, 2); msgpack_pack_int(&pk, 1); msgpack_pack_int(&pk, 2));
	WRITE("empty list", msgpack_pack_array(&pk, 0));
	WRITE("map", msgpack_pack_map(&pk, 1); str("k"); msgpack_pack_int(&pk, 7));
	WRITE("empty map", msgpack_pack_map(&pk, 0));
	WRITE("int keys", msgpack_pack_map(&pk, 1); msgpack_pack_int(&pk, 1); str("x"));
	WRITE("int to int", msgpack_pack_map(&pk, 1); msgpack_pack_int(&pk, 1); msgpack_pack_int(&pk, 2));
	msgpack_timestamp at = {.tv_sec = 1577836800, .tv_nsec = 500000000};
	WRITE("time", msgpack_pack_timestamp(&pk, &at));
	at = (msgpack_timestamp){.tv_sec = -2, .tv_nsec = 500000000};
	WRITE("time 1969", msgpack_pack_timestamp(&pk, &at));
	at = (msgpack_timestamp){.tv_sec = 19880899200, .tv_nsec = 0};
	WRITE("time 2600", msgpack_pack_timestamp(&pk, &at));
	WRITE("record", msgpack_pack_map(&pk, 3); str("Name"); str("Ada"); str("Grade"); msgpack_pack_double(&pk, 1); str("Tags"); msgpack_pack_nil(&pk));
	msgpack_sbuffer_destroy(&out);
}

int main(void)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	puts(msgpack_version());
	while ((n = getline(&line, &cap, stdin)) > 0) {
		while (n > 0 && isspace((unsigned char)line[n - 1]))
			line[--n] = 0;
		answer(line);
	}
	free(line);
	puts("written");
	written();
	return 0;
}
