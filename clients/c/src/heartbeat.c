#include "handle.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

/*
 * What a call does that is due: it asks whether the queue's file is still there and still this queue, and
 * recovers dead participants, ten times a second. There is no timer: every MOST_CALLS calls at the least
 * one looks at the clock, and each call does of a participant that makes few.
 */
enum { REMOVED_GRACE_MS = 2 * HEARTBEAT_MS };

/* The file is as long as it was, but holds another queue, or none: it was cut and has grown again, or a copy
 * was written over it. The random id tells, and the time in this participant's own seat. */
static bool overwritten(shmq *q)
{
	uint8_t id[16];
	int64_t since;
	if (!q->shrinkable || !q->seated || q->place.kind == IN_SEGMENT)
		return false;
	if (pread(q->fd, id, sizeof id, L_OFF_CREATION_ID) != sizeof id ||
	    pread(q->fd, &since, sizeof since, (off_t)seat_byte(q->seat) + L_SEAT_ATTACHED) != sizeof since)
		return false;
	return memcmp(id, q->geo.creation, sizeof id) != 0 || since != q->attached;
}

static bool is_cut(shmq *q)
{
	int64_t size = q->shrinkable ? size_of_place(&q->place, q->fd) : -1;
	return size >= 0 && (uint64_t)size < q->geo.total;
}

/* Ends the use of the handle after a fault that was handled. */
int lose(shmq *q)
{
	q->lost = is_cut(q) || overwritten(q) ? SHMQ_E_TRUNCATED : SHMQ_E_NO_SPACE;
	q->sends = q->receives = 0;
	return failed(q, q->lost);
}

/* Whether the file is as long as it was, holds this queue, and still has the queue's name. What can't be
 * told counts as yes. */
int check_file(shmq *q)
{
	if (q->lost != 0)
		return q->lost;
	if (atomic_load_explicit(&q->hit, memory_order_relaxed) != 0)
		return lose(q);
	if (is_cut(q) || overwritten(q)) {
		q->sends = q->receives = 0;
		return q->lost = SHMQ_E_TRUNCATED;
	}
	if (q->removed_ms == 0 && names_place(&q->place, q->fd) == 0)
		q->removed_ms = now_ms();
	if (q->role != SHMQ_PRODUCER || q->removed_ms == 0)
		return 0;
	q->sends = 0;
	return SHMQ_E_REMOVED;
}

int beat(shmq *q)
{
	int rc;
	q->beat_ms = q->looked_ms = coarse_ms();
	rc = check_file(q);
	if (rc != 0) {
		q->sends = q->receives = 0; /* the next call asks again */
		return rc;
	}
	recover_all(&q->r, q->fd, q->seat);
	return 0;
}

int beat_if_due(shmq *q) { return coarse_ms() - q->beat_ms >= HEARTBEAT_MS ? beat(q) : 0; }

/* SHMQ_E_REMOVED for a consumer that finds nothing in a queue that was removed, when nothing can
 * follow: no producer is attached, or those that are had the time to see it as well. */
int consumer_gone(shmq *q)
{
	if (q->removed_ms == 0)
		return 0;
	if (now_ms() - q->removed_ms < REMOVED_GRACE_MS && is_locked(q->fd, L_LOCK_PRODUCER, NULL) != 0)
		return 0;
	recover_all(&q->r, q->fd, q->seat); /* records may lie behind claims of the dead */
	return consumer_ready(q) ? 0 : SHMQ_E_REMOVED;
}

/* The handle is this process's own, and can go on. */
int begin_settling(shmq *q)
{
	if (q == NULL)
		return SHMQ_E_MISUSE;
	if (q->magic != MAGIC)
		return SHMQ_E_FORKED;
	if (q->lost != 0)
		return failed(q, q->lost);
	if (atomic_load_explicit(&q->hit, memory_order_relaxed) != 0)
		return lose(q);
	return 0;
}

/* Begins a call the long way, of a role or of any if that is 0: the count of calls that may go the short way
 * is used up. A participant that makes many gets twice as many for the next time. */
int begin(shmq *q, int role)
{
	int rc = begin_settling(q);
	int64_t now, since;
	uint32_t *calls;
	if (rc < 0)
		return rc;
	if (role != 0 && q->role != role)
		return failed(q, SHMQ_E_MISUSE);
	now = coarse_ms();
	since = now - q->looked_ms;
	q->looked_ms = now;
	if (now - q->beat_ms >= HEARTBEAT_MS && (rc = beat(q)) < 0)
		return failed(q, rc);
	if (q->role == SHMQ_PRODUCER && q->removed_ms != 0) /* once told, always told */
		return failed(q, SHMQ_E_REMOVED);
	if (role == 0)
		return 0;
	calls = role == SHMQ_PRODUCER ? &q->sends : &q->receives;
	if (*calls <= 1) { /* used up */
		uint32_t grant = q->trusted_calls;
		grant = since > 8 ? 1 : grant < MOST_CALLS ? 2 * grant : MOST_CALLS;
		q->trusted_calls = *calls = grant;
	}
	return 0;
}

int shmq_intact(shmq *q) { return begin_settling(q); }

int shmq_check(shmq *q)
{
	int rc = begin(q, 0);
	if (rc < 0)
		return rc;
	rc = check_file(q);
	if (rc == 0 && q->removed_ms != 0)
		rc = SHMQ_E_REMOVED;
	return rc < 0 ? failed(q, rc) : 0;
}
