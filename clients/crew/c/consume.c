/* A consumer of the storm, until it is killed, told to leave, or told to go on until nothing comes. */
#include <stdlib.h>

#include "journal.h"
#include "orders.h"
#include "random.h"
#include "record.h"
#include "worker.h"

#define MOST 64 /* open at a time */

static shmq *from;
static struct shmq_lease held[MOST];
static uint64_t ids[MOST];
static size_t open;

/* Notes n leases behind those that are open. */
static void took(int64_t n, int64_t began)
{
	if (n < 0 && n != SHMQ_E_EMPTY && n != SHMQ_E_CANCELLED)
		fail("receive: %s", shmq_last_error(from)->text);
	for (; n > 0; n--) {
		struct shmq_lease *l = &held[open];
		if (!record_read(l->data, l->size, &ids[open]))
			fail("torn: %zu bytes", l->size);
		note(TOOK, l->redelivered > 0, 0, ids[open], began);
		open++;
	}
}

static int64_t one(int rc) { return rc == SHMQ_OK ? 1 : rc; }

static void lease(size_t n, int64_t timeout)
{
	int64_t began = now();
	int64_t rc = n == 1 ? one(shmq_try_lease(from, &held[open])) : shmq_lease_batch(from, &held[open], n, 0);
	if (rc == SHMQ_E_EMPTY && timeout != 0) {
		note(WAIT, 0, 0, 0, 0);
		began = now();
		rc = n == 1 ? one(shmq_lease(from, &held[open], timeout)) : shmq_lease_batch(from, &held[open], n, timeout);
	}
	took(rc, began);
}

static void settle(size_t i)
{
	struct shmq_lease l = held[i];
	uint64_t id = ids[i], again;
	/* No other process may have touched it meanwhile. */
	if (!record_read(l.data, l.size, &again) || again != id)
		fail("record %llx changed while it was held", (unsigned long long)id);
	held[i] = held[--open];
	ids[i] = ids[open];
	if (random_below(12) == 0) {
		note(RELEASING, 0, 0, id, 0);
		shmq_release(from, &l);
		return;
	}
	note(ACKING, 0, 0, id, 0);
	if (shmq_ack(from, &l) != 1)
		fail("ack: %s", shmq_last_error(from)->text);
	note(ACKED, 0, 0, id, 0);
}

static void settle_all(void)
{
	while (open > 0)
		settle(random_below((uint32_t)open));
}

static void step(void)
{
	/* A consumer that waits for a record while it holds others may wait for ever: the ring may have come round to
	 * them. */
	int64_t timeout = open == 0 ? SHMQ_FOREVER : 0;
	switch (random_below(12)) {
	case 0:
	case 1:
		lease(1 + random_below(16), timeout);
		break;
	case 2:
	case 3:
		lease(1 + random_below(16), 0);
		break;
	default:
		lease(1, timeout);
	}
	random_pause();
	if (open > 8 || random_below(4) > 0)
		settle_all();
	else if (open > 0)
		settle(random_below((uint32_t)open));
}

void consume(char **args)
{
	journal_open(args[2]);
	random_seed(strtoull(args[3], NULL, 10), strtoull(args[0], NULL, 10));
	from = attach(args[1], SHMQ_CONSUMER, 0);
	note(ATTACHED, 0, 0, 0, 0);
	while (__atomic_load_n(&ordered, __ATOMIC_SEQ_CST) == 0)
		step();
	settle_all();
	/* A call may find nothing because its effort is spent. */
	for (int empty = 0; draining && empty < 100; empty++) {
		lease(1, 0);
		if (open > 0)
			empty = 0;
		settle_all();
	}
	note(LEAVING, 0, 0, 0, 0);
	struct shmq_error err;
	if (shmq_close(from, &err) != SHMQ_OK)
		fail("close: %s", err.text);
}
