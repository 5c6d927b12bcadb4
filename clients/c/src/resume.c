#include "handle.h"

/* Where a participant begins: where its predecessor stopped. */

int resume_producer(shmq *q)
{
	const struct region *r = &q->r;
	int rc;
	q->records = seat64(r, q->seat, L_SEAT_RECORDS);
	if (r->many_producers) {
		q->tail = q->claims = load(hot(r, L_HOT_TAIL));
		q->head_seen = r->each ? q->tail - r->cap : load(hot(r, L_HOT_HEAD)); /* no room: the first claim scans */
		q->roams = r->many_consumers;
		q->wary = true;
		return 0;
	}
	q->ahead = plain_lap(r);
	if ((rc = last_claim(r, &q->tail, &q->head_seen)) != 0)
		return rc;
	if (r->each)
		q->head_seen = q->tail - r->cap; /* not head: its second look may have stopped at less */
	store(hot(r, L_HOT_TAIL), q->tail);
	return resume_marks(q);
}

void single_start(shmq *q)
{
	const struct region *r = &q->r;
	q->head_at = r->each ? sub64(q->sub, L_SUB_CURSOR) : hot(r, L_HOT_HEAD);
	q->handout_at = r->each ? sub64(q->sub, L_SUB_HANDOUT) : hot(r, L_HOT_HANDOUT);
	q->head = load(q->head_at);
	if (r->each)
		q->head = cursor_near(q->head, load(hot(r, L_HOT_TAIL)));
	q->next = q->told = q->head;
	q->seen = load(q->handout_at);
	refresh(q);
}
