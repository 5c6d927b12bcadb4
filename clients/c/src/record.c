#include "handle.h"
#include <string.h>

/*
 * The bytes of a record lie in its first slot's line when they fit there, and otherwise in the
 * data areas of its slots, which are contiguous. Length and meta are written before the word that
 * publishes them, and read once by each reader, which bounds them.
 */
uint8_t *place_for(const struct region *r, uint64_t p, uint64_t n, uint32_t *meta)
{
	if (n <= r->line) {
		*meta = 0;
		return r->inlines + (p & r->mask) * L_SLOT_SIZE;
	}
	*meta = L_META_AREA;
	return area_at(r, p);
}

static uint8_t *time_at(const struct region *r, uint64_t p) { return line_at(r, p) + L_SLOT_TIME; }

uint64_t sent_at(const struct region *r, uint64_t p)
{
	return r->stamps ? relaxed((a64 *)(void *)time_at(r, p)) : 0;
}

/* CRC-32C of position, length, the bits of meta that stay, the time and mark if there are, and the
 * payload. */
static uint32_t sum_of(const struct region *r, uint64_t p, const uint8_t *b, uint64_t n, uint32_t meta, uint64_t time)
{
	uint8_t head[L_SUM_TIME_HEAD_SIZE];
	uint64_t position = p & ((UINT64_C(1) << 60) - 1);
	uint32_t (*sum)(uint32_t, const void *, size_t) = r->fast_sums ? crc32c_fast : crc32c;
	uint32_t length = (uint32_t)n, kept = meta & (uint32_t)L_META_SUMMED, crc;
	memcpy(head, &position, 8);
	memcpy(head + 8, &length, 4);
	memcpy(head + 12, &kept, 4);
	memcpy(head + 16, &time, 8);
	crc = sum(0, head, r->stamps ? L_SUM_TIME_HEAD_SIZE : L_SUM_HEAD_SIZE);
	if (meta & L_META_MARKED)
		crc = sum(crc, line_at(r, p) + L_SLOT_MARK, 16);
	return sum(crc, b, n);
}

/* Writes what a record has beyond the plain ones: when it is sent, and the checksum. */
void complete(const struct region *r, uint64_t p, const uint8_t *b, uint64_t n, uint32_t meta, uint64_t time)
{
	if (r->stamps) {
		if (time == 0)
			time = unix_now();
		memcpy(time_at(r, p), &time, 8);
	}
	if (r->sums) {
		uint32_t sum = sum_of(r, p, b, n, meta, time);
		memcpy(line_at(r, p) + L_SLOT_SUM, &sum, 4);
	}
}

/* Reads what the record at p, of k slots, says of itself: 0, TORN or SHMQ_E_DAMAGED. */
int read_record(const struct region *r, uint64_t p, uint64_t k, struct record *to)
{
	uint64_t lm = relaxed(described_at(r, p)), n = lm & UINT32_MAX;
	uint32_t meta = (uint32_t)(lm >> 32), sum;
	bool area = meta & L_META_AREA, right = area ? n <= k * r->area && n <= L_MAX_RECORD_SIZE : n <= r->line;
	*to = (struct record){area ? area_at(r, p) : r->inlines + (p & r->mask) * L_SLOT_SIZE, right ? n : 0, meta};
	if (!r->sums)
		return right ? 0 : SHMQ_E_DAMAGED;
	memcpy(&sum, line_at(r, p) + L_SLOT_SUM, 4);
	return right && sum == sum_of(r, p, to->data, n, meta, sent_at(r, p)) ? 0 : TORN;
}

/* How often the record was delivered before, as far as its holders recorded; it records one more. One that
 * dies before the store leaves the count, and its successor knows from the word that there was one. */
uint32_t redeliver(const struct region *r, uint64_t p)
{
	uint64_t lm = relaxed(described_at(r, p));
	uint32_t meta = (uint32_t)(lm >> 32), n = (meta >> L_META_DELIVERIES_SHIFT) + 1;
	if (n <= 0xffff)
		describe(r, p, lm & UINT32_MAX, (meta & 0xffff) | n << L_META_DELIVERIES_SHIFT);
	return n;
}
