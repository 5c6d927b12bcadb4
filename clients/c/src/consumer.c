#include "handle.h"

/* What both kinds of consumers have in common: one try, and whom to wake after it. */

static int take_pending(shmq *q, struct shmq_lease *l)
{
	if (q->pending.data == NULL)
		return SHMQ_E_EMPTY;
	*l = q->pending;
	q->pending.data = NULL;
	return 0;
}

int lease_any(shmq *q, struct shmq_lease *l)
{
	if (take_pending(q, l) == 0)
		return 0;
	return q->many ? shared_lease(q, l) : single_lease(q, l);
}

int64_t lease_many(shmq *q, struct shmq_lease *ls, size_t n)
{
	if (take_pending(q, ls) == 0)
		return 1;
	return q->many ? shared_lease_batch(q, ls, n) : single_lease_batch(q, ls, n);
}

bool settle_lease(shmq *q, struct shmq_lease *l, bool ack)
{
	l->data = NULL;
	return q->many ? shared_settle(q, l, ack) : single_settle(q, l, ack);
}

bool consumer_holds(const shmq *q) { return q->many ? q->held > 0 : q->head != q->next; }

static void wake_producer(shmq *q)
{
	bool all = load(hot(&q->r, L_HOT_TURN)) != 0; /* the room is for one alone, and the others would sleep on */
	count_wakes(q, all ? wake_all(q->room_futex) : wake_one(q->room_futex));
}

/* Wakes a producer for any room: this consumer has nothing more to receive. */
void idle_consumer(shmq *q)
{
	if (q->fence)
		fence();
	if (armed(q->room_futex) && room_at_rest(&q->r))
		wake_producer(q);
}

/* Wakes a producer if enough room has become free since it went to sleep: a quarter of the ring, so that a full one
 * costs a wake-up a quarter lap and not one a slot. One that has the turn waits for its own slots. */
void freed(shmq *q)
{
	if (q->fence)
		fence();
	if (armed(q->room_futex) && (is_roomy(&q->r) || load(hot(&q->r, L_HOT_TURN)) != 0))
		wake_producer(q);
}

/* Wakes another consumer if there may be records to deliver again. */
void orphaned(shmq *q)
{
	if (armed(q->data_futex) && has_orphans(q))
		count_wakes(q, wake_one(q->data_futex));
}

/* Wakes another consumer if there is more to take: one wake-up may stand for several records. */
void pass_on_record(shmq *q)
{
	if (q->many && armed(q->data_futex) && consumer_ready(q))
		count_wakes(q, wake_one(q->data_futex));
}

/* Wakes consumers that wait for an end, after this one has handed out the last record of a dead one's batch. */
void relieve(shmq *q)
{
	bool was = q->relieved;
	q->relieved = false;
	if (was && armed(q->data_futex))
		count_wakes(q, wake_all(q->data_futex));
}

/* Wakes another consumer if there is a record that this one may not take before it is told an end; once for each
 * position, or two that may not would wake each other for ever. */
void pass_over(shmq *q)
{
	uint64_t head = q->many ? next_take(&q->r) : load(hot(&q->r, L_HOT_HEAD));
	if (q->passed_at == head || !behind_limit(q))
		return;
	q->passed_at = head;
	pass_on_record(q);
}

/* What a consumer is told that has found nothing: the end of a stream that is for it, 0, or PASSED. */
int over_for_now(shmq *q)
{
	int rc;
	if (!q->ends.asks) {
		settle_ends(q);
		return 0;
	}
	if (at_end(q))
		return q->over;
	rc = try_end(q);
	if (rc == SHMQ_E_END || rc == SHMQ_E_BROKEN)
		q->over = rc;
	return rc;
}

/* What a try returns that found nothing: SHMQ_E_EMPTY, or better; PASSED if the next one may find something. */
int missed(shmq *q)
{
	int rc;
	if (q->fence || armed(q->room_futex))
		idle_consumer(q);
	if ((rc = beat_if_due(q)) < 0)
		return rc;
	rc = over_for_now(q);
	if (rc != 0)
		return rc;
	rc = consumer_gone(q);
	return rc != 0 ? rc : SHMQ_E_EMPTY;
}

/* The same of a try that is made once, and again where it may find something. More often only if somebody hostile counts
 * ends. */
int missed_record(shmq *q, struct attempt *a)
{
	for (int i = 0; i < L_END_LOG_SIZE; i++) {
		int rc = missed(q);
		if (rc != PASSED || (rc = a->run(q, a)) != SHMQ_E_EMPTY)
			return rc;
	}
	return SHMQ_E_EMPTY;
}
