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
enum { MOST = 256 };

/* A range counts while its handle is not NULL. Written under the lock, read by the handler: base and size before
 * the handle, which is published. */
static struct {
	_Atomic(uint8_t *) base;
	atomic_size_t size;
	_Atomic(shmq *) q;
} guarded[MOST];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction before;
static int installers; /* guarded handles that want the handler */

int shmq_fault(const void *addr)
{
	for (int i = 0; i < MOST; i++) {
		shmq *q = atomic_load(&guarded[i].q);
		uint8_t *base = atomic_load(&guarded[i].base);
		size_t size = atomic_load(&guarded[i].size);
		if (q == NULL || (uintptr_t)addr - (uintptr_t)base >= size || atomic_load(&guarded[i].q) != q)
			continue;
		if (blank(base, size) != 0)
			return 0;
		atomic_store(&q->hit, 1);
		return 1;
	}
	return 0;
}

static void handler(int sig, siginfo_t *info, void *context)
{
	int saved = errno;
	if (info->si_code > 0 && shmq_fault(info->si_addr)) {
		errno = saved;
		return;
	}
	errno = saved;
	if (before.sa_flags & SA_SIGINFO && before.sa_sigaction != NULL) {
		before.sa_sigaction(sig, info, context);
	} else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
		before.sa_handler(sig);
	} else if (info->si_code > 0 || before.sa_handler == SIG_DFL) {
		signal(sig, SIG_DFL); /* the access faults again, and ends the process; so does what was sent */
		if (info->si_code <= 0)
			raise(sig);
	}
}

static int install(struct shmq_error *e)
{
	struct sigaction sa = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
	if (installers > 0)
		return 0;
	sa.sa_sigaction = handler;
	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGBUS, NULL, &before) != 0 || sigaction(SIGBUS, &sa, NULL) != 0)
		return fail_os(e, SHMQ_E_SYSTEM, "sigaction");
	return 0;
}

/* Puts back what there was, unless somebody else has installed a handler since. */
static void uninstall(void)
{
	struct sigaction now;
	if (sigaction(SIGBUS, NULL, &now) == 0 && now.sa_flags & SA_SIGINFO && now.sa_sigaction == handler)
		sigaction(SIGBUS, &before, NULL);
}

int guard_add(shmq *q, bool with_handler, struct shmq_error *e)
{
	int rc = 0, at = 0;
	pthread_mutex_lock(&lock);
	while (at < MOST && atomic_load(&guarded[at].q) != NULL)
		at++;
	if (at == MOST)
		rc = fail(e, SHMQ_E_REFUSED, "%d handles of this process are guarded already", MOST);
	else if (with_handler)
		rc = install(e);
	if (rc == 0) {
		installers += with_handler;
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
	if (q->installed && --installers == 0)
		uninstall();
	pthread_mutex_unlock(&lock);
}
