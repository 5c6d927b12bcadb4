#include "handle.h"

/*
 * How a producer learns that slots are free. With a single consumer, head says it: all before head is free,
 * whatever the words there hold. With many, records are freed in any order, and the words say it: a slot is
 * free when its word is FREE in the lap of the position.
 */

/* Reads the shared head only when the last value seen says that there is too little room: head's line moves to
 * this core once a lap, not once a record. */
static int free_by_head(shmq *q, uint64_t t, uint64_t want, uint64_t *n)
{
	uint64_t h;
	*n = want;
	if (t + want - q->head_seen <= q->r.cap)
		return 0;
	h = load(hot(&q->r, L_HOT_HEAD));
	if (t - h > q->r.cap)
		return SHMQ_E_DAMAGED; /* more than a lap apart, or head beyond tail */
	q->head_seen = h;
	*n = least(want, q->r.cap - (t - h));
	return 0;
}

/* Reads the words in order. A claim of the first slot is then a claim of all: only the slot at tail can be
 * claimed, so while its word stays as it was no producer can have taken the others. */
static int free_by_words(shmq *q, uint64_t t, uint64_t want, uint64_t *n)
{
	const struct region *r = &q->r;
	q->spent += want;
	for (*n = 0; *n < want; ++*n) {
		uint64_t at = t + *n, free = free_word(at, r->shift), w = word(r, at);
		bool again;
		int rc;
		if (w == free)
			continue;
		rc = recycle(q, at, w, &again);
		if (rc != 0 || !again || word(r, at) != free || q->spent > effort(r))
			return rc; /* once recycled a word is FREE, or it was claimed */
	}
	return 0;
}

/* Counts the free slots from t on, up to want. */
int free_slots(shmq *q, uint64_t t, uint64_t want, uint64_t *n)
{
	return q->r.many_consumers ? free_by_words(q, t, want, n) : free_by_head(q, t, want, n);
}

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
