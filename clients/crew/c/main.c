/* A worker in C: a hop of the ring, or a producer or consumer of the storm. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "journal.h"
#include "orders.h"
#include "worker.h"

shmq *attach(const char *queue, enum shmq_role role, uint32_t flags)
{
	struct shmq_options o = SHMQ_OPTIONS_INIT;
	struct shmq_error err;
	shmq *q;
	o.flags = SHMQ_NO_CREATE | flags;
	o.cancel = &ordered;
	while (shmq_open(&q, queue, role, &o, &err) < 0) {
		if (__atomic_load_n(&ordered, __ATOMIC_SEQ_CST) != 0) { /* another one has what this one waits for */
			note(LEFT, 0, 0, 0, 0);
			say("left");
			exit(0);
		}
		if (err.code != SHMQ_E_ROLE_TAKEN && err.code != SHMQ_E_NO_SEAT)
			fail("%s", err.text);
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	return q;
}

int main(int argc, char **argv)
{
	listen_to_orders();
	if (argc == 8 && strcmp(argv[1], "relay") == 0)
		relay(argv + 2);
	else if (argc == 6 && strcmp(argv[1], "produce") == 0)
		produce(argv + 2);
	else if (argc == 6 && strcmp(argv[1], "consume") == 0)
		consume(argv + 2);
	else
		fail("no such part of a worker");
	note(LEFT, 0, 0, 0, 0);
	say("left");
	return 0;
}
