#include "handle.h"

/*
 * Frees k slots from p on for the next lap, the last one first. Until the first word changes it names their
 * holder. The first word of a take of several says before that the first record is acknowledged.
 */
void free_take(const struct region *r, uint64_t p, uint64_t k)
{
	uint64_t next = free_word(p + r->cap, r->shift);
	for (uint64_t i = k; i > 0; i--)
		put_word(r, p + i - 1, next);
}

/* The entry of the take that a record is part of, or NULL where a scribbler has had this consumer take the
 * same slots once more. */
static struct entry *take_of(shmq *q, uint64_t p, const struct entry *e)
{
	struct entry *first = entry_at(q, p - e->back);
	return first->pos == p - e->back && first->take == e->take && first->left > 0 ? first : NULL;
}

/* Counts one record of a take as settled; the last one settles the words. */
static void settle_take(shmq *q, struct entry *first)
{
	const struct region *r = &q->r;
	uint64_t p = first->pos, k = first->takes;
	if (--first->left > 0)
		return;
	first->takes = 0;
	if (!first->released) {
		free_take(r, p, k); /* its first word says acknowledged */
		return;
	}
	/* The hint goes up after the word has changed, so one who sees the hint finds the orphan. */
	put_word(r, p, orphan_word(p, k, first->acked, r->shift));
	add(hot(r, L_HOT_ORPHANS), 1);
}

/* Settles a lease. Returns false if that was done before: its slots may be another consumer's by now, and nothing
 * is written on behalf of such a one. */
bool shared_settle(shmq *q, const struct shmq_lease *l, bool ack)
{
	const struct region *r = &q->r;
	struct entry *e = entry_at(q, l->position), *first;
	uint64_t p = l->position;
	bool alone;
	if (e->state != OPEN || e->number != l->number || e->pos != p)
		return false;
	e->state = NOTHING;
	if ((first = take_of(q, p, e)) == NULL)
		return false;
	q->held--;
	alone = first->left == 1 && first == e && first->takes == e->k && !first->released;
	if (ack && alone && e->k == 1 && !e->acked) { /* from READING to FREE at once */
		e->left = e->takes = 0;
		put_word(r, p, free_word(p + r->cap, r->shift));
		return true;
	}
	if (!ack) {
		first->released = 1;
	} else if (first == e) {
		e->acked = 1;
		put_word(r, p, reading_word(p, first->takes, q->seat, true, r->shift));
	} else {
		put_word(r, p, skip_word(p, e->k, r->shift));
	}
	settle_take(q, first);
	return true;
}

/* Whether ls are all open leases of a take, in the order in which they were handed out, and none was
 * given back; returns the take. */
static struct entry *whole_take(shmq *q, const struct shmq_lease *ls, size_t n)
{
	struct entry *e = entry_at(q, ls[0].position), *first;
	uint64_t last = 0;
	if (ls[0].data == NULL || e->state != OPEN || e->pos != ls[0].position || e->number != ls[0].number)
		return NULL;
	first = take_of(q, ls[0].position, e);
	if (first == NULL || first->released || first->left != n)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		e = entry_at(q, ls[i].position);
		if (ls[i].data == NULL || e->state != OPEN || e->pos != ls[i].position || e->number != ls[i].number || e->number <= last ||
		    take_of(q, ls[i].position, e) != first)
			return NULL;
		last = e->number;
	}
	return first;
}

/* Frees a whole take at once if ls are all that is open of it. From when its first word says acknowledged
 * until it is free, a crash leaves records of which some are acknowledged: those that are still FULL come again. */
int64_t shared_ack_batch(shmq *q, struct shmq_lease *ls, size_t n, uint64_t *bytes)
{
	struct entry *first = whole_take(q, ls, n);
	int64_t done = 0;
	*bytes = 0;
	for (size_t i = 0; i < n; i++) {
		if (ls[i].data == NULL)
			continue;
		if (first != NULL)
			entry_at(q, ls[i].position)->state = NOTHING;
		else if (!shared_settle(q, &ls[i], true))
			continue;
		*bytes += ls[i].size;
		done++;
	}
	if (first == NULL)
		return done;
	q->held -= n;
	first->left = 0;
	put_word(&q->r, first->pos, reading_word(first->pos, first->takes, q->seat, true, q->r.shift));
	free_take(&q->r, first->pos, first->takes);
	first->takes = 0;
	return done;
}
