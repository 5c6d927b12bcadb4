/*
 * No wake-up is lost. A sleep ends with the heartbeat by itself, so a lost one shows in no result; it shows in what the
 * two sides did. A participant slept, and the one that published, or freed, meanwhile neither woke it nor changed
 * the word that it slept on: then it did not see the flag, and the sleeper did not see its work.
 */
#include "mapped.h"
#include "../src/kernel.h"
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

enum { ROUNDS = 12000, LARGE = 16384 };

static struct pair {
	shmq *sleeper, *waker;
	int sends; /* the sleeper is a producer, of a full queue */
	_Atomic uint32_t *word;
	atomic_int begun, over, done; /* rounds */
	uint64_t waits;
} pair;

/* Every other record is large: between the beginning of a call and what it publishes there is time, then. */
static void one_call(shmq *q, int sends, int n)
{
	static char from[LARGE];
	char to[LARGE];
	size_t size = n % 2 ? 1 : LARGE;
	if (sends)
		GIVES(0, shmq_send(q, from, size, SHMQ_FOREVER), q);
	else
		CHECK(shmq_receive(q, to, sizeof to, SHMQ_FOREVER) >= 1);
}

static void await(atomic_int *a, int n)
{
	for (int i = 0; atomic_load(a) < n; i++)
		if (i > 1000)
			sched_yield();
}

static void *sleeps(void *ignored)
{
	struct shmq_counters before, after;
	for (int n = 1; n <= ROUNDS; n++) {
		await(&pair.done, n - 1);
		CHECK(shmq_counters(pair.sleeper, &before) == 0);
		atomic_store(&pair.begun, n);
		one_call(pair.sleeper, pair.sends, n);
		CHECK(shmq_counters(pair.sleeper, &after) == 0);
		pair.waits = after.waits - before.waits;
		atomic_store(&pair.over, n);
	}
	return ignored;
}

static void wakes(void)
{
	struct shmq_counters before, after;
	int delay[2] = {100, 100}; /* are led to where the flag is sometimes just seen, and sometimes not */
	for (int n = 1; n <= ROUNDS; n++) {
		uint32_t word;
		await(&pair.begun, n);
		for (volatile int pause = delay[n % 2] + n * 7 % 16; pause > 0; pause--)
			;
		CHECK(shmq_counters(pair.waker, &before) == 0);
		word = atomic_load(pair.word) >> 1;
		one_call(pair.waker, !pair.sends, n);
		CHECK(shmq_counters(pair.waker, &after) == 0);
		int saw = after.wakes != before.wakes || atomic_load(pair.word) >> 1 != word;
		await(&pair.over, n);
		CHECK(saw || pair.waits == 0);
		delay[n % 2] += !saw ? 1 : delay[n % 2] > 0 ? -1 : 0;
		atomic_store(pair.word, (atomic_load(pair.word) & ~1u) + 2); /* nobody sleeps: the flag is raised anew each time */
		atomic_store(&pair.done, n);
	}
}

static void play(int mode, int sends)
{
	struct shmq_options o = SHMQ_OPTIONS_INIT;
	struct shmq_shape s = test_shape(mode, 0);
	struct shmq_error e;
	pthread_t t;
	s.slot_size = LARGE;
	s.slots = 2; /* too few to hold out for a quarter of them */
	o.wait = SHMQ_PARK;
	CHECK(shmq_create("q", &s, &e) == 0);
	o.flags = SHMQ_ANY_SHAPE;
	pair.sends = sends;
	pair.sleeper = test_open_with("q", sends ? SHMQ_PRODUCER : SHMQ_CONSUMER, &o);
	pair.waker = test_open_with("q", sends ? SHMQ_CONSUMER : SHMQ_PRODUCER, &o);
	pair.word = test_word("q", sends ? L_HOT_ROOM_FUTEX : L_HOT_DATA_FUTEX);
	for (int i = 0; sends && i < 2; i++)
		GIVES(0, shmq_send(pair.sleeper, "x", 1, 0), pair.sleeper);
	atomic_store(&pair.begun, 0);
	atomic_store(&pair.over, 0);
	atomic_store(&pair.done, 0);
	CHECK(pthread_create(&t, NULL, sleeps, NULL) == 0);
	wakes();
	pthread_join(t, NULL);
	shmq_close(pair.sleeper, NULL);
	shmq_close(pair.waker, NULL);
	test_unmap(pair.word, sends ? L_HOT_ROOM_FUTEX : L_HOT_DATA_FUTEX);
	CHECK(shmq_remove("q", 1, &e) == 0);
}

int main(void)
{
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) != 0) {
		puts("skipped: wake-ups, without membarrier, where some are missed and sleeps are short");
		return 0;
	}
	test_enter();
	for (int mode = 0; mode < MODES; mode++)
		for (int sends = 0; sends < 2; sends++)
			play(mode, sends);
	return 0;
}
