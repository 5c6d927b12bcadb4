#include "handle.h"

/*
 * A producer that finds the ring full holds out for a quarter of it, rather than for a slot: filling each slot
 * as it comes free, it would fetch head from the consumer's core once a record. It holds out for one
 * sleep at most, and not in a ring that is too small to have a quarter.
 */
enum { ROOMY_EACH = 8, ROOMY_ROUNDS = 1024, TURN_EACH = 1024, LINGERS = 64 };

struct room {
	struct attempt *a;
	bool hold, large;
	int rc;
};

static void ask(shmq *q)
{
	bool gave;
	ask_turn(q, &gave);
	if (gave)
		count_wakes(q, wake_all(q->room_futex));
}

/* What a producer does that could not go on, and does not sleep. */
int missed_room(shmq *q) { return beat_if_due(q); }

/* A round of the spin; returns whether to go on spinning. */
static bool round_of(shmq *q, void *with, int n)
{
	struct room *w = with;
	if (w->hold && n < ROOMY_ROUNDS && (n % ROOMY_EACH != 0 || !is_roomy(&q->r)))
		return true;
	if (w->large && n % TURN_EACH == TURN_EACH - 1)
		ask(q);
	w->rc = w->a->run(q, w->a);
	if (w->rc == SHMQ_E_FULL && n % 64 == 0) {
		int rc;
		notify_filler(q);
		if ((rc = missed_room(q)) < 0)
			w->rc = rc;
	}
	return w->rc == SHMQ_E_FULL;
}

/* The last try of one that still held out; what it is told if that finds no room. */
static int in_time(shmq *q, struct room *w, int rc)
{
	int last = w->hold ? w->a->run(q, w->a) : SHMQ_E_FULL;
	return last == SHMQ_E_FULL ? rc : last;
}

static int park_for(shmq *q, struct room *w, int64_t deadline)
{
	for (;;) {
		uint32_t ticket;
		int rc;
		if (w->large)
			ask(q); /* renewed each time; a sleep is shorter than a turn */
		ticket = announce(q->room_futex);
		barrier_all(q);
		if (!w->hold || is_roomy(&q->r)) {
			rc = w->a->run(q, w->a);
			if (rc != SHMQ_E_FULL)
				return rc;
		}
		notify_filler(q);
		if (is_cancelled(q))
			return SHMQ_E_CANCELLED;
		if (deadline != INT64_MAX && now_ns() >= deadline)
			return in_time(q, w, SHMQ_E_TIMEOUT);
		count_waits(q);
		rc = sleep_on(q, q->room_futex, ticket, deadline);
		if (rc < 0 && (rc != SHMQ_E_INTERRUPTED || q->interruptible))
			return in_time(q, w, rc);
		w->hold = false;
		if ((rc = beat_if_due(q)) < 0)
			return rc;
	}
}

/*
 * For a call that does not wait: lets a microsecond pass if there was room since it was last called, and reports
 * whether it did. Where the consumers are many, each look at the word of the slot that they free next takes its line
 * away from them, and they free one slot for each look; after a while a dozen are free.
 */
static bool linger(shmq *q)
{
	if (!q->r.many_consumers || q->lingered == q->tail)
		return false;
	q->lingered = q->tail;
	for (int i = 0; i < LINGERS; i++)
		relax_cpu();
	return true;
}

/* Repeats a try, which returned SHMQ_E_FULL, until it returns something else or the time is over; without time once at
 * the most. size is the record's. */
int wait_room(shmq *q, struct attempt *a, uint64_t size, int64_t timeout)
{
	if (timeout == 0)
		return linger(q) ? a->run(q, a) : SHMQ_E_FULL;
	bool large = q->r.many_producers && size > q->r.area;
	struct room w = {.a = a, .hold = size <= q->r.area && q->r.cap >= 4, .large = large};
	int64_t deadline = deadline_of(timeout);
	int rc;
	notify_filler(q); /* its slots may be the ones to wait for */
	rc = is_cancelled(q) ? SHMQ_E_CANCELLED : 0;
	if (rc == 0)
		rc = spin(q, round_of, &w, deadline) ? w.rc : q->policy == SHMQ_SPIN ? in_time(q, &w, SHMQ_E_TIMEOUT) : park_for(q, &w, deadline);
	if (rc == SHMQ_E_TIMEOUT && is_cancelled(q))
		rc = SHMQ_E_CANCELLED;
	pass_on_room(q);
	if (large)
		end_turn(q);
	return rc;
}
