#include "handle.h"

static int try_one(shmq *q, struct attempt *a)
{
	struct shmq_lease *ls = a->out;
	int rc = lease_any(q, ls);
	a->got = rc == 0;
	return rc;
}

static int try_many(shmq *q, struct attempt *a)
{
	int64_t n = lease_many(q, a->out, a->n);
	a->got = n > 0 ? (uint64_t)n : 0;
	return n < 0 ? (int)n : 0;
}

static int64_t do_lease(shmq *q, struct attempt *a, int64_t timeout)
{
	struct shmq_lease *ls = a->out;
	int rc = begin(q, SHMQ_CONSUMER);
	if (rc < 0)
		return rc;
	if (ls == NULL || a->n == 0)
		return a->n == 0 ? 0 : failed(q, SHMQ_E_MISUSE);
	if (q->r.skip)
		return failed(q, SHMQ_E_OPTION); /* producers wait for no lease */
	if ((rc = a->run(q, a)) == SHMQ_E_EMPTY)
		rc = timeout != 0 ? wait_record(q, a, timeout) : missed_record(q, a);
	if (atomic_load_explicit(&q->hit, memory_order_relaxed) != 0)
		rc = lose(q);
	if (rc != 0) {
		for (size_t i = 0; i < a->n; i++)
			ls[i].data = NULL;
		return failed(q, rc);
	}
	hold(q);
	for (uint64_t i = 0; i < a->got; i++)
		if (ls[i].redelivered > 0)
			bump(seat64(&q->r, q->seat, L_SEAT_REDELIVERED), 1);
	relieve(q);
	pass_on_record(q);
	return (int64_t)a->got;
}

int shmq_lease(shmq *q, struct shmq_lease *lease, int64_t timeout)
{
	struct attempt a = {.run = try_one, .out = lease, .n = 1};
	int64_t n = do_lease(q, &a, timeout);
	return n < 0 ? (int)n : 0;
}

int64_t shmq_lease_batch(shmq *q, struct shmq_lease *leases, size_t n, int64_t timeout)
{
	struct attempt a = {.run = try_many, .out = leases, .n = n};
	return do_lease(q, &a, timeout);
}

/* After leases were settled: what is free, or an orphan, is news for others. */
static int settled(shmq *q)
{
	if (!consumer_holds(q))
		held_nothing(q);
	orphaned(q);
	freed(q);
	return atomic_load_explicit(&q->hit, memory_order_relaxed) != 0 ? lose(q) : 0;
}

static int settle(shmq *q, struct shmq_lease *l, bool ack)
{
	int rc = begin_settling(q);
	bool done;
	if (rc < 0)
		return rc;
	if (q->role != SHMQ_CONSUMER || l == NULL)
		return failed(q, SHMQ_E_MISUSE);
	if (l->data == NULL)
		return 0;
	done = settle_lease(q, l, ack);
	if (done && ack) {
		bump(q->records, 1);
		bump(q->bytes, l->size);
	}
	rc = settled(q);
	return rc < 0 ? rc : done;
}

int shmq_ack(shmq *q, struct shmq_lease *lease) { return settle(q, lease, true); }

int shmq_release(shmq *q, struct shmq_lease *lease) { return settle(q, lease, false); }

int64_t shmq_ack_batch(shmq *q, struct shmq_lease *leases, size_t n)
{
	uint64_t bytes = 0;
	int64_t done = 0;
	int rc = begin_settling(q);
	if (rc < 0)
		return rc;
	if (q->role != SHMQ_CONSUMER || (leases == NULL && n > 0))
		return failed(q, SHMQ_E_MISUSE);
	if (n == 0)
		return 0;
	if (q->many)
		done = shared_ack_batch(q, leases, n, &bytes);
	for (size_t i = 0; i < n; i++) {
		if (!q->many && leases[i].data != NULL && single_settle(q, &leases[i], true)) {
			bytes += leases[i].size;
			done++;
		}
		leases[i].data = NULL;
	}
	bump(q->records, (uint64_t)done);
	bump(q->bytes, bytes);
	rc = settled(q);
	return rc < 0 ? rc : done;
}
