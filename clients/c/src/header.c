#include "handle.h"
#include <string.h>

static uint64_t page_up(uint64_t n) { return (n + 4095) & ~UINT64_C(4095); }

static void offsets(struct geometry *g)
{
	g->slot_offset = page_up(L_SEAT_OFFSET + (uint64_t)g->seats * L_SEAT_SIZE + (uint64_t)g->subs * L_SUBSCRIPTION_SIZE);
	g->data_offset = page_up(g->slot_offset + g->slots * L_SLOT_SIZE);
	g->total = page_up(g->data_offset + g->slots * g->area);
}

static bool subscriptions_fit(const struct geometry *g)
{
	if (!(g->flags & L_FLAG_EACH))
		return g->subs == 0 && g->keep == 0 && !(g->flags & L_FLAG_SKIP);
	return !(g->flags & L_FLAG_MANY_CONSUMERS) && g->subs >= 1 && g->subs <= L_MAX_SUBSCRIPTIONS && g->keep <= g->slots &&
	       (g->keep == 0 || !(g->flags & L_FLAG_SKIP));
}

/* Applies defaults and rounding. */
int shape_geometry(const struct shmq_shape *shape, struct geometry *g, uint32_t *mode, struct shmq_error *e)
{
	static const struct shmq_shape none;
	const struct shmq_shape *s = shape ? shape : &none;
	uint64_t slots = s->slots ? s->slots : 4096, size = s->slot_size ? s->slot_size : 1024;
	*g = (struct geometry){.seats = s->seats ? s->seats : 128, .slots = 1};
	if (slots < L_MIN_SLOTS || slots > L_MAX_SLOTS)
		return fail(e, SHMQ_E_OPTION, "%llu slots, want %d to %d", (unsigned long long)slots, L_MIN_SLOTS, L_MAX_SLOTS);
	if (size > L_MAX_AREA_SIZE)
		return fail(e, SHMQ_E_OPTION, "slot size %llu, want 1 to %d", (unsigned long long)size, L_MAX_AREA_SIZE);
	if (g->seats < 2 || g->seats > L_MAX_SEATS)
		return fail(e, SHMQ_E_OPTION, "%u seats, want 2 to %d", g->seats, L_MAX_SEATS);
	if (s->mode & ~0777u)
		return fail(e, SHMQ_E_OPTION, "mode %#o, want permission bits only", s->mode);
	if (s->producers > SHMQ_ONE || s->consumers > SHMQ_EACH || s->flags & ~(SHMQ_CHECKSUM | SHMQ_TIMESTAMPS | SHMQ_SKIP))
		return fail(e, SHMQ_E_OPTION, "a multiplicity or a flag of the shape is none that this library knows");
	while (g->slots < slots)
		g->slots *= 2;
	g->area = (size + L_AREA_UNIT - 1) / L_AREA_UNIT * L_AREA_UNIT;
	g->subs = s->subscriptions ? s->subscriptions : s->consumers == SHMQ_EACH ? 64 : 0;
	g->keep = s->keep;
	g->flags = (s->producers == SHMQ_ONE ? 0u : L_FLAG_MANY_PRODUCERS) | (s->flags & SHMQ_SKIP ? L_FLAG_SKIP : 0u) |
		   (s->consumers == SHMQ_EACH ? L_FLAG_EACH : s->consumers == SHMQ_ONE ? 0u : L_FLAG_MANY_CONSUMERS) |
		   (s->flags & SHMQ_CHECKSUM ? L_FLAG_CHECKSUM : 0u) | (s->flags & SHMQ_TIMESTAMPS ? L_FLAG_TIMESTAMPS : 0u);
	if (!subscriptions_fit(g))
		return fail(e, SHMQ_E_OPTION, "%u subscriptions, keep %u: with consumers SHMQ_EACH alone, 1 to %d, and at most all slots, or 0 with SHMQ_SKIP, which keeps a lap; nor is SHMQ_SKIP for others",
			    g->subs, g->keep, L_MAX_SUBSCRIPTIONS);
	offsets(g);
	if (g->total > SIZE_MAX / 2)
		return fail(e, SHMQ_E_OPTION, "%llu bytes are more than this system can map", (unsigned long long)g->total);
	*mode = s->mode ? s->mode : 0600;
	return 0;
}

void geometry_shape(const struct geometry *g, struct shmq_shape *shape)
{
	*shape = (struct shmq_shape){
		.slots = (uint32_t)g->slots,
		.slot_size = (uint32_t)g->area,
		.seats = g->seats,
		.producers = g->flags & L_FLAG_MANY_PRODUCERS ? SHMQ_MANY : SHMQ_ONE,
		.consumers = g->flags & L_FLAG_EACH ? SHMQ_EACH : g->flags & L_FLAG_MANY_CONSUMERS ? SHMQ_MANY : SHMQ_ONE,
		.flags = (uint8_t)((g->flags & L_FLAG_CHECKSUM ? SHMQ_CHECKSUM : 0) | (g->flags & L_FLAG_TIMESTAMPS ? SHMQ_TIMESTAMPS : 0) |
				   (g->flags & L_FLAG_SKIP ? SHMQ_SKIP : 0)),
		.subscriptions = (uint16_t)g->subs,
		.keep = g->keep,
	};
}

/* A program that asks for a shape does not want another one in silence; a zero asks for nothing. */
int check_shape(const struct geometry *g, const struct shmq_shape *want, struct shmq_error *e)
{
	static const char consumers[][40] = {"", "many consumers", "one consumer", "each consumer to get every record"};
	struct geometry asked;
	struct shmq_shape is, shape = *want;
	uint32_t mode;
	int rc;
	shape.keep = 0; /* whether that is too much the default of slots does not tell */
	rc = shape_geometry(&shape, &asked, &mode, e);
	if (rc != 0)
		return rc;
	geometry_shape(g, &is);
	if ((want->slots == 0 || g->slots == asked.slots) && (want->slot_size == 0 || g->area == asked.area) &&
	    (want->seats == 0 || g->seats == asked.seats) && (want->producers != SHMQ_ONE || is.producers == SHMQ_ONE) &&
	    (want->consumers < SHMQ_ONE || is.consumers == want->consumers) && (want->flags & ~is.flags) == 0 &&
	    (want->subscriptions == 0 || is.subscriptions == want->subscriptions) && (want->keep == 0 || is.keep == want->keep))
		return 0;
	return fail(e, SHMQ_E_OPTION, "the queue exists with %u slots of %u bytes, %u seats, %s, %s%s, and not as was asked for; ask for nothing in particular, set SHMQ_ANY_SHAPE, or remove it first",
		    is.slots, is.slot_size, is.seats, is.producers == SHMQ_ONE ? "one producer" : "many producers",
		    consumers[is.consumers], is.flags & SHMQ_SKIP ? " unless it is slow" : "");
}

static void put32(uint8_t *h, unsigned off, uint32_t v) { memcpy(h + off, &v, 4); }
static void put64(uint8_t *h, unsigned off, uint64_t v) { memcpy(h + off, &v, 8); }
static uint32_t get32(const uint8_t *h, unsigned off) { uint32_t v; memcpy(&v, h + off, 4); return v; }
static uint64_t get64(const uint8_t *h, unsigned off) { uint64_t v; memcpy(&v, h + off, 8); return v; }

int encode_header(const struct geometry *g, uint8_t h[128], struct shmq_error *e)
{
	memset(h, 0, 128);
	memcpy(h, L_MAGIC, 8);
	put32(h, L_OFF_VERSION, L_VERSION);
	put32(h, L_OFF_HEADER_SIZE, L_HEADER_SIZE);
	put32(h, L_OFF_FLAGS, g->flags);
	put32(h, L_OFF_SEATS, g->seats | g->subs << 16);
	put32(h, L_OFF_KEEP, g->keep);
	put64(h, L_OFF_SLOTS, g->slots);
	put64(h, L_OFF_AREA_SIZE, g->area);
	put64(h, L_OFF_HOT, L_HOT_OFFSET);
	put64(h, L_OFF_SEAT_TABLE, L_SEAT_OFFSET);
	put64(h, L_OFF_SLOT_TABLE, g->slot_offset);
	put64(h, L_OFF_DATA, g->data_offset);
	put64(h, L_OFF_TOTAL_SIZE, g->total);
	put64(h, L_OFF_CREATED, unix_now());
	if (random_bytes(h + L_OFF_CREATION_ID, 16) != 0)
		return fail_os(e, SHMQ_E_SYSTEM, "getrandom");
	boot_id(h + L_OFF_BOOT_ID);
	put32(h, L_OFF_HEADER_CRC, crc32c(0, h, L_OFF_HEADER_CRC));
	return 0;
}

/* Validates n bytes of a header that were copied out of a queue of size bytes. The checks come in the order in
 * which a field may be believed. */
int decode_header(const uint8_t *h, size_t n, uint64_t size, struct geometry *g, struct shmq_error *e)
{
	uint32_t unknown;
	*g = (struct geometry){0};
	if (n < 8 || memcmp(h, L_MAGIC, 8) != 0)
		return fail(e, SHMQ_E_NOT_QUEUE, "it does not start with the magic bytes");
	if (n < L_HEADER_USED || size < L_HEADER_SIZE)
		return fail(e, SHMQ_E_DAMAGED, "%llu bytes are left of it, less than a header", (unsigned long long)size);
	if (get32(h, L_OFF_VERSION) != L_VERSION)
		return fail(e, SHMQ_E_LAYOUT, "the file has version %u, this library speaks version %d", get32(h, L_OFF_VERSION), L_VERSION);
	if (get32(h, L_OFF_HEADER_CRC) != crc32c(0, h, L_OFF_HEADER_CRC))
		return fail(e, SHMQ_E_DAMAGED, "the header's checksum is wrong");
	g->flags = get32(h, L_OFF_FLAGS);
	unknown = g->flags & ~(uint32_t)(L_FLAG_MANY_PRODUCERS | L_FLAG_MANY_CONSUMERS | L_FLAG_CHECKSUM | L_FLAG_TIMESTAMPS | L_FLAG_EACH | L_FLAG_SKIP);
	if (unknown != 0)
		return fail(e, SHMQ_E_LAYOUT, "the queue uses features %#x that this library does not know", unknown);
	g->seats = get32(h, L_OFF_SEATS) & 0xffff;
	g->subs = get32(h, L_OFF_SEATS) >> 16;
	g->keep = get32(h, L_OFF_KEEP);
	g->slots = get64(h, L_OFF_SLOTS);
	g->area = get64(h, L_OFF_AREA_SIZE);
	if (g->seats < 2 || g->seats > L_MAX_SEATS || g->slots < L_MIN_SLOTS || g->slots > L_MAX_SLOTS || (g->slots & (g->slots - 1)) != 0 ||
	    g->area < L_AREA_UNIT || g->area > L_MAX_AREA_SIZE || g->area % L_AREA_UNIT != 0 || !subscriptions_fit(g))
		return fail(e, SHMQ_E_DAMAGED, "the header says %u seats, %llu slots of %llu bytes, %u subscriptions", g->seats,
			    (unsigned long long)g->slots, (unsigned long long)g->area, g->subs);
	offsets(g);
	if (get32(h, L_OFF_HEADER_SIZE) != L_HEADER_SIZE || get64(h, L_OFF_HOT) != L_HOT_OFFSET || get64(h, L_OFF_SEAT_TABLE) != L_SEAT_OFFSET ||
	    get64(h, L_OFF_SLOT_TABLE) != g->slot_offset || get64(h, L_OFF_DATA) != g->data_offset || get64(h, L_OFF_TOTAL_SIZE) != g->total)
		return fail(e, SHMQ_E_DAMAGED, "an offset in the header is not what follows from the shape");
	if (size < g->total)
		return fail(e, SHMQ_E_DAMAGED, "the file has %llu bytes of %llu, it was cut", (unsigned long long)size, (unsigned long long)g->total);
	if (g->total > SIZE_MAX / 2)
		return fail(e, SHMQ_E_REFUSED, "more than this system can map; use it from a 64-bit program");
	memcpy(g->creation, h + L_OFF_CREATION_ID, 16);
	g->created = get64(h, L_OFF_CREATED);
	return 0;
}
