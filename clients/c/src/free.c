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

/* Where each consumer gets every record: by the gate; see cursors.c. */
static COLD void free_by_gate(shmq *q, uint64_t t, uint64_t want, uint64_t *n)
{
	const struct region *r = &q->r;
	uint64_t gate = q->head_seen;
	int64_t room;
	if ((int64_t)(t + want - gate) > (int64_t)r->cap)
		gate = raise_gate(q, t, want);
	room = (int64_t)r->cap - (int64_t)(t - gate);
	*n = room <= 0 ? 0 : least(want, (uint64_t)room);
	if (!r->many_producers)
		return;
	q->spent += *n;
	*n = unclaimed_of(r, t, *n);
}

/* Counts the free slots from t on, up to want. */
int free_slots(shmq *q, uint64_t t, uint64_t want, uint64_t *n)
{
	if (unlikely(q->r.each)) {
		free_by_gate(q, t, want, n);
		return 0;
	}
	return q->r.many_consumers ? free_by_words(q, t, want, n) : free_by_head(q, t, want, n);
}
