#include "handle.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>

/*
 * The guard against SIGBUS, and the library's only global state: the list of guarded mappings, and the handler
 * that there was before. An access behind the end of a file that was cut faults; the handler gives the mapping
 * private zero pages and sets a word of the handle. The call goes on, in a ring of zeros that is nobody's, finds the
 * word when it has done its work, and fails.
 */
enum { MOST = 256, HANDLERS = 3 };

/* A range counts while its handle is not NULL. Written under the lock, read by the handler: base and size before
 * the handle, which is published. */
static struct {
	_Atomic(uint8_t *) base;
	atomic_size_t size;
	_Atomic(shmq *) q;
} guarded[MOST];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/*
 * A program may install a handler over ours that calls ours for the faults of others, and ours has to stay where it is
 * when the last guarded handle is closed. The next one installs another of these functions over the program's: the same
 * one would pass a fault to the program's handler, which passes it to this one, for ever.
 */
static struct sigaction before[HANDLERS + 1];
static int installed; /* handlers, from the first on, that are installed or may be called by one that is */

int shmq_fault(const void *addr)
{
	for (int i = 0; i < MOST; i++) {
		shmq *q = atomic_load(&guarded[i].q);
		uint8_t *base = atomic_load(&guarded[i].base);
		size_t size = atomic_load(&guarded[i].size);
		if (q == NULL || (uintptr_t)addr - (uintptr_t)base >= size || atomic_load(&guarded[i].q) != q || q->magic != MAGIC)
			continue; /* without the magic number it is the parent's, whose mapping a child does not have */
		if (blank(base, size) != 0)
			return 0;
		atomic_store(&q->hit, 1);
		return 1;
	}
	return 0;
}

static __attribute__((noinline)) void handle(int sig, siginfo_t *info, void *context, const struct sigaction *next)
{
	int saved = errno;
	if (info->si_code > 0 && shmq_fault(info->si_addr)) {
		errno = saved;
		return;
	}
	errno = saved;
	if (next->sa_flags & SA_SIGINFO && next->sa_sigaction != NULL) {
		next->sa_sigaction(sig, info, context);
	} else if (next->sa_handler != SIG_DFL && next->sa_handler != SIG_IGN) {
		next->sa_handler(sig);
	} else if (info->si_code > 0 || next->sa_handler == SIG_DFL) {
		signal(sig, SIG_DFL); /* the access faults again, and ends the process; so does what was sent */
		if (info->si_code <= 0)
			raise(sig);
	}
}

static void first(int sig, siginfo_t *info, void *context) { handle(sig, info, context, &before[0]); }
static void second(int sig, siginfo_t *info, void *context) { handle(sig, info, context, &before[1]); }
static void third(int sig, siginfo_t *info, void *context) { handle(sig, info, context, &before[2]); }

static void (*const handlers[HANDLERS])(int, siginfo_t *, void *) = {first, second, third};

/* Reads the handler that there is now into the next entry, and reports whether it is the one that was installed last. */
static __attribute__((noinline)) bool is_ours(void)
{
	struct sigaction *now = &before[installed];
	return sigaction(SIGBUS, NULL, now) == 0 && installed > 0 && now->sa_flags & SA_SIGINFO && now->sa_sigaction == handlers[installed - 1];
}

/* Whether a guarded handle of this process wants the handler. */
static __attribute__((noinline)) bool is_wanted(void)
{
	for (int i = 0; i < MOST; i++) {
		shmq *q = atomic_load(&guarded[i].q);
		if (q != NULL && q->magic == MAGIC && q->installed)
			return true;
	}
	return false;
}

static int install(struct shmq_error *e)
{
	struct sigaction sa = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
	if (is_wanted() || is_ours())
		return 0;
	if (before[installed].sa_handler == SIG_DFL || before[installed].sa_handler == SIG_IGN) {
		before[0] = before[installed];
		installed = 0; /* no handler calls ours any more */
	}
	if (installed == HANDLERS)
		return fail(e, SHMQ_E_REFUSED, "other handlers for SIGBUS were installed over the guard's %d times; use SHMQ_GUARD_MANUAL", HANDLERS);
	sa.sa_sigaction = handlers[installed];
	if (sigaction(SIGBUS, &sa, NULL) != 0)
		return fail_os(e, SHMQ_E_SYSTEM, "sigaction");
	installed++;
	return 0;
}

/* Puts back what there was, unless somebody else has installed a handler since. */
static void uninstall(void)
{
	if (is_ours() && sigaction(SIGBUS, &before[installed - 1], NULL) == 0)
		installed--;
}

int guard_add(shmq *q, bool with_handler, struct shmq_error *e)
{
	int rc = 0, at = 0;
	pthread_mutex_lock(&lock);
	for (shmq *other; at < MOST && (other = atomic_load(&guarded[at].q)) != NULL && other->magic == MAGIC;)
		at++;
	if (at == MOST)
		rc = fail(e, SHMQ_E_REFUSED, "%d handles of this process are guarded already; open more without the guard", MOST);
	else if (with_handler)
		rc = install(e);
	if (rc == 0) {
		q->guard = at;
		q->installed = with_handler;
		atomic_store(&guarded[at].base, q->r.base);
		atomic_store(&guarded[at].size, q->mapped);
		atomic_store(&guarded[at].q, q);
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

void guard_drop(shmq *q)
{
	if (q->guard < 0)
		return;
	pthread_mutex_lock(&lock);
	atomic_store(&guarded[q->guard].q, NULL);
	q->guard = -1;
	if (q->installed && !is_wanted())
		uninstall();
	pthread_mutex_unlock(&lock);
}
