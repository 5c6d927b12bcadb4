#include "handle.h"

/* Whether a call for a record is worth while: it takes nothing, but does what such a call does on its way to a
 * record. Another consumer may be faster. */

static bool peek_single(shmq *q)
{
	const struct region *r = &q->r;
	if (q->returned > 0 || q->jump_told == JUMP_PENDING)
		return true;
	for (int tries = 0; tries < MAX_TRIES; tries++) {
		uint64_t p = q->next, w = word(r, p), k;
		int64_t lap = word_lap(w, p, r->shift);
		unsigned state = word_state(w);
		if (lap != 0)
			return lap > 0; /* damage, which the call finds */
		if (state == L_FREE || state == L_CLAIMED)
			return false;
		if (state == L_SKIP) {
			k = span(r, p, w);
			if (k == 0 || p + k - q->head > r->cap || q->jump_told != JUMP_TOLD)
				return true; /* damage, or that a jump was told: for the call */
			pass_slots(q, p, k); /* else nobody gets its slots, or is told an end behind it */
			continue;
		}
		if (may_end(q)) /* asked after the word was seen */
			look_at_ends(q);
		return !beyond(q, p);
	}
	return true;
}

/* A scan up to the first orphan, where the next take goes on. */
static bool peek_orphans(shmq *q)
{
	const struct region *r = &q->r;
	if (!q->ends.limited)
		look_at_ends(q);
	begin_scan(q);
	for (; q->cursor != q->end; q->cursor++) {
		uint64_t w = word(r, q->cursor);
		if (word_state(w) != L_ORPHAN && word_state(w) != L_ORPHAN_ACKED)
			continue;
		if (word_lap(w, q->cursor, r->shift) != 0 || span(r, q->cursor, w) == 0)
			continue;
		if (may_end(q))
			look_at_ends(q);
		if (!beyond(q, q->cursor))
			return true;
	}
	q->rescan = false;
	say_heirs(q);
	return false;
}

static bool nothing(shmq *q)
{
	caught_up(q);
	return false;
}

static bool peek_taken(shmq *q)
{
	const struct region *r = &q->r;
	for (uint64_t spent = 0; spent < effort(r); spent++) {
		uint64_t hint = load(hot(r, L_HOT_HEAD)), p = q->next = later(q->next, hint), w, k;
		int64_t lap;
		unsigned state;
		if (p - hint > max_lag(r))
			return true; /* damage, which the call finds */
		w = word(r, p);
		lap = word_lap(w, p, r->shift);
		state = word_state(w);
		if (lap < 0)
			return nothing(q);
		if (lap > 0) {
			if (!passed(r, p, w, &q->claimed))
				return true;
			q->next = p + 1; /* taken and freed since */
			continue;
		}
		k = span(r, p, w);
		if (state == L_FREE || state == L_CLAIMED)
			return nothing(q);
		if (k == 0 || state > L_SKIP)
			return true;
		if (state == L_FULL) {
			if (may_end(q))
				look_at_ends(q);
			return !beyond(q, p) || nothing(q);
		}
		q->next = p + k; /* taken, orphaned or skipped */
	}
	return false;
}

bool peek_record(shmq *q)
{
	if (q->pending.data != NULL)
		return true;
	if (!q->many)
		return peek_single(q);
	if (q->heirs != 0 && !beyond(q, q->table[q->heirs - 1].pos))
		return true;
	return (has_orphans(q) && peek_orphans(q)) || peek_taken(q);
}
