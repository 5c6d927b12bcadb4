#include "region.h"

void region_init(struct region *r, uint8_t *base, const struct geometry *g)
{
	bool stamps = g->flags & L_FLAG_TIMESTAMPS, sums = g->flags & L_FLAG_CHECKSUM;
	uint32_t text = stamps ? L_SLOT_TIME_INLINE : L_SLOT_INLINE;
	uint64_t stride = g->slots / STRIDES;
	*r = (struct region){
		.base = base,
		.lines = base + g->slot_offset,
		.inlines = base + g->slot_offset + text,
		.data = base + g->data_offset,
		.cap = g->slots,
		.mask = g->slots - 1,
		.area = g->area,
		.stride = stride < 1 ? 1 : stride > MOST_STRIDE ? MOST_STRIDE : stride,
		.most = g->slots / 2,
		.shift = (unsigned)__builtin_ctzll(g->slots),
		.seats = g->seats,
		.line = (sums ? L_SLOT_SUM : L_SLOT_SIZE) - text,
		.many_producers = g->flags & L_FLAG_MANY_PRODUCERS,
		.many_consumers = g->flags & L_FLAG_MANY_CONSUMERS,
		.sums = sums,
		.fast_sums = sums && crc_by_instruction(),
		.stamps = stamps,
		.plain = !sums && !stamps,
	};
}

void raise_to(a64 *a, uint64_t n)
{
	for (int i = 0; i < MAX_TRIES; i++) {
		uint64_t was = load(a);
		if ((int64_t)(n - was) <= 0 || cas(a, was, n))
			return;
	}
}
