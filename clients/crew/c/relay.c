/* A hop of the ring: each parcel is checked, extended, sent on and then acknowledged. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal.h"
#include "parcel.h"
#include "worker.h"

/* A death that the parent has asked for: at a point, with the parcel of that number of this life. */
struct death {
	char point[16];
	unsigned long long at;
};

static void perhaps_die(const struct death *d, const char *point, uint64_t seq)
{
	if (seq == d->at && strcmp(point, d->point) == 0)
		kill(getpid(), SIGKILL);
}

/* Whether the stream that was broken off was the last: the break of one that this life was not there for is told with
 * the end of the next. */
static bool over(const char *queue)
{
	struct shmq_info i;
	struct shmq_error e;
	if (shmq_stat(queue, &i, &e) != SHMQ_OK)
		fail("%s", e.text);
	return i.finished == i.epoch && i.depth == 0;
}

void relay(char **args)
{
	static uint8_t buf[1 << 16];
	const char *hop = args[0];
	uint64_t life = strtoull(args[1], NULL, 10);
	struct death death = {"", 0};
	struct shmq_lease l;
	struct parcel p;
	int rc;

	sscanf(args[5], "%15[a-z]:%llu", death.point, &death.at);
	journal_open(args[4]);
	shmq *from = attach(args[2], SHMQ_CONSUMER, SHMQ_UNTIL_END);
	shmq *to = attach(args[3], SHMQ_PRODUCER, 0);
	note(ATTACHED, 0, 0, 0, 0);
	for (uint64_t seq = 0;; seq++) {
		/* A stream that is broken off is that of a hop that was killed: its successor begins another. */
		while ((rc = shmq_lease(from, &l, SHMQ_FOREVER)) == SHMQ_E_BROKEN && !over(args[2]))
			shmq_next_stream(from);
		if (rc != SHMQ_OK)
			break;
		const char *wrong = parcel_decode(&p, l.data, l.size);
		if (wrong != NULL)
			fail("parcel: %s", wrong);
		if (p.sum != parcel_sum(&p))
			fail("parcel %llu: its sum is wrong", (unsigned long long)p.number);
		note(TOOK, l.redelivered > 0, 0, p.copy, (int64_t)p.number);
		if (!parcel_extend(&p, hop, life, life << 32 | seq))
			fail("parcel %llu: too many hops", (unsigned long long)p.number);
		size_t size = parcel_encode(&p, buf, sizeof buf);
		if (size == 0)
			fail("parcel %llu: too large", (unsigned long long)p.number);
		perhaps_die(&death, "taken", seq);
		if (shmq_send(to, buf, size, SHMQ_FOREVER) != SHMQ_OK)
			fail("%s", shmq_last_error(to)->text);
		perhaps_die(&death, "sent", seq);
		shmq_ack(from, &l);
	}
	if (rc != SHMQ_E_END && rc != SHMQ_E_BROKEN)
		fail("%s", shmq_last_error(from)->text);
	shmq_close(from, NULL);
	note(LEAVING, 0, 0, 0, 0);
	shmq_finish(to, NULL);
}
