#!/usr/bin/env bash
# Linux 6.18: when several words of a futex_waitv(2) are woken before the sleeper has run, it is
# told the one that stands last in its list, in whatever order they were woken. Each waker is told
# that it woke somebody. The wake-ups of the others can't be found out: a wake-up changes no word.
# One would have guessed the word that was woken first, or that later wakers find nobody asleep.
# So a word that may be woken beside others, as one that cancels the wait, belongs at the front.
source "$(dirname "$0")/common"
need cc

cat >waitv.c <<'C'
#define _GNU_SOURCE
#include <err.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint32_t words[3];
static atomic_int waits;
static long told;

static void *sleeper(void *unused)
{
	struct futex_waitv list[3] = {0};
	for (int i = 0; i < 3; i++) {
		list[i].uaddr = (uintptr_t)&words[i];
		list[i].flags = FUTEX_32 | FUTEX_PRIVATE_FLAG;
	}
	atomic_store(&waits, gettid());
	told = syscall(SYS_futex_waitv, list, 3, 0, NULL, 0);
	return unused;
}

static int asleep(void)
{
	char path[64], state = 0;
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", atomic_load(&waits));
	FILE *f = fopen(path, "r");
	if (f == NULL || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	if (f != NULL)
		fclose(f);
	return state == 'S';
}

static int wake(int word)
{
	return syscall(SYS_futex, &words[word], FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}

static void woken(int first, int second)
{
	int one, two;
	do { /* until both wakers met it, which is so where it does not run at once */
		pthread_t t;
		atomic_store(&waits, 0);
		if (pthread_create(&t, NULL, sleeper, NULL) != 0)
			err(2, "pthread_create");
		while (atomic_load(&waits) == 0 || !asleep())
			sched_yield();
		one = wake(first);
		two = wake(second);
		while (one + two == 0) /* it was asleep, but not yet there */
			one = wake(first);
		pthread_join(t, NULL);
	} while (one != 1 || two != 1);
	printf("woken by word %d, then by word %d: told word %ld\n", first, second, told);
}

int main(void)
{
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof one, &one) != 0)
		err(2, "sched_setaffinity");
	woken(0, 1);
	woken(1, 0);
	woken(0, 2);
	woken(2, 0);
	return 0;
}
C
cc -O1 -pthread -o waitv waitv.c
timeout 60 ./waitv | seen 'woken by word 0, then by word 1: told word 1
woken by word 1, then by word 0: told word 1
woken by word 0, then by word 2: told word 2
woken by word 2, then by word 0: told word 2'
