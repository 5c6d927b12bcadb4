#include "handle.h"

struct search {
	struct attempt *a;
	int rc;
};

/* A round of the spin; returns whether to go on spinning. */
static bool round_of(shmq *q, void *with, int n)
{
	struct search *s = with;
	s->rc = s->a->run(q, s->a);
	if (s->rc == SHMQ_E_EMPTY && n % 64 == 63)
		s->rc = missed(q);
	return s->rc == SHMQ_E_EMPTY || s->rc == PASSED;
}

static int park_for(shmq *q, struct attempt *a, int64_t deadline)
{
	for (;;) {
		uint32_t ticket = announce(q->data_futex);
		int rc;
		barrier_all(q);
		if ((rc = a->run(q, a)) != SHMQ_E_EMPTY)
			return rc;
		idle_consumer(q);
		rc = over_for_now(q);
		if (rc == PASSED)
			continue;
		if (rc != 0 || (rc = consumer_gone(q)) != 0) {
			pass_on_record(q); /* as below */
			return rc;
		}
		pass_over(q);
		if (is_cancelled(q))
			rc = SHMQ_E_CANCELLED;
		else if (deadline != INT64_MAX && now_ns() >= deadline)
			rc = SHMQ_E_TIMEOUT;
		if (rc == 0) {
			count_waits(q);
			rc = sleep_on(q, q->data_futex, ticket, deadline);
			if (rc == SHMQ_E_INTERRUPTED && !q->interruptible)
				rc = 0;
		}
		if (rc != 0) {
			pass_on_record(q); /* a wake-up may have been meant for what is there by now */
			return rc;
		}
		if ((rc = beat_if_due(q)) < 0)
			return rc;
	}
}

/* Repeats a try, which returned SHMQ_E_EMPTY, until it returns something else, the stream ends or the time is
 * over. */
int wait_record(shmq *q, struct attempt *a, int64_t timeout)
{
	struct search s = {.a = a};
	int64_t deadline = deadline_of(timeout);
	idle_consumer(q);
	if (is_cancelled(q))
		return SHMQ_E_CANCELLED;
	if (spin(q, round_of, &s, deadline))
		return s.rc;
	if (q->policy == SHMQ_SPIN)
		return is_cancelled(q) ? SHMQ_E_CANCELLED : SHMQ_E_TIMEOUT;
	return park_for(q, a, deadline);
}
