/*
 * Names for the bytes of a queue: its hot words, the words and lines of its slots, the data areas,
 * the seats. The fields are set once, from a header that was validated in private memory.
 */
#ifndef SHMQ_REGION_H
#define SHMQ_REGION_H

#include "names.h"

#include "atomics.h"
#include "word.h"
#include <stddef.h>

struct geometry {
	uint64_t slots, area, slot_offset, data_offset, total;
	uint32_t seats, flags, subs, keep; /* subs: entries of the subscription table, 0 unless each consumer gets all */
	uint8_t creation[16];
	uint64_t created;
};

struct region {
	uint8_t *base, *lines, *inlines, *data;
	uint64_t cap, mask, area, stride;
	uint64_t most; /* slots of a record, or a batch */
	unsigned shift;
	uint32_t seats;
	uint32_t line; /* payload bytes that fit into a slot's line */
	bool many_producers, many_consumers, sums, stamps;
	bool each, skip; /* each consumer gets every record; producers wait for none */
	bool fast_sums; /* crc32c_fast may be called */
	bool plain; /* neither checksums nor time stamps: the short ways serve */
	uint8_t *subs, *subs_end; /* the subscription table, of no entry unless each consumer gets every record */
	uint64_t kept; /* slots that stay behind tail */
};

/* MAX_TRIES bounds the retries of one call: each means that another participant got ahead. MOST_STRIDE
 * is how many slots a hint may be behind without a participant that is about to move it. */
enum { MAX_TRIES = 1 << 16, MOST_STRIDE = 16, STRIDES = 64 };

void region_init(struct region *r, uint8_t *base, const struct geometry *g);

INLINE a64 *hot(const struct region *r, unsigned off) { return (a64 *)(void *)(r->base + L_HOT_OFFSET + off); }
INLINE a32 *hot32(const struct region *r, unsigned off) { return (a32 *)(void *)(r->base + L_HOT_OFFSET + off); }
static inline uint8_t *seat_at(const struct region *r, uint32_t i) { return r->base + L_SEAT_OFFSET + (uint64_t)i * L_SEAT_SIZE; }
static inline a64 *seat64(const struct region *r, uint32_t i, unsigned off) { return (a64 *)(void *)(seat_at(r, i) + off); }
static inline a32 *seat32(const struct region *r, uint32_t i, unsigned off) { return (a32 *)(void *)(seat_at(r, i) + off); }
INLINE a64 *sub64(uint8_t *s, unsigned off) { return (a64 *)(void *)(s + off); }
INLINE a32 *sub32(uint8_t *s, unsigned off) { return (a32 *)(void *)(s + off); }
INLINE uint8_t *line_at(const struct region *r, uint64_t p) { return r->lines + (p & r->mask) * L_SLOT_SIZE; }
static inline uint8_t *area_at(const struct region *r, uint64_t p) { return r->data + (p & r->mask) * r->area; }
INLINE a64 *word_at(const struct region *r, uint64_t p) { return (a64 *)(void *)line_at(r, p); }
INLINE uint64_t word(const struct region *r, uint64_t p) { return load(word_at(r, p)); }
static inline void put_word(const struct region *r, uint64_t p, uint64_t w) { publish(word_at(r, p), w); }

/* length in the low half, meta in the high one: a unit, so that each side touches them once. */
static inline a64 *described_at(const struct region *r, uint64_t p) { return (a64 *)(void *)(line_at(r, p) + L_SLOT_LENGTH); }

static inline void describe(const struct region *r, uint64_t p, uint64_t n, uint32_t meta)
{
	atomic_store_explicit(described_at(r, p), n | (uint64_t)meta << 32, memory_order_relaxed);
}

/* k of a word found at p, or 0 where no participant writes such a k. One who advances by a span
 * looks for 0 first. */
static inline uint64_t span(const struct region *r, uint64_t p, uint64_t w)
{
	uint64_t k = word_slots(w, r->shift);
	return k > r->cap - (p & r->mask) ? 0 : k;
}

static inline uint64_t slots_for(const struct region *r, uint64_t n)
{
	return n <= r->area ? 1 : (n + r->area - 1) / r->area;
}

static inline uint64_t max_record(const struct region *r)
{
	uint64_t n = r->most * r->area;
	return n < L_MAX_RECORD_SIZE ? n : L_MAX_RECORD_SIZE;
}

static inline uint64_t effort(const struct region *r) { return MAX_TRIES + 16 * r->cap; }
static inline uint64_t max_lag(const struct region *r) { return 4 * r->cap + MOST_STRIDE * (uint64_t)r->seats; }
static inline uint64_t later(uint64_t p, uint64_t q) { return (int64_t)(p - q) > 0 ? p : q; }
static inline uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }
static inline uint64_t most(uint64_t a, uint64_t b) { return a > b ? a : b; }

/* Whether a claim, or take, of k slots at p ends at or behind a multiple of the stride that p is before. */
static inline bool crosses(const struct region *r, uint64_t p, uint64_t k)
{
	return ((p ^ (p + k)) & ~(r->stride - 1)) != 0;
}

/* Stores n to a word unless it has more already. */
void raise_to(a64 *a, uint64_t n);

/* hints.c: positions that lag behind, and the words that tell where they would be. */
uint64_t unclaimed_from(const struct region *r, uint64_t p);
uint64_t untaken_from(const struct region *r, uint64_t p);
bool passed(const struct region *r, uint64_t p, uint64_t w, uint64_t *claimed);
uint64_t depth(const struct region *r);
bool has_room(const struct region *r);
int last_claim(const struct region *r, uint64_t *tail, uint64_t *head);
uint64_t last_tail(const struct region *r);

static inline uint64_t next_claim(const struct region *r) { return unclaimed_from(r, load(hot(r, L_HOT_TAIL))); }
static inline uint64_t next_take(const struct region *r) { return untaken_from(r, load(hot(r, L_HOT_HEAD))); }

/* cursors.c: the subscriptions, as producers see them. A cursor is a state in two bits, and above them a position. */
static inline uint64_t cursor_of(unsigned state, uint64_t p) { return p << L_CURSOR_SHIFT | state; }

/* The position of a cursor: the one nearest to ref of those that it may mean. */
static inline uint64_t cursor_near(uint64_t c, uint64_t ref)
{
	return ref + (uint64_t)((int64_t)((c & ~UINT64_C(3)) - (ref << L_CURSOR_SHIFT)) >> L_CURSOR_SHIFT);
}

static inline uint64_t cursor(uint8_t *s) { return load(sub64(s, L_SUB_CURSOR)); }
uint8_t *slowest(const struct region *r, uint64_t *lag);
bool is_kept(uint8_t *s);
uint64_t written_to(const struct region *r);

/* record.c: what a record is made of beside its word. */
struct record {
	uint8_t *data;
	uint64_t size;
	uint32_t meta;
};
uint8_t *place_for(const struct region *r, uint64_t p, uint64_t n, uint32_t *meta);
void complete(const struct region *r, uint64_t p, const uint8_t *b, uint64_t n, uint32_t meta, uint64_t time);
int read_record(const struct region *r, uint64_t p, uint64_t k, struct record *to);
uint32_t redeliver(const struct region *r, uint64_t p);
uint64_t sent_at(const struct region *r, uint64_t p);

/* crc.c */
uint32_t crc32c(uint32_t crc, const void *b, size_t n); /* crc: of what went before, 0 at first */
uint32_t crc32c_fast(uint32_t crc, const void *b, size_t n);
bool crc_by_instruction(void); /* whether that may be called */

#endif
