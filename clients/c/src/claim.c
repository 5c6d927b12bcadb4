#include "handle.h"

/*
 * How producers take slots. A single one claims nothing: the role is exclusive by a kernel lock, so the
 * slots from tail on are its own until it publishes them. One that shares the role claims by one
 * compare-and-swap on the word of the slot at tail, from free to CLAIMED by its seat: there is no instant
 * at which slots are taken and the taker is unknown.
 */
uint64_t plain_lap(const struct region *r)
{
	return r->many_producers || r->many_consumers || !r->plain ? 0 : r->cap;
}

/* Makes the record visible, whole. A single producer moves the shared tail behind it. One of many asks for the line that
 * a later claim of as many slots needs. */
void publish_record(shmq *q, uint64_t pos, uint64_t k)
{
	const struct region *r = &q->r;
	put_word(r, pos, full_word(pos, k, r->shift));
	if (r->many_producers) {
		ask_to_write(line_at(r, pos + k * AHEAD));
		return;
	}
	q->tail = pos + k;
	publish(hot(r, L_HOT_TAIL), q->tail);
}

/* Finds k free slots at tail, behind a filler if they would cross the end of the ring. The filler does not
 * go out before there is room behind it. */
static int claim_single(shmq *q, uint64_t k, uint64_t *pos)
{
	const struct region *r = &q->r;
	uint64_t left = r->cap - (q->tail & r->mask), filler = k > left ? left : 0, n;
	int rc;
	q->spent = 0;
	rc = free_slots(q, q->tail, filler + k, &n);
	if (rc != 0 || n < filler + k)
		return rc != 0 ? rc : SHMQ_E_FULL;
	if (filler > 0) {
		uint64_t t = q->tail;
		q->tail += filler;
		q->filled = true;
		put_word(r, t, skip_word(t, filler, r->shift));
		publish(hot(r, L_HOT_TAIL), q->tail);
	}
	*pos = q->tail;
	return 0;
}

/* Moves tail, or what the producer remembers of it, over its claim of k slots at t. */
static void claimed(shmq *q, uint64_t t, uint64_t k)
{
	if (!q->roams) {
		cas(hot(&q->r, L_HOT_TAIL), t, t + k);
		store_barrier(); /* before the payload; see announce_intent */
		return;
	}
	q->tail = t + k;
	if (crosses(&q->r, t, k))
		raise_to(hot(&q->r, L_HOT_TAIL), q->tail);
}

/* Where both sides are many: claims the slot at tail if it is free, which it does not read before, so that the
 * line comes to this core once. Where it returns false, claim_shared finds out why. */
static bool claim_unseen(shmq *q)
{
	const struct region *r = &q->r;
	uint64_t t = q->tail;
	if (!q->roams || q->wary || load(hot(r, L_HOT_TURN)) != 0 ||
	    !cas(word_at(r, t), free_word(t, r->shift), claimed_word(t, 1, q->seat, r->shift)))
		return false;
	claimed(q, t, 1);
	return true;
}

int claim(shmq *q, uint64_t k, uint64_t *pos)
{
	uint64_t got;
	*pos = q->tail;
	if (k == 1 && claim_unseen(q))
		return 0;
	return q->r.many_producers ? claim_shared(q, k, k, pos, &got) : claim_single(q, k, pos);
}

/* Where a search for a free slot begins. */
static int search_from(shmq *q, uint64_t *t)
{
	uint64_t hint = load(hot(&q->r, L_HOT_TAIL));
	if (!q->roams) {
		*t = hint;
		return 0;
	}
	if ((int64_t)(q->tail - hint) <= 0)
		q->tail = hint;
	else if (q->tail - hint > max_lag(&q->r))
		return SHMQ_E_DAMAGED;
	*t = q->tail;
	return 0;
}

/* Whether w, the word at t, says that no producer has claimed there: 1, or 0 if tail or the word has moved on,
 * or was helped to; or a code. */
static int is_unclaimed(shmq *q, uint64_t t, uint64_t w)
{
	const struct region *r = &q->r;
	int64_t lap = word_lap(w, t, r->shift);
	bool again;
	int rc;
	if (lap == 0 && word_state(w) != L_FREE) { /* tail lags behind its claimer */
		uint64_t k = span(r, t, w);
		if (k == 0)
			return SHMQ_E_DAMAGED;
		if (q->roams)
			q->tail = t + k;
		else
			cas(hot(r, L_HOT_TAIL), t, t + k);
		return 0;
	}
	if (lap > 0 && q->roams) {
		if (!passed(r, t, w, &q->claims))
			return SHMQ_E_DAMAGED;
		q->tail = t + 1; /* claimed, consumed and freed since */
		return 0;
	}
	if (lap > 0) /* claimed and consumed since: t is old; if it is not, damage */
		return load(hot(r, L_HOT_TAIL)) == t ? SHMQ_E_DAMAGED : 0;
	if (lap < 0 && r->many_consumers) {
		rc = recycle(q, t, w, &again);
		if (rc != 0 || again)
			return rc;
		q->free_end = t;
		return SHMQ_E_FULL; /* a consumer still holds it */
	}
	return 1;
}

/*
 * How many slots to claim at t, of those that are free there and not kept for another: at_most at most, or as
 * a filler all up to the end of the ring if at_least would cross it. There is no filler without room for the
 * record behind it.
 */
static int extent(shmq *q, uint64_t t, uint64_t at_least, uint64_t at_most, uint64_t turn, uint64_t *k, bool *filler)
{
	uint64_t left = q->r.cap - (t & q->r.mask);
	int rc;
	*filler = left < at_least;
	if (*filler)
		at_most = at_least += left;
	if ((rc = free_slots(q, t, least(at_most, most(left, at_least)), k)) != 0)
		return rc;
	q->free_end = t + *k;
	if (*k < at_least)
		return SHMQ_E_FULL;
	rc = leave_to_turn(turn, t, k, at_least);
	if (*filler)
		*k = left;
	return rc;
}

static int search(shmq *q, uint64_t at_least, uint64_t at_most, uint64_t *pos, uint64_t *k, bool peek)
{
	const struct region *r = &q->r;
	uint64_t turn = other_turn(q), t, w;
	bool filler;
	for (q->spent = 0; q->spent < effort(r); q->spent++) {
		int rc = search_from(q, &t);
		if (rc != 0)
			return rc;
		w = word(r, t);
		rc = is_unclaimed(q, t, w);
		if (rc < 0)
			return rc;
		if (rc == 0)
			continue;
		rc = extent(q, t, at_least, at_most, turn, k, &filler);
		if (rc != 0 && word(r, t) != w)
			continue; /* what was read behind t meant something only if t is still unclaimed */
		if (rc != 0 || peek)
			return rc;
		if (!cas(word_at(r, t), w, filler ? skip_word(t, *k, r->shift) : claimed_word(t, *k, q->seat, r->shift)))
			continue;
		claimed(q, t, *k);
		if (!filler) {
			*pos = t;
			return 0;
		}
		q->filled = true;
	}
	return SHMQ_E_FULL;
}

/* Others count by tail whether there is room. */
static int found(shmq *q, int rc)
{
	if (q->roams && (q->wary = rc != 0))
		raise_to(hot(&q->r, L_HOT_TAIL), q->tail);
	return rc;
}

/* Claims as many slots as are free at tail, at_least at least and at_most at most, without crossing the end of the
 * ring. */
int claim_shared(shmq *q, uint64_t at_least, uint64_t at_most, uint64_t *pos, uint64_t *k)
{
	int rc = found(q, search(q, at_least, at_most, pos, k, false));
	if (rc == 0 && at_least > 1 && q->turn.asked)
		end_turn(q);
	return rc;
}

/* Whether a try to send n bytes is worth while: false only if it would return SHMQ_E_FULL. It claims nothing. */
COLD bool peek_room(shmq *q, uint64_t n)
{
	const struct region *r = &q->r;
	uint64_t k = slots_for(r, n), left, pos, got;
	bool is_room;
	if (q->reserved || n > max_record(r))
		return true; /* the call says what is wrong */
	q->looks = true;
	if (r->many_producers) {
		is_room = found(q, search(q, k, k, &pos, &got, true)) != SHMQ_E_FULL;
	} else {
		q->spent = 0;
		left = r->cap - (q->tail & r->mask);
		if (k > left)
			k += left; /* behind a filler */
		is_room = free_slots(q, q->tail, k, &got) != 0 || got >= k;
	}
	q->looks = false;
	return is_room;
}
