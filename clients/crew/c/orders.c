#include "orders.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <shmq.h>

#include "journal.h"

uint32_t ordered;
bool draining;

static void *listening(void *unused)
{
	char line[64];
	(void)unused;
	while (fgets(line, sizeof line, stdin) != NULL) {
		draining = strcmp(line, "drain\n") == 0;
		shmq_cancel(&ordered); /* draining is read after this */
	}
	_exit(0); /* while main leaves, perhaps */
}

void listen_to_orders(void)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, listening, NULL) != 0)
		fail("no thread");
}
