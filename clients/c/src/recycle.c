#include "handle.h"

/*
 * Frees the slots of a SKIP of the last lap that a producer meets, as word w, at a position. *again: that is worth
 * another try. Several producers may be at it, and one may die in the middle: each change is a
 * compare-and-swap from the last lap to this one, and goes from the last word to the first, so the SKIP is there to be
 * found until all is done.
 */
int recycle(shmq *q, uint64_t at, uint64_t w, bool *again)
{
	const struct region *r = &q->r;
	uint64_t s = at - r->cap, k, next = free_word(at, r->shift), h;
	*again = false;
	if (word_state(w) != L_SKIP || word_lap(w, s, r->shift) != 0)
		return 0;
	if ((k = span(r, s, w)) == 0)
		return SHMQ_E_DAMAGED;
	h = load(hot(r, L_HOT_HEAD));
	if ((int64_t)(h - s) <= 0) {
		uint64_t to = untaken_from(r, h);
		q->spent += to - h;
		if ((int64_t)(to - s) <= 0)
			return 0; /* what lies before it was not consumed yet */
		raise_to(hot(r, L_HOT_HEAD), to);
	}
	q->spent += k;
	for (uint64_t i = k - 1; i > 0; i--) {
		uint64_t inner = word(r, s + i);
		if (word_lap(inner, s, r->shift) == 0)
			cas(word_at(r, s + i), inner, next);
	}
	cas(word_at(r, s), w, next);
	*again = true;
	return 0;
}
