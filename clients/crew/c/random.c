#include "random.h"

#include <time.h>

static uint64_t state;

void random_seed(uint64_t seed, uint64_t life) { state = seed ^ life * 0x9e3779b97f4a7c15; }

uint32_t random_below(uint32_t n) /* splitmix64 */
{
	uint64_t z = state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (uint32_t)((z ^ z >> 31) % n);
}

void random_pause(void)
{
	if (random_below(200) == 0)
		nanosleep(&(struct timespec){.tv_nsec = 1000 * (long)random_below(2000)}, NULL);
}
