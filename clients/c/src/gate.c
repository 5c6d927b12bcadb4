#include "handle.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The gate is a byte that a process locks to attach to a queue with checksums, to leave it, or to begin an
 * incarnation. Its holder, if it finds both roles free, is alone and stays alone. The first one in writes a
 * stamp of this boot, file and mount and syncs it before anything else is written; the last one out syncs all
 * and then writes 0. One that finds another stamp than its own knows that the words may be of many
 * moments: this library refuses the queue then.
 */
enum { GATE_PATIENCE_MS = 60000, LEAVE_PATIENCE_MS = 1000 };

static uint64_t hash(const struct place *at, uint64_t n)
{
	uint8_t boot[16];
	uint64_t words[3] = {at->dev, at->ino, n}, h;
	if (!boot_id(boot)) /* without /proc one boot can't be told from another: no stamp comes twice */
		(void)random_bytes(boot, sizeof boot);
	h = fnv(fnv(UINT64_C(0xcbf29ce484222325), boot, sizeof boot), words, sizeof words);
	return h ? h : 1;
}

/* The mount's id, by statx: its unique one, or that of older kernels, or 0. */
static uint64_t mount_id(int fd)
{
	static const uint32_t masks[] = {0x4000, 0x1000};
	uint64_t statx_buffer[32] = {0}, id = 0;
	for (int i = 0; i < 2; i++) {
		uint32_t got = 0;
		if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, masks[i], statx_buffer) != 0)
			continue;
		memcpy(&got, statx_buffer, 4);
		memcpy(&id, (const uint8_t *)statx_buffer + 0x90, 8);
		if (got & masks[i])
			return id;
	}
	return 0;
}

/* Identifies this boot, the file, and the last change to it that was not made through a mapping; 0 where the
 * filesystem does not tell, which those that write pages back do not. -1: stat failed. */
static int home_stamp(const shmq *q, uint64_t *stamp)
{
	struct stat st;
	*stamp = 0;
	if (q->place.fs != TMPFS && q->place.fs != HUGETLBFS)
		return 0;
	if (fstat(q->fd, &st) != 0)
		return -1;
	*stamp = hash(&q->place, (uint64_t)st.st_ctim.tv_sec * 1000000000 + (uint64_t)st.st_ctim.tv_nsec);
	return 0;
}

/* Whether the queue has a gate now: always with checksums, and on a disk; else until an incarnation has
 * begun here. */
int gate_closed(const shmq *q, struct shmq_error *e)
{
	uint64_t here;
	if (q->r.sums)
		return 1;
	if (home_stamp(q, &here) != 0)
		return fail_os(e, SHMQ_E_SYSTEM, "stat");
	return here == 0 || load(hot(&q->r, L_HOT_HOME)) != here;
}

/* Takes the gate to get in, if the queue has one. */
int lock_gate(shmq *q, struct shmq_error *e)
{
	int got = gate_closed(q, e);
	if (got <= 0)
		return got;
	got = lock_within(q->fd, L_LOCK_IMAGE, GATE_PATIENCE_MS, e);
	if (got == 0)
		return fail(e, SHMQ_E_IN_USE, "by a process that has been attaching, detaching or rebuilding it for long, or is stopped in the middle of that; end that process or let it go on, then try again");
	q->at_gate = got == 1;
	return got < 0 ? got : 0;
}

/* Whether no process but this one, through fd, has a role. */
int unattached(int fd, struct shmq_error *e)
{
	int got = is_locked(fd, L_LOCK_PRODUCER, e);
	if (got == 0)
		got = is_locked(fd, L_LOCK_CONSUMER, e);
	return got < 0 ? got : !got;
}

static int sync_hot(shmq *q, struct shmq_error *e)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), from = L_HOT_OFFSET & ~(page - 1);
	int rc;
	while ((rc = msync(q->r.base + from, L_HOT_OFFSET + L_HOT_SIZE - from, MS_SYNC)) != 0 && errno == EINTR)
		;
	return rc == 0 ? 0 : fail_os(e, SHMQ_E_SYNC, "its records are in the queue, but a crash of the machine may lose some");
}

/* The kernel tells each description once of a write that failed, and takes the pages for written. So they are
 * made dirty again, that no later sync succeeds without them. */
static void redirty(shmq *q)
{
	enum { POPULATE_WRITE = 23 };
	if (madvise(q->r.base, q->mapped, POPULATE_WRITE) == 0)
		return;
	for (size_t at = 0; at < q->mapped; at += 4096)
		atomic_fetch_add((a32 *)(void *)(q->r.base + at), 0);
}

int sync_all(shmq *q, struct shmq_error *e)
{
	for (int tries = 0; tries < 2; tries++) {
		int rc;
		while ((rc = msync(q->r.base, q->mapped, MS_SYNC)) != 0 && errno == EINTR)
			;
		if (rc == 0)
			return 0;
		fail_os(e, SHMQ_E_SYNC, "its records are in the queue, but a crash of the machine may lose some");
		redirty(q);
	}
	return SHMQ_E_SYNC;
}

static int begin_here(shmq *q, struct shmq_error *e)
{
	uint64_t here, id;
	if (home_stamp(q, &here) != 0)
		return fail_os(e, SHMQ_E_SYSTEM, "stat");
	if (here != 0 && load(hot(&q->r, L_HOT_HOME)) == here)
		return 0;
	if (random_bytes(&id, sizeof id) != 0)
		return fail_os(e, SHMQ_E_SYSTEM, "getrandom");
	begin_incarnation(&q->r, id ? id : 1);
	store(hot(&q->r, L_HOT_HOME), here); /* last */
	return 0;
}

/* Makes the queue fit to be used here, if no participant uses it. The caller holds the gate and no role. */
int enter_gate(shmq *q, struct shmq_error *e)
{
	uint64_t here, was;
	int rc = unattached(q->fd, e);
	if (rc <= 0)
		return rc;
	if (!q->r.sums)
		return begin_here(q, e);
	here = hash(&q->place, mount_id(q->fd));
	was = load(hot(&q->r, L_HOT_IMAGE));
	if (was != 0 && was != here)
		return fail(e, SHMQ_E_REBUILD, "or it is a copy of a queue in use; its records have to be looked through, which libshmq does not do, but each Go participant that attaches does");
	if ((rc = begin_here(q, e)) != 0)
		return rc;
	if (was == 0)
		keep_mark(q);
	store(hot(&q->r, L_HOT_IMAGE), here);
	return sync_hot(q, e);
}

/* Makes the queue fit to be used anywhere, if no other participant uses it. The caller has given up its role, and
 * holds the gate unless that can't be had: then it leaves as the killed do. */
int leave_gate(shmq *q, struct shmq_error *e)
{
	int rc;
	if (!q->at_gate || unattached(q->fd, NULL) != 1)
		return 0;
	if ((rc = sync_all(q, e)) != 0)
		return rc;
	store(hot(&q->r, L_HOT_IMAGE), 0);
	return sync_hot(q, e);
}

int shmq_sync(shmq *q)
{
	int rc = begin(q, 0);
	bool mark;
	if (rc < 0)
		return rc;
	mark = q->role == SHMQ_PRODUCER && q->r.sums && !q->r.many_producers;
	if ((rc = sync_all(q, &q->err)) == 0 && mark) {
		keep_mark(q);
		rc = sync_hot(q, &q->err);
	}
	return in_op(&q->err, "sync", q->name, rc);
}
