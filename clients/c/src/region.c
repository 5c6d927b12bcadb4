#include "region.h"
#include <string.h>

void region_init(struct region *r, uint8_t *base, const struct geometry *g)
{
	uint32_t text = g->flags & L_FLAG_TIMESTAMPS ? L_SLOT_TIME_INLINE : L_SLOT_INLINE;
	uint64_t stride = g->slots / STRIDES;
	memset(r, 0, sizeof *r);
	r->base = base;
	r->lines = base + g->slot_offset;
	r->inlines = r->lines + text;
	r->data = base + g->data_offset;
	r->cap = g->slots;
	r->mask = g->slots - 1;
	r->area = g->area;
	r->stride = stride < 1 ? 1 : least(stride, MOST_STRIDE);
	r->most = g->slots / 2;
	r->shift = (unsigned)__builtin_ctzll(g->slots);
	r->seats = g->seats;
	r->many_producers = g->flags & L_FLAG_MANY_PRODUCERS;
	r->many_consumers = g->flags & L_FLAG_MANY_CONSUMERS;
	r->sums = g->flags & L_FLAG_CHECKSUM;
	r->stamps = g->flags & L_FLAG_TIMESTAMPS;
	r->each = g->flags & L_FLAG_EACH;
	r->skip = g->flags & L_FLAG_SKIP;
	r->line = (r->sums ? L_SLOT_SUM : L_SLOT_SIZE) - text;
	r->fast_sums = r->sums && crc_by_instruction();
	r->plain = !r->sums && !r->stamps;
	r->subs = seat_at(r, g->seats);
	r->subs_end = r->subs + g->subs * L_SUBSCRIPTION_SIZE;
	/* A part of a lap is not kept, or the next claim would have to look at the cursors again. */
	r->kept = least(g->keep, g->slots - (g->slots < 16 ? 1 : g->slots / 16));
}

void raise_to(a64 *a, uint64_t n)
{
	for (int i = 0; i < MAX_TRIES; i++) {
		uint64_t was = load(a);
		if ((int64_t)(n - was) <= 0 || cas(a, was, n))
			return;
	}
}
