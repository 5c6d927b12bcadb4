#include "handle.h"
#include "kernel.h"
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * To sleep without a lost wake-up and without a fence on the side that publishes:
 *
 *	sleeper                                  publisher
 *	1 set bit 0 of the word                  1 store the record (release)
 *	2 barrier in every registered process    2 load the word; bit 0 clear: done
 *	3 try the queue again                    3 wake one; woke one: done
 *	4 sleep while the word is unchanged      4 clear bit 0, count up; then wake all
 *
 * Either the publisher's load sees the bit, or the sleeper's second try sees the record. The bit is a
 * flag and no count because a sleeper that is killed can't take itself off a count.
 */
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

enum { ASLEEP = 1, ANNOUNCE_TRIES = 1 << 10, WAIT_32 = 2, WAIT_OWN = 128 };

struct waiter { /* the kernel's struct futex_waitv */
	uint64_t val, addr;
	uint32_t flags, reserved;
};

struct kernel_time { /* __kernel_timespec */
	int64_t sec, nsec;
};

static long wake(a32 *word, int n)
{
	long woke = syscall(SYS_futex, word, FUTEX_WAKE, n, NULL, NULL, 0);
	return woke < 0 ? 0 : woke;
}

/* Wakes a sleeper. Where it finds none it clears the flag, and then wakes all that came in between. */
uint64_t wake_one(a32 *word)
{
	long n = wake(word, 1);
	uint32_t w;
	if (n > 0)
		return (uint64_t)n;
	w = load32(word);
	if ((w & ASLEEP) == 0 || !cas32(word, w, (w & ~(uint32_t)ASLEEP) + 2))
		return 0;
	return (uint64_t)wake(word, INT_MAX);
}

uint64_t wake_all(a32 *word)
{
	uint32_t w = load32(word);
	if (w & ASLEEP)
		cas32(word, w, (w & ~(uint32_t)ASLEEP) + 2);
	return (uint64_t)wake(word, INT_MAX);
}

/* Raises the flag and returns what the word is then. One who scribbles could foil that for ever; then the
 * sleep that follows ends at once, or with a heartbeat. */
uint32_t announce(a32 *word)
{
	uint32_t ticket = 0;
	for (int i = 0; i < ANNOUNCE_TRIES; i++) {
		uint32_t w = load32(word);
		ticket = w | ASLEEP;
		if (w & ASLEEP || cas32(word, w, ticket))
			break;
	}
	return ticket;
}

/* Makes every running thread of every registered process execute a barrier. Without it a wake-up may be
 * missed, and sleeps are short. */
void barrier_all(shmq *q)
{
	fence();
	q->unsure = syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) != 0;
}

bool is_cancelled(const shmq *q) { return q->cancel != NULL && load32((a32 *)(void *)q->cancel) != 0; }

int64_t deadline_of(int64_t timeout)
{
	int64_t now;
	if (timeout < 0)
		return INT64_MAX;
	now = now_ns();
	return timeout > INT64_MAX - now ? INT64_MAX : now + timeout;
}

static int outcome(long rc)
{
	if (rc >= 0 || errno == EAGAIN || errno == ETIMEDOUT)
		return 0;
	return errno == EINTR ? SHMQ_E_INTERRUPTED : errno == EFAULT ? SHMQ_E_TRUNCATED : SHMQ_E_REFUSED;
}

static int wait_one(a32 *word, uint32_t value, int64_t ns)
{
	struct timespec t = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
	return outcome(syscall(SYS_futex, word, FUTEX_WAIT, value, &t, NULL, 0));
}

/* Returns as outcome, but 1 + the index of the last word that was woken if one was. */
static int wait_several(struct waiter *ws, unsigned n, int64_t ns)
{
	int64_t at = now_ns() + ns;
	struct kernel_time t = {at / 1000000000, at % 1000000000};
	long rc = syscall(SYS_futex_waitv, ws, n, 0, &t, CLOCK_MONOTONIC);
	return rc >= 0 ? (int)rc + 1 : outcome(rc);
}

/* Sleeps while the word is ticket, to a heartbeat or the deadline at most; returns 0 also without a reason,
 * SHMQ_E_INTERRUPTED after a signal handler, or why sleeping is not possible. */
int sleep_on(shmq *q, a32 *word, uint32_t ticket, int64_t deadline)
{
	int64_t ns = (int64_t)(q->unsure ? SLICE_MS : HEARTBEAT_MS) * 1000000, left = deadline - now_ns();
	int rc;
	if (is_cancelled(q))
		return 0;
	if (deadline != INT64_MAX && left < ns)
		ns = left > 0 ? left : 0;
	if (q->cancel == NULL)
		return wait_one(word, ticket, ns);
	if (!q->no_waitv) {
		struct waiter ws[2] = {{ticket, (uintptr_t)word, WAIT_32, 0}, {0, (uintptr_t)q->cancel, WAIT_32 | WAIT_OWN, 0}};
		rc = wait_several(ws, 2, ns);
		if (rc != SHMQ_E_REFUSED)
			return rc < 0 ? rc : 0;
		q->no_waitv = true; /* Linux before 5.16, or a sandbox */
	}
	return wait_one(word, ticket, ns < SLICE_MS * 1000000 ? ns : SLICE_MS * 1000000);
}

/* A wake-up does not change the word, so a caller that sleeps for others has to learn whose it was. The kernel tells the
 * last of its words that was woken. So the cancel word comes first: where it is the last one, no other was. */
int shmq_wait_words(const struct shmq_word *words, size_t n, uint32_t *cancel, int64_t timeout)
{
	struct waiter ws[SHMQ_MOST_MEMBERS + 1];
	int64_t ns = timeout < 0 || timeout > (int64_t)HEARTBEAT_MS * 1000000 ? (int64_t)HEARTBEAT_MS * 1000000 : timeout;
	unsigned own = cancel != NULL, used = own;
	int rc;
	if (n > SHMQ_MOST_MEMBERS || (n > 0 && words == NULL) || n + own == 0)
		return SHMQ_E_MISUSE;
	if (own && load32((a32 *)(void *)cancel) != 0)
		return SHMQ_E_CANCELLED;
	if (own)
		ws[0] = (struct waiter){0, (uintptr_t)cancel, WAIT_32 | WAIT_OWN, 0};
	for (size_t i = 0; i < n; i++)
		ws[used++] = (struct waiter){words[i].value, (uintptr_t)words[i].address, WAIT_32, 0};
	errno = 0;
	rc = wait_several(ws, used, ns);
	if (rc == SHMQ_E_REFUSED && n > 0) { /* one word, for an instant: the caller looks at all */
		errno = 0;
		rc = wait_one((a32 *)(void *)words[0].address, words[0].value, ns < SLICE_MS * 1000000 ? ns : SLICE_MS * 1000000);
		rc = rc == 0 && errno == 0 ? (int)own + 1 : rc;
	}
	if (rc > (int)own)
		return rc - (int)own;
	if (own && load32((a32 *)(void *)cancel) != 0)
		return SHMQ_E_CANCELLED;
	if (rc < 0)
		return rc;
	return errno == ETIMEDOUT && ns == timeout ? SHMQ_E_TIMEOUT : 0;
}

void shmq_cancel(uint32_t *word)
{
	int saved = errno;
	store32((a32 *)(void *)word, 1);
	syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL, 0);
	errno = saved;
}

/*
 * A spin of SPIN_ROUNDS takes about what a sleep and a wake-up cost, so the two together never cost
 * twice the better one. It lasts as long as spinning has been of use more often than not lately;
 * every PROBE_EACH-th wait tries in full whether it has become so.
 */
enum { SPIN_ROUNDS = 320, SPIN_GROW = 32, SPIN_MIN = 4, PROBE_EACH = 31, TRUST_MOST = 16 };

static int spin_for_ever(shmq *q, bool (*again)(shmq *, void *, int), void *with, int64_t deadline)
{
	for (int n = 0;; n = n < INT_MAX ? n + 1 : 1 << 20) {
		relax_cpu();
		if (!again(q, with, n))
			return 1;
		if (n % 64 != 0)
			continue;
		if (is_cancelled(q) || (deadline != INT64_MAX && now_ns() >= deadline))
			return 0;
		if (n >= 16 * SPIN_ROUNDS)
			sched_yield();
	}
}

/* Repeats `again` while it says so, as long as the policy has it; returns whether it stopped saying so. */
int spin(shmq *q, bool (*again)(shmq *, void *, int), void *with, int64_t deadline)
{
	int rounds = SPIN_MIN;
	if (q->policy == SHMQ_SPIN)
		return spin_for_ever(q, again, with, deadline);
	if (q->policy == SHMQ_PARK)
		return 0;
	q->waits++;
	if (q->trust > 0 || q->waits % PROBE_EACH == 0)
		rounds = SPIN_ROUNDS;
	for (int n = 0; n < rounds; n++) {
		for (int i = 0; i <= n / SPIN_GROW; i++)
			relax_cpu();
		if (!again(q, with, n)) {
			q->trust += q->trust < TRUST_MOST;
			return 1;
		}
	}
	q->trust -= q->trust > 0;
	return 0;
}

void count_waits(shmq *q) { bump(seat64(&q->r, q->seat, L_SEAT_WAITS), 1); }

void count_wakes(shmq *q, uint64_t n)
{
	if (n > 0)
		bump(seat64(&q->r, q->seat, L_SEAT_WAKES), n);
}
