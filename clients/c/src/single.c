#include "handle.h"

/*
 * A single consumer polls the word where the next record will appear and never writes to it. head alone frees
 * slots, so it follows the oldest record that is not acknowledged.
 *
 *	      head              next = handout
 *	-------+------------------+------------- positions
 *	 freed | handed out, open | not seen yet
 *
 * handout is stored before a record is handed out, unless head passes it before that. If the consumer dies, its
 * successor starts at head, and what lies before handout may have been seen.
 */
void refresh(shmq *q) { q->fresh = q->head == q->next && (int64_t)(q->seen - q->next) <= 0 && !q->r.skip; }

/* Acknowledges all before head. */
void store_head(shmq *q) { publish(q->head_at, q->r.each ? cursor_of(L_CURSOR_ACTIVE, q->head) : q->head); }

/* Frees the settled records up to the first open one. */
void move_head(shmq *q)
{
	uint64_t p = q->head;
	while (p != q->next && entry_at(q, p)->state == SETTLED) {
		entry_at(q, p)->state = NOTHING;
		p += entry_at(q, p)->k;
	}
	if (p == q->head)
		return;
	q->head = p;
	store_head(q);
	refresh(q);
}

/* Goes on behind k slots at p, without handing them out. */
void pass_slots(shmq *q, uint64_t p, uint64_t k)
{
	q->next = p + k;
	*entry_at(q, p) = (struct entry){.k = (uint32_t)k, .pos = p, .state = SETTLED};
	move_head(q);
}

/* Tells a successor how far records were handed out. It never goes back: this consumer may die before it has
 * handed out again all that its predecessor had. */
static void store_handout(shmq *q)
{
	if ((int64_t)(q->next - q->seen) <= 0 || q->next == q->told)
		return;
	q->told = q->next;
	publish(q->handout_at, q->next);
}

/* How often the record at p was delivered before, as far as holders recorded, of which one more is recorded. A subscription
 * writes no slots: it knows its own releases, and that a predecessor may have had the record. */
static COLD uint32_t delivered_before(shmq *q, uint64_t p, const struct entry *e)
{
	if (!q->r.each)
		return redeliver(&q->r, p);
	return e->takes + ((int64_t)(q->seen - p) > 0);
}

static void fill_lease(shmq *q, struct shmq_lease *l, const struct record *rec, uint64_t p, uint64_t k, uint32_t redelivered)
{
	struct entry *e = entry_at(q, p);
	e->number = ++q->number;
	e->pos = p;
	e->k = (uint32_t)k;
	e->state = OPEN;
	*l = (struct shmq_lease){rec->data, rec->size, sent_at(&q->r, p), p, redelivered, (uint32_t)k, e->number};
	q->fresh = false;
}

/* Takes the oldest record that was given back. */
static COLD int lease_returned(shmq *q, struct shmq_lease *l)
{
	uint64_t p = q->back;
	struct record rec;
	struct entry *e;
	int rc;
	while (p != q->next && entry_at(q, p)->state != RETURNED)
		p += entry_at(q, p)->k;
	if (p == q->next) {
		q->returned = 0;
		return TORN;
	}
	e = entry_at(q, p);
	rc = read_record(&q->r, p, e->k, &rec);
	if (rc != 0 && rc != TORN)
		return rc;
	q->returned--;
	q->back = p + e->k;
	if (rc == TORN) {
		e->state = SETTLED;
		move_head(q);
		add(hot(&q->r, L_HOT_TORN), 1);
		return TORN;
	}
	fill_lease(q, l, &rec, p, e->k, delivered_before(q, p, e));
	return 0;
}

static int lease_next(shmq *q, struct shmq_lease *l)
{
	const struct region *r = &q->r;
	for (int tries = 0; tries < MAX_TRIES; tries++) {
		uint64_t p = q->next, w = word(r, p), k;
		int64_t lap = word_lap(w, p, r->shift);
		unsigned state = word_state(w);
		struct record rec;
		int rc, lapped;
		if (lap > 0) /* producers can't be a lap ahead of head, unless they do not wait for it */
			return r->skip ? jump(q, p) : SHMQ_E_DAMAGED;
		if (lap < 0 || state == L_FREE || state == L_CLAIMED)
			return SHMQ_E_EMPTY;
		k = span(r, p, w);
		if ((state != L_FULL && state != L_SKIP) || k == 0 || p + k - q->head > r->cap)
			return SHMQ_E_DAMAGED; /* no producer writes beyond head and a lap */
		if (state == L_FULL && may_end(q)) {
			look_at_ends(q);
			if (beyond(q, p))
				return SHMQ_E_EMPTY;
			q->ends.got |= q->ends.limited;
		}
		if (state == L_SKIP) {
			pass_slots(q, p, k);
			continue;
		}
		rc = read_record(r, p, k, &rec);
		if (r->skip && (lapped = check_lapped(q, p)) != 0)
			return lapped;
		if (rc == TORN) {
			pass_slots(q, p, k);
			add(hot(r, L_HOT_TORN), 1);
			continue;
		}
		if (rc != 0)
			return rc;
		q->next = p + k;
		entry_at(q, p)->takes = 0;
		fill_lease(q, l, &rec, p, k, (int64_t)(q->seen - p) > 0 ? delivered_before(q, p, entry_at(q, p)) : 0);
		return 0;
	}
	return SHMQ_E_EMPTY;
}

/* The oldest record that was given back, or else the next one. The caller stores handout before the program gets to
 * see it. */
static int lease_one(shmq *q, struct shmq_lease *l)
{
	if (q->jump_told != JUMP_TOLD && tell_jump(q) != 0)
		return SHMQ_E_LAGGED;
	while (q->returned > 0) {
		int rc = lease_returned(q, l);
		if (rc != TORN)
			return rc;
	}
	return lease_next(q, l);
}

int single_lease(shmq *q, struct shmq_lease *l)
{
	int rc = lease_one(q, l);
	store_handout(q);
	return rc;
}

int64_t single_lease_batch(shmq *q, struct shmq_lease *ls, size_t n)
{
	size_t got = 0;
	int rc = 0;
	while (got < n && (rc = lease_one(q, &ls[got])) == 0)
		got++;
	store_handout(q);
	return got > 0 ? (int64_t)got : rc;
}

/* Acknowledges a lease, or keeps it to be handed out again. Returns false if that was done before, through a copy
 * of it. */
bool single_settle(shmq *q, const struct shmq_lease *l, bool ack)
{
	struct entry *e = entry_at(q, l->position);
	if (e->state != OPEN || e->number != l->number || e->pos != l->position)
		return false;
	e->state = ack ? SETTLED : RETURNED;
	e->takes += !ack;
	if (ack && l->position == q->head) {
		move_head(q);
	} else if (!ack) {
		if (q->returned++ == 0 || (int64_t)(l->position - q->back) < 0)
			q->back = l->position;
	}
	return true;
}
