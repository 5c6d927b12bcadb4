/* A producer of the storm, until it is killed or told to leave. */
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "orders.h"
#include "random.h"
#include "record.h"
#include "worker.h"

#define MOST 20
#define ROOM (1 << 16)

static shmq *to;
static uint64_t life, seq; /* seq: of the record that comes next */

static uint64_t next_id(void) { return life << 32 | seq; }

/* Many records are small, some take several slots, a few are the largest. */
static size_t next_size(void)
{
	size_t slot = shmq_slot_size(to), most = shmq_max_record(to);
	switch (random_below(16)) {
	case 0:
	case 1:
	case 2:
		return slot + random_below((uint32_t)(most / 4)) < most ? slot + random_below((uint32_t)(most / 4)) : most;
	case 3:
		return MIN_RECORD + random_below((uint32_t)(most - MIN_RECORD + 1));
	case 4:
		return random_below(10) == 0 ? most : slot;
	}
	return MIN_RECORD + random_below((uint32_t)(slot - MIN_RECORD + 1));
}

static void sent(int64_t n)
{
	if (n < 0 && n != SHMQ_E_FULL && n != SHMQ_E_CANCELLED)
		fail("send: %s", shmq_last_error(to)->text);
	if (n < 0)
		n = 0;
	note(SENT, 0, (unsigned)n, next_id(), 0);
	seq += (uint64_t)n;
}

static int64_t one(int rc) { return rc == SHMQ_OK ? 1 : rc; }

static void send_records(size_t n, int64_t timeout)
{
	static uint8_t room[MOST][ROOM];
	struct shmq_bytes records[MOST];
	for (size_t i = 0; i < n; i++) {
		size_t size = next_size();
		record_fill(room[i], next_id() + i, size);
		records[i] = (struct shmq_bytes){room[i], size};
	}
	note(TRY, 0, (unsigned)n, next_id(), 0);
	int64_t rc = n == 1 ? one(shmq_try_send(to, records[0].data, records[0].size)) : shmq_send_batch(to, records, n, 0);
	if (rc == SHMQ_E_FULL && timeout != 0) {
		note(WAIT, 0, 0, 0, 0);
		rc = n == 1 ? one(shmq_send(to, records[0].data, records[0].size, timeout)) : shmq_send_batch(to, records, n, timeout);
	}
	sent(rc);
}

/* Writes a record in place, sometimes slowly, and sends it or gives it back. */
static void reserve(bool commit)
{
	void *data;
	size_t size = next_size();
	note(WAIT, 0, 0, 0, 0);
	int rc = shmq_reserve(to, size, &data, SHMQ_FOREVER);
	if (rc != SHMQ_OK) {
		sent(rc);
		return;
	}
	note(SENT, 0, 0, next_id(), 0); /* the wait is over */
	record_fill(data, commit ? next_id() : next_id() | 1ULL << 63, size);
	random_pause();
	if (!commit) {
		shmq_abort(to);
		return;
	}
	note(TRY, 0, 1, next_id(), 0);
	sent(one(shmq_commit(to, size)));
}

void produce(char **args)
{
	life = strtoull(args[0], NULL, 10);
	journal_open(args[2]);
	random_seed(strtoull(args[3], NULL, 10), life);
	to = attach(args[1], SHMQ_PRODUCER, 0);
	if (shmq_max_record(to) > ROOM)
		fail("records of %zu bytes", shmq_max_record(to));
	note(ATTACHED, 0, 0, 0, 0);
	while (__atomic_load_n(&ordered, __ATOMIC_SEQ_CST) == 0) {
		switch (random_below(16)) {
		case 0:
		case 1:
		case 2:
		case 3:
			send_records(1, 0);
			break;
		case 4:
		case 5:
			send_records(1 + random_below(MOST), 0);
			break;
		case 6:
		case 7:
			send_records(1 + random_below(MOST), SHMQ_FOREVER);
			break;
		case 8:
		case 9:
			reserve(true);
			break;
		case 10:
			reserve(false);
			break;
		default:
			send_records(1, SHMQ_FOREVER);
		}
	}
	note(LEAVING, 0, 0, 0, 0);
	struct shmq_error err;
	if (shmq_close(to, &err) != SHMQ_OK)
		fail("close: %s", err.text);
}
