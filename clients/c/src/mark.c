#include "handle.h"

/*
 * Marks: 16 bytes that a single producer sends with a record, by which its successor learns how far a source
 * was read. This library sends none, and leaves those that there are as they have to be: a producer that
 * takes the role clears the entry of a record that its predecessor did not publish, because another record
 * at that position would make it count; and who syncs keeps the last mark with what was synced.
 */
static a64 *mark_word(const struct region *r, unsigned entry, unsigned off)
{
	return hot(r, L_HOT_MARKS + entry * L_MARK_ENTRY + off);
}

/* q->tail is where the next record goes. */
int resume_marks(shmq *q)
{
	for (unsigned i = 0; i < 2; i++)
		if (load(mark_word(&q->r, i, L_MARK_POSITION)) == q->tail + 1)
			store(mark_word(&q->r, i, L_MARK_POSITION), 0);
	return 0;
}

static bool published(const struct region *r, uint64_t p)
{
	uint64_t w = word(r, p);
	int64_t lap = word_lap(w, p, r->shift);
	return lap > 0 || (lap == 0 && word_state(w) != L_FREE) || (int64_t)(load(hot(r, L_HOT_TAIL)) - p) > 0;
}

struct marked {
	uint64_t at; /* 1 + the position; 0: none */
	uint64_t mark[2];
};

static struct marked read_mark(const struct region *r, unsigned entry)
{
	return (struct marked){load(mark_word(r, entry, L_MARK_POSITION)),
			       {load(mark_word(r, entry, L_MARK_VALUE)), load(mark_word(r, entry, L_MARK_VALUE + 8))}};
}

static bool is_later(const struct marked *a, const struct marked *b)
{
	return a->at != 0 && (b->at == 0 || (int64_t)(a->at - b->at) > 0);
}

static uint64_t mark_sum(const struct marked *m) { return crc32c(0, m, L_MARK_CRC); }

/* Brings the last mark into the synced entry that is not the later one. The caller has the producer role, or is
 * alone behind the gate, so nobody writes the entries meanwhile; it syncs the hot words afterwards. */
void keep_mark(shmq *q)
{
	const struct region *r = &q->r;
	struct marked last = {0}, synced = {0};
	unsigned first = L_MARK_SYNCED / L_MARK_ENTRY, to = first;
	if (r->many_producers)
		return;
	for (unsigned i = 0; i < 2; i++) {
		struct marked m = read_mark(r, i);
		if (is_later(&m, &last) && published(r, m.at - 1))
			last = m;
	}
	for (unsigned i = first; i < first + 2; i++) {
		struct marked m = read_mark(r, i);
		if (m.at != 0 && load(mark_word(r, i, L_MARK_CRC)) == mark_sum(&m) && is_later(&m, &synced)) {
			synced = m;
			to = first + (i == first);
		}
	}
	if (!is_later(&last, &synced))
		return;
	store(mark_word(r, to, L_MARK_POSITION), 0);
	store(mark_word(r, to, L_MARK_VALUE), last.mark[0]);
	store(mark_word(r, to, L_MARK_VALUE + 8), last.mark[1]);
	store(mark_word(r, to, L_MARK_CRC), mark_sum(&last));
	store(mark_word(r, to, L_MARK_POSITION), last.at);
}
