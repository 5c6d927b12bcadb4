#ifndef WORKER_H
#define WORKER_H

#include <shmq.h>

/* Attaches; waits for a role and a seat that a dead one has until the kernel has taken it away. */
shmq *attach(const char *queue, enum shmq_role role, uint32_t flags);

void relay(char **args);   /* hop, life, from, to, journal, death */
void produce(char **args); /* life, queue, journal, seed */
void consume(char **args); /* life, queue, journal, seed */

#endif
