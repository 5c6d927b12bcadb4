#include "addon.h"
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * A waiter is a thread that sleeps for the armed handles of an environment: as many as one sleep can
 * have; more handles get another waiter. It and the JavaScript thread take turns:
 *
 *   waiter                                       JavaScript thread
 *   sleeps on the words that are armed           arms and disarms; ends the sleep, if there is one, so
 *                                                that the waiter begins another with the new words
 *   a word changed, or the heartbeat is due:
 *   woken = true, notifies, waits                sweep: each armed handle is armed again, or ready
 *                                                and not armed any more; woken = false
 *
 * While the waiter waits for the sweep it sleeps on no word, so it uses up nobody's wake-up.
 */
enum { HEARTBEAT_MS = 100, REST_MS = 2 };

struct waiter {
	struct env *env;
	struct waiter *next;
	pthread_t thread;
	pthread_mutex_t lock; /* of all that follows; armed and n are written by the JavaScript thread only */
	pthread_cond_t changed, gone;
	struct handle *armed[SHMQ_MOST_MEMBERS];
	size_t n;
	int64_t due; /* when the next sweep is, at the latest */
	uint32_t poked; /* counts; a futex word */
	uint64_t round; /* sleeps that have ended */
	bool asleep, woken, end;
};

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

enum { WAIT_32 = 2, WAIT_OWN = 128 };

struct slot { /* the kernel's struct futex_waitv */
	uint64_t val, addr;
	uint32_t flags, reserved;
};

/*
 * Sleeps until a word is woken or has changed, or the time is over; words[0] is the waiter's own. Returns whether
 * a word of a handle may have been woken: a wake-up does not change a word, so one that is not
 * noticed here is lost until the heartbeat. The kernel tells the last word that was woken, so 0
 * says that no other was.
 */
static bool sleep_on(const struct shmq_word *words, size_t n, int64_t ns)
{
	struct slot slots[1 + SHMQ_MOST_MEMBERS];
	int64_t at = now_ns() + ns;
	int64_t until[2] = {at / 1000000000, at % 1000000000}; /* the kernel's struct __kernel_timespec */
	long rc;
	for (size_t i = 0; i < n; i++)
		slots[i] = (struct slot){words[i].value, (uintptr_t)words[i].address, WAIT_32 | (i == 0 ? WAIT_OWN : 0), 0};
	rc = syscall(SYS_futex_waitv, slots, n, 0, until, CLOCK_MONOTONIC);
	if (rc >= 0 || errno == EAGAIN)
		return rc != 0;
	if (errno == ETIMEDOUT || errno == EINTR)
		return false;
	/* Linux before 5.16, or a sandbox, or a file that was cut: a look at all every REST_MS. */
	struct timespec rest = {0, REST_MS * 1000000};
	nanosleep(&rest, NULL);
	return true;
}

/* Sleeps once. The lock is held, and given back meanwhile. Returns whether there is something to sweep. */
static bool sleep_once(struct waiter *w)
{
	struct shmq_word words[1 + SHMQ_MOST_MEMBERS];
	size_t n = w->n;
	int64_t left = w->due - now_ns();
	bool woken;
	if (left <= 0)
		return true;
	words[0] = (struct shmq_word){&w->poked, w->poked, 0};
	for (size_t i = 0; i < n; i++)
		words[1 + i] = w->armed[i]->word;
	w->asleep = true;
	pthread_mutex_unlock(&w->lock);
	woken = sleep_on(words, 1 + n, left);
	pthread_mutex_lock(&w->lock);
	w->asleep = false;
	w->round++;
	pthread_cond_broadcast(&w->gone);
	return woken;
}

static void *run(void *arg)
{
	struct waiter *w = arg;
	pthread_mutex_lock(&w->lock);
	while (!w->end) {
		if (w->n == 0 || w->woken) {
			pthread_cond_wait(&w->changed, &w->lock);
		} else if (sleep_once(w) && !w->end && w->n > 0) {
			w->woken = true;
			env_notify(w->env);
		}
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* Signals are for the program's threads. */
static int start(struct waiter *w)
{
	sigset_t all, before;
	int rc;
	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGSEGV);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static struct waiter *waiter_new(struct env *e)
{
	struct waiter *w = calloc(1, sizeof *w);
	if (w == NULL)
		return NULL;
	w->env = e;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	pthread_cond_init(&w->gone, NULL);
	if (start(w) != 0) {
		free(w);
		return NULL;
	}
	w->next = e->waiters;
	e->waiters = w;
	return w;
}

/* Ends a sleep, so that the waiter sees what has changed. The lock is held. */
static void rouse(struct waiter *w)
{
	__atomic_add_fetch(&w->poked, 1, __ATOMIC_SEQ_CST);
	if (w->asleep)
		syscall(SYS_futex, &w->poked, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
	else
		pthread_cond_signal(&w->changed);
}

/* Has a waiter sleep for a handle that shmq_arm gave a word. Returns NULL if there can be no thread for it. */
struct waiter *waiter_arm(struct handle *h, size_t want, const struct shmq_word *word)
{
	struct waiter *w = h->waiter;
	if (w == NULL)
		for (w = h->env->waiters; w != NULL && w->n == SHMQ_MOST_MEMBERS; w = w->next)
			;
	if (w == NULL && (w = waiter_new(h->env)) == NULL)
		return NULL;
	pthread_mutex_lock(&w->lock);
	h->word = *word;
	h->want = want;
	h->idle = false;
	if (h->waiter == NULL) {
		if (w->n == 0)
			w->due = now_ns() + (int64_t)HEARTBEAT_MS * 1000000;
		w->armed[w->n++] = h;
		h->waiter = w;
	}
	rouse(w);
	pthread_mutex_unlock(&w->lock);
	return w;
}

/* The lock is held. */
static void forget(struct waiter *w, struct handle *h)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->armed[i] == h) {
			w->armed[i] = w->armed[--w->n];
			break;
		}
	h->waiter = NULL;
}

/* The owner of a handle turned to something else. The handle stays until the next sweep, because a sleep
 * that has its word may use up a wake-up until then, which is passed on. */
void waiter_idle(struct handle *h)
{
	shmq_disarm(h->q, h->want);
	h->idle = h->waiter != NULL;
}

/* Takes a handle from its waiter. The sleep that has its word is over when waiter_gone returns. */
uint64_t waiter_drop(struct handle *h)
{
	struct waiter *w = h->waiter;
	uint64_t round;
	pthread_mutex_lock(&w->lock);
	forget(w, h);
	round = w->asleep ? w->round + 1 : w->round;
	rouse(w);
	pthread_mutex_unlock(&w->lock);
	return round;
}

void waiter_gone(struct waiter *w, uint64_t round)
{
	pthread_mutex_lock(&w->lock);
	while (w->round < round)
		pthread_cond_wait(&w->gone, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

/* Looks after the handles of a waiter that was woken. Writes the ids of those for which a try is worth while,
 * also to be told a failure, and which are not armed any more; returns how many: SHMQ_MOST_MEMBERS at most. */
uint32_t waiter_sweep(struct waiter *w, uint32_t *ready)
{
	uint32_t found = 0;
	pthread_mutex_lock(&w->lock);
	if (w->woken) {
		for (size_t i = 0; i < w->n;) {
			struct handle *h = w->armed[i];
			if (h->idle) { /* nobody takes what it was woken for */
				shmq_disarm(h->q, h->want);
				forget(w, h);
				continue;
			}
			int rc = shmq_arm(h->q, h->want, &h->word);
			if (rc == SHMQ_E_EMPTY || rc == SHMQ_E_FULL) {
				i++;
				continue;
			}
			ready[found++] = h->id;
			forget(w, h); /* the last one is at i now */
		}
		w->woken = false;
		w->due = now_ns() + (int64_t)HEARTBEAT_MS * 1000000;
		if (w->n > 0)
			pthread_cond_signal(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
	return found;
}

struct waiter *waiter_after(struct waiter *w) { return w->next; }

void waiter_end_all(struct env *e)
{
	struct waiter *w;
	while ((w = e->waiters) != NULL) {
		e->waiters = w->next;
		pthread_mutex_lock(&w->lock);
		w->end = true;
		for (size_t i = 0; i < w->n; i++)
			w->armed[i]->waiter = NULL;
		w->n = 0;
		rouse(w);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
		pthread_mutex_destroy(&w->lock);
		pthread_cond_destroy(&w->changed);
		pthread_cond_destroy(&w->gone);
		free(w);
	}
}
