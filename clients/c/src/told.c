#include "handle.h"

/*
 * How a consumer is told the end of a stream, when it has found nothing before its limit. The order of the
 * questions counts: the dead are recovered after the end was noted, so that the records that they held
 * can be found; while another process is doing that, the answer has to wait.
 */
bool awaited_at(uint64_t w, int64_t lap) { return lap < 0 || (lap == 0 && word_state(w) == L_FREE); }

static uint64_t next_word(const shmq *q, uint64_t *p, int64_t *lap)
{
	uint64_t w;
	*p = next_record(q);
	w = word(&q->r, *p);
	*lap = word_lap(w, *p, q->r.shift);
	return w;
}

/* Whether nothing is on its way: no record published or released, none being written. */
bool consumer_idle(const shmq *q)
{
	uint64_t p;
	int64_t lap;
	uint64_t w = next_word(q, &p, &lap);
	return !has_backlog(q) && awaited_at(w, lap);
}

/* Whether there may be work for another consumer. */
bool consumer_ready(const shmq *q)
{
	uint64_t p;
	int64_t lap;
	uint64_t w = next_word(q, &p, &lap);
	return (lap == 0 && word_state(w) != L_FREE && word_state(w) != L_CLAIMED) || has_orphans(q);
}

/* Whether a record waits behind the limit. */
bool behind_limit(const shmq *q)
{
	uint64_t p;
	int64_t lap;
	uint64_t w = next_word(q, &p, &lap);
	return beyond(q, p) && lap == 0 && word_state(w) == L_FULL;
}

/* Whether a record of a dead one's take was inherited by another consumer, and not handed out, before the
 * limit. That one said so before it took the orphan. */
static bool others_inherited(const shmq *q)
{
	for (uint32_t i = 0; i < q->r.seats; i++) {
		uint64_t p;
		if (i == q->seat)
			continue;
		p = load(seat64(&q->r, i, L_SEAT_INHERITS));
		if (p != 0 && (int64_t)(p - 1 - q->ends.limit) < 0 && is_dirty(&q->r, i))
			return true;
	}
	return false;
}

/* Whether all that was sent before the limit was handed out to somebody. */
static bool drained(shmq *q)
{
	uint64_t p, w, seen;
	int64_t lap;
	if (q->pending.data != NULL)
		return false;
	if (!q->many) {
		w = next_word(q, &p, &lap);
		return q->returned == 0 && (beyond(q, q->next) || awaited_at(w, lap));
	}
	for (uint32_t at = q->heirs, n = q->heir_count; at != 0 && n > 0; n--) {
		const struct entry *heir = &q->table[at - 1];
		if (!beyond(q, heir->pos))
			return false;
		at = heir->next;
	}
	seen = load(hot(&q->r, L_HOT_ORPHANS));
	if (has_orphans(q) || seen != q->seen)
		return false;
	w = next_word(q, &p, &lap);
	if ((int64_t)(p - q->ends.limit) < 0 && !awaited_at(w, lap))
		return false;
	return !others_inherited(q) && load(hot(&q->r, L_HOT_ORPHANS)) == seen;
}

void leave_end(shmq *q)
{
	pass_end(q);
	q->again = true;
}

/* Takes the end at the limit, unless another consumer was first. */
static int take_end(shmq *q, bool mine)
{
	struct endings *e = &q->ends;
	a64 *word_told = hot(&q->r, L_HOT_TOLD);
	uint64_t told = load(word_told);
	bool cut = e->cut || (e->how != L_END_FINISHED && e->how != L_END_LEFT);
	int how = cut ? SHMQ_E_BROKEN : e->how == L_END_FINISHED || !q->strict ? SHMQ_E_END : SHMQ_E_BROKEN;
	if (mine)
		raise_to(word_told, e->next);
	else if ((int64_t)(told - e->next) >= 0 || !cas(word_told, told, e->next))
		return PASSED;
	leave_end(q);
	e->told = true;
	e->cut = e->got = false;
	await_end(q, e->next);
	return how;
}

/* Returns how the next end of a stream ended, if that is for this consumer and all before it was handed
 * out; 0 if there is no such end; PASSED if it has gone past one that was for others. */
int try_end(shmq *q)
{
	struct endings *e = &q->ends;
	bool mine, open;
	int rc = end_stream(q);
	if (rc < 0)
		return rc;
	look_at_ends(q);
	if (!e->limited)
		return 0;
	recover_all(&q->r, q->fd, q->seat);
	rc = is_locked(q->fd, L_LOCK_RECOVERY, NULL);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (!drained(q))
		return 0;
	mine = (int64_t)(e->next - e->from) >= 0;
	open = (int64_t)(e->next - e->met) > 0 || e->got; /* it is not told an end and nothing else if others met that before */
	if (mine || (open && !awaited_by_others(q, e->next)))
		return take_end(q, mine);
	if (!behind_limit(q) && load(hot(&q->r, L_HOT_ENDS)) == e->next)
		return 0; /* it may still become this one's */
	leave_end(q);
	return PASSED;
}

/* Whether the last thing that it was told is an end, and no stream has begun since. */
bool at_end(const shmq *q)
{
	return q->ends.told && load(hot(&q->r, L_HOT_ENDS)) == q->ends.next - 1 && !stream_open(&q->r);
}

/* For a consumer that does not ask for ends and has found nothing: if all was handed out, the ends that
 * have come are nobody's any more. */
void settle_ends(shmq *q)
{
	uint64_t last = load(hot(&q->r, L_HOT_ENDS));
	if ((int64_t)(last - load(hot(&q->r, L_HOT_TOLD))) > 0 && consumer_idle(q))
		raise_to(hot(&q->r, L_HOT_TOLD), last);
}

int shmq_next_stream(shmq *q)
{
	int rc = begin_settling(q);
	if (rc < 0)
		return rc;
	if (q->role != SHMQ_CONSUMER)
		return failed(q, SHMQ_E_MISUSE);
	q->ends.told = false;
	return 0;
}
