#include "handle.h"

/*
 * A consumer that shares the role takes records by one compare-and-swap on the word of the first slot that nobody
 * has taken, from FULL to READING by its seat, over one or several records. The first word of a take stays
 * its owner's until the last record of it is settled and all other words are free; so whatever a crash
 * interrupts, the first word names the holder and the extent of the take.
 */
void shared_start(shmq *q)
{
	q->next = load(hot(&q->r, L_HOT_HEAD));
	q->told = q->next - 1;
	q->claimed = q->next;
	q->rescan = true;
}

/* Goes on behind a take of k slots at p, which is this consumer's. */
void took(shmq *q, uint64_t p, uint64_t k)
{
	q->next = p + k;
	if (crosses(&q->r, p, k))
		raise_to(hot(&q->r, L_HOT_HEAD), q->next);
}

/* Moves head to next, where there is nothing to take: others count by it whether there is room. */
int caught_up(shmq *q)
{
	if (q->told != q->next) {
		q->told = q->next;
		raise_to(hot(&q->r, L_HOT_HEAD), q->next);
	}
	return SHMQ_E_EMPTY;
}

/* Extends a take over the published records that follow the first, up to the end of the ring, the first gap, or half
 * the slots, and notes their sizes in the table. Returns the slots. */
static uint64_t gather(shmq *q, uint64_t p, uint64_t k, size_t at_most, size_t *n)
{
	const struct region *r = &q->r;
	*entry_at(q, p) = (struct entry){.pos = p, .k = (uint32_t)k};
	for (*n = 1; *n < at_most && ((p + k) & r->mask) != 0; ++*n) {
		uint64_t at = p + k, w = word(r, at), more = span(r, at, w);
		if (word_state(w) != L_FULL || word_lap(w, p, r->shift) != 0 || more == 0 || k + more > r->most)
			break;
		*entry_at(q, at) = (struct entry){.pos = at, .k = (uint32_t)more};
		k += more;
	}
	return k;
}

/* How many of n records from p on lie before the limit; *k is their slots. */
static size_t within(shmq *q, uint64_t p, size_t n, uint64_t *k)
{
	size_t fit = 0;
	uint64_t at = p;
	look_at_ends(q);
	if (!q->ends.limited)
		return n;
	while (fit < n && (int64_t)(at + entry_at(q, at)->k - q->ends.limit) <= 0) {
		at += entry_at(q, at)->k;
		fit++;
	}
	*k = at - p;
	return fit;
}

/* Takes up to at_most records at head with one compare-and-swap: *n of them, *k slots from *pos on. */
int take(shmq *q, size_t at_most, size_t *n, uint64_t *pos, uint64_t *k)
{
	const struct region *r = &q->r;
	for (uint64_t spent = 0; spent < effort(r); spent++) {
		uint64_t hint = load(hot(r, L_HOT_HEAD)), p = q->next = later(q->next, hint), w;
		int64_t lap;
		unsigned state;
		if (p - hint > max_lag(r))
			return SHMQ_E_DAMAGED;
		w = word(r, p);
		lap = word_lap(w, p, r->shift);
		state = word_state(w);
		if (lap < 0)
			return caught_up(q);
		if (lap > 0) {
			if (!passed(r, p, w, &q->claimed))
				return SHMQ_E_DAMAGED;
			q->next = p + 1; /* taken and freed since */
			continue;
		}
		if (state == L_FREE || state == L_CLAIMED)
			return caught_up(q);
		if ((*k = span(r, p, w)) == 0 || state > L_SKIP)
			return SHMQ_E_DAMAGED;
		if (state != L_FULL) {
			q->next = p + *k; /* taken, orphaned or skipped */
			continue;
		}
		*k = gather(q, p, *k, at_most, n);
		if (may_end(q) && (*n = within(q, p, *n, k)) == 0) /* asked after the words were seen */
			return caught_up(q);
		if (!cas(word_at(r, p), w, reading_word(p, *k, q->seat, false, r->shift))) {
			spent += *n;
			continue;
		}
		took(q, p, *k);
		q->held += *n;
		q->ends.got |= q->ends.limited;
		*pos = p;
		return 0;
	}
	return caught_up(q);
}

/* Leases the records of a take that were read right, and drops the others. */
static int64_t lease_taken(shmq *q, struct shmq_lease *ls, size_t at_most)
{
	const struct region *r = &q->r;
	uint64_t pos, k, at;
	size_t n, got = 0;
	struct entry *first;
	int rc = take(q, at_most, &n, &pos, &k);
	if (rc != 0)
		return rc;
	first = entry_at(q, pos);
	first->take = q->number + 1;
	first->left = (uint32_t)n;
	first->takes = (uint32_t)k;
	at = pos;
	for (size_t i = 0; i < n; i++) {
		struct entry *e = entry_at(q, at);
		e->number = ++q->number;
		e->take = first->take;
		e->back = (uint32_t)(at - pos);
		e->state = OPEN;
		at += e->k;
	}
	at = pos;
	for (size_t i = 0; i < n; i++) {
		struct entry *e = entry_at(q, at);
		uint64_t p = at, size = e->k;
		struct record rec;
		struct shmq_lease l;
		at += size;
		rc = read_record(r, p, size, &rec);
		if (rc != 0 && rc != TORN)
			return got > 0 ? (int64_t)got : rc;
		l = (struct shmq_lease){rec.data, rec.size, sent_at(r, p), p, rec.meta >> L_META_DELIVERIES_SHIFT, (uint32_t)size, e->number};
		if (rc == 0) {
			ls[got++] = l;
			continue;
		}
		shared_settle(q, &l, true);
		add(hot(r, L_HOT_TORN), 1);
	}
	return (int64_t)got;
}

int64_t shared_lease_batch(shmq *q, struct shmq_lease *ls, size_t n)
{
	if (has_backlog(q)) {
		int rc = inherit(q, ls);
		if (rc != SHMQ_E_EMPTY)
			return rc < 0 ? rc : 1;
	}
	for (int tries = 0; tries < MAX_TRIES; tries++) {
		int64_t got = lease_taken(q, ls, n);
		if (got != 0)
			return got; /* 0: all of them were torn */
	}
	return SHMQ_E_EMPTY;
}

int shared_lease(shmq *q, struct shmq_lease *l)
{
	int64_t got = shared_lease_batch(q, l, 1);
	return got < 0 ? (int)got : 0;
}
