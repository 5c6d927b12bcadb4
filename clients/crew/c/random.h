#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>

void random_seed(uint64_t seed, uint64_t life);

/* A number below n. */
uint32_t random_below(uint32_t n);

/* Sleeps for the time that a program spends between two calls, mostly none. */
void random_pause(void);

#endif
