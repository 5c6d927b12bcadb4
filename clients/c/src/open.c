#include "handle.h"
#include "kernel.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* To attach: open, map, go through the gate, take the role and a seat, look for the dead, begin. */

enum { TRIES = 100, STREAM_PATIENCE_MS = 10000, POPULATE_WRITE_ADVICE = 23, WIPE_ON_FORK = 18 };

struct opening {
	const char *name;
	const struct shmq_options *opts;
	uint32_t flags;
	enum shmq_role role;
};

/* Drops the role, the seat, and the subscription. */
void release_pin(shmq *q)
{
	uint64_t at[4] = {L_LOCK_PRODUCER, L_LOCK_CONSUMER, seat_byte(q->seat), 0};
	if (q->sub != NULL)
		at[3] = sub_byte(&q->r, q->sub);
	pin_release(&q->pin, at, q->sub != NULL ? 4 : q->seated ? 3 : 2);
	q->seated = false;
	q->sub = NULL;
}

void release_handle(shmq *q)
{
	bool usable = q->r.base != NULL && atomic_load(&q->hit) == 0 && q->lost == 0;
	if (usable)
		end_subscription(q, true);
	release_pin(q);
	if (usable) {
		wake_all(q->data_futex);
		if ((q->role == SHMQ_PRODUCER || q->r.each) && armed(q->room_futex))
			wake_all(q->room_futex);
	}
	guard_drop(q);
	if (q->at_gate)
		unlock(q->fd, L_LOCK_IMAGE);
	if (q->r.base != NULL && (!q->blanks || blank(q->r.base, q->mapped) != 0))
		unmap_place(q->r.base, q->mapped);
	if (q->fd >= 0)
		close(q->fd);
	munmap(q, q->size);
}

/* For bindings to languages whose threads may reach the memory of a handle that has to be closed: zeros take its place,
 * *size bytes from the address that this returns, which the caller unmaps. */
uint8_t *blank_at_close(shmq *q, size_t *size)
{
	q->blanks = true;
	*size = q->mapped;
	return q->r.base;
}

/* Opens the queue, and makes it first if it is absent and may be made. */
static int open_or_make(struct place *at, const struct opening *o, struct geometry *g, struct shmq_error *e)
{
	int rc, fd = open_place(at, true, e);
	if (fd == SHMQ_E_ABSENT && !(o->flags & SHMQ_NO_CREATE) && at->kind != IN_DESCRIPTOR) {
		rc = create_place(at, &o->opts->create, e);
		if (rc != 0 && rc != SHMQ_E_EXISTS)
			return rc;
		fd = open_place(at, true, e);
		if (fd == SHMQ_E_ABSENT)
			return GONE;
	}
	if (fd < 0)
		return fd;
	rc = read_geometry(at, fd, g, e);
	if (rc == 0 && !(o->flags & SHMQ_ANY_SHAPE))
		rc = check_shape(g, &o->opts->create, e);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

/* The handle with its private table, in memory that a forked child finds zeroed. */
static shmq *new_handle(const struct opening *o, const struct geometry *g, struct shmq_error *e)
{
	size_t table = o->role == SHMQ_CONSUMER ? g->slots * sizeof(struct entry) : 0, head = (sizeof(shmq) + 63) / 64 * 64;
	shmq *q = mmap(NULL, head + table, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (q == MAP_FAILED) {
		fail_os(e, SHMQ_E_NO_SPACE, "for the handle, %zu bytes", head + table);
		return NULL;
	}
	(void)madvise(q, head + table, WIPE_ON_FORK); /* before Linux 4.14 a child is not told */
	q->size = head + table;
	q->magic = MAGIC;
	q->role = (int)o->role;
	q->guard = q->fd = q->pin.fd = -1;
	q->geo = *g;
	q->table = (struct entry *)(void *)((uint8_t *)q + head);
	q->trust = 8;
	q->trusted_calls = 1;
	q->many = (g->flags & (o->role == SHMQ_PRODUCER ? L_FLAG_MANY_PRODUCERS : L_FLAG_MANY_CONSUMERS)) != 0;
	q->strict = o->flags & SHMQ_STRICT;
	q->interruptible = o->flags & SHMQ_INTERRUPTIBLE;
	q->policy = o->opts->wait;
	q->cancel = o->opts->cancel;
	strncpy(q->name, o->name, sizeof q->name - 1);
	strncpy(q->command, o->opts->command ? o->opts->command : program_invocation_short_name, sizeof q->command - 1);
	if (sysconf(_SC_NPROCESSORS_ONLN) == 1 && q->policy == SHMQ_SPIN_THEN_PARK)
		q->policy = SHMQ_PARK; /* no other thread can answer while this one spins */
	return q;
}

static void prefault(shmq *q)
{
	if (madvise(q->r.base, q->mapped, POPULATE_WRITE_ADVICE) == 0)
		return;
	for (size_t at = 0; at < q->geo.total; at += 4096)
		(void)load32((a32 *)(void *)(q->r.base + at));
}

static int map_queue(shmq *q, const struct opening *o, struct shmq_error *e)
{
	uint8_t *base = NULL;
	int rc = map_place(&q->place, q->fd, q->geo.total, true, &base, &q->mapped, e);
	if (rc != 0)
		return rc;
	region_init(&q->r, base, &q->geo);
	q->data_futex = hot32(&q->r, L_HOT_DATA_FUTEX);
	q->room_futex = hot32(&q->r, L_HOT_ROOM_FUTEX);
	q->shrinkable = may_shrink(&q->place, q->fd);
	if (q->shrinkable && o->flags & (SHMQ_GUARD | SHMQ_GUARD_MANUAL) && (rc = guard_add(q, o->flags & SHMQ_GUARD, e)) != 0)
		return rc;
	if (o->flags & SHMQ_PREFAULT)
		prefault(q);
	if (o->flags & SHMQ_LOCK_MEMORY && mlock(q->r.base, q->geo.total) != 0)
		return fail_os(e, SHMQ_E_REFUSED, "lock %llu bytes in memory: raise the limit (ulimit -l, in a unit LimitMEMLOCK=), or do without", (unsigned long long)q->geo.total);
	/* Before the first publication, or it fences by itself. */
	q->fence = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) != 0;
	return 0;
}

/* With the role's lock held: is the incarnation still that of the stamp, and is the stream before this one over? */
static int join(shmq *q, int lock_fd, struct shmq_error *e)
{
	int got;
	if (!q->at_gate && (got = gate_closed(q, e)) != 0)
		return got < 0 ? got : PASSING; /* an incarnation begins just now */
	if (q->role != SHMQ_PRODUCER) { /* before it subscribes: an end that comes afterwards is its own */
		got = q->r.each ? end_stream(q) : 0;
		return got < 0 ? fail(e, got, NULL) : 0;
	}
	got = is_locked(lock_fd, L_LOCK_PRODUCER, e); /* by others */
	if (got != 0)
		return got < 0 ? got : 0;
	note_end(q);
	add(hot(&q->r, L_HOT_ORPHANS), 1); /* warns consumers of the stream that begins */
	return 0;
}

/* The name of the durable subscription that is asked for, or NULL. Programs that were built before there were some have
 * shorter options. */
static const char *subscription_of(const struct opening *o)
{
	return o->opts->size >= sizeof *o->opts ? o->opts->subscription : NULL;
}

/* Takes the role and a seat, and a subscription where there are some, through a description of their own. */
static int take_both(shmq *q, const struct opening *o, struct shmq_error *e)
{
	int rc, fd = reopen_place(&q->place, q->fd, e);
	if (fd < 0)
		return fd;
	if ((rc = pin_file(&q->pin, fd, e)) != 0)
		return rc;
	if ((rc = take_role(q, fd, e)) == 0 && (rc = join(q, fd, e)) == 0) {
		rc = try_lock(q->fd, L_LOCK_RECOVERY, false, e);
		if (rc == 0) /* no participant locks it exclusively */
			rc = fail(e, SHMQ_E_IN_USE, "a process has locked the byte of those that recover");
		if (rc == 1) {
			rc = take_seat(q, fd, e);
			if (rc == 0 && q->role == SHMQ_CONSUMER && (rc = subscribe(q, fd, o->flags & SHMQ_FROM_OLDEST, subscription_of(o), e)) != 0)
				clean_seat(q); /* or others would take it for a dead one's */
			unlock(q->fd, L_LOCK_RECOVERY);
		}
	}
	pin_hide(&q->pin);
	return rc;
}

static int enter(shmq *q, const struct opening *o, struct shmq_error *e)
{
	int rc = lock_gate(q, e);
	bool producer = q->role == SHMQ_PRODUCER;
	if (rc != 0 || (q->at_gate && (rc = enter_gate(q, e)) != 0))
		return rc;
	if (producer && (rc = lock_within(q->fd, L_LOCK_STREAM, STREAM_PATIENCE_MS, e)) != 1)
		return rc < 0 ? rc : fail(e, SHMQ_E_IN_USE, "by a producer that has been attaching or detaching for long, or is stopped in the middle of that; end that process or let it go on, then try again");
	rc = take_both(q, o, e);
	if (rc != 0 && atomic_load(&q->hit) == 0)
		end_subscription(q, true);
	if (rc != 0) /* before the lock of streams: one that leaves under it notes no end while the role is locked */
		release_pin(q);
	if (producer)
		unlock(q->fd, L_LOCK_STREAM);
	if (rc != 0)
		return rc;
	if (q->at_gate) {
		unlock(q->fd, L_LOCK_IMAGE);
		q->at_gate = false;
	}
	if (names_place(&q->place, q->fd) != 1) /* removed before the role was locked: it would lead nowhere */
		return GONE;
	recover_all(&q->r, q->fd, q->seat);
	q->beat_ms = q->looked_ms = coarse_ms();
	return atomic_load(&q->hit) != 0 ? fail(e, SHMQ_E_TRUNCATED, NULL) : 0;
}

static int start(shmq *q, const struct opening *o, struct shmq_error *e)
{
	int rc;
	if (q->role == SHMQ_PRODUCER) {
		if ((rc = resume_producer(q)) != 0)
			return fail(e, rc, "tail, or the words behind it, are what no producer leaves");
		q->begun = true; /* last: a producer that was refused never was one */
		add(hot(&q->r, L_HOT_EPOCH), 1);
		return 0;
	}
	if ((rc = end_stream(q)) < 0)
		return fail(e, rc, NULL);
	if (q->many)
		shared_start(q);
	else
		single_start(q);
	if (q->r.skip)
		lossy_start(q);
	listen_for_ends(q, o->flags & SHMQ_UNTIL_END);
	return 0;
}

static int attach(shmq **to, const struct opening *o, struct shmq_error *e)
{
	struct place at;
	struct geometry g;
	shmq *q;
	int fd, rc = find_place(&at, o->name, e);
	if (rc != 0)
		return rc;
	if ((fd = open_or_make(&at, o, &g, e)) < 0)
		return fd;
	if ((q = new_handle(o, &g, e)) == NULL) {
		close(fd);
		return SHMQ_E_NO_SPACE;
	}
	q->fd = fd;
	q->place = at;
	rc = map_queue(q, o, e);
	if (rc == 0)
		rc = enter(q, o, e);
	if (rc == 0 && (rc = start(q, o, e)) != 0) {
		end_subscription(q, false);
		clean_seat(q);
	}
	if (rc == 0) {
		q->made = false;
		*to = q;
	} else {
		release_handle(q);
	}
	return rc;
}

int shmq_open(shmq **q, const char *name, enum shmq_role role, const struct shmq_options *opts, struct shmq_error *e)
{
	static const struct shmq_options usual = SHMQ_OPTIONS_INIT;
	struct opening o = {name ? name : "", opts ? opts : &usual, 0, role};
	int rc = 0;
	opts = o.opts;
	o.flags = opts->flags;
	no_failure(e);
	if (q == NULL)
		return in_op(e, "attach to", name, fail(e, SHMQ_E_MISUSE, NULL));
	*q = NULL;
	if (role != SHMQ_PRODUCER && role != SHMQ_CONSUMER)
		return in_op(e, "attach to", name, fail(e, SHMQ_E_OPTION, "role %d", (int)role));
	if (opts->size < offsetof(struct shmq_options, subscription) || opts->wait > SHMQ_PARK || opts->flags >= SHMQ_FROM_OLDEST * 2)
		return in_op(e, "attach to", name, fail(e, SHMQ_E_OPTION, "begin with SHMQ_OPTIONS_INIT; a flag or the wait policy is none that this library knows"));
	/* Seats may be locked by a process that recovers them, roles by one that is about to go. */
	for (int tries = 0; tries <= TRIES; tries++) {
		rc = attach(q, &o, e);
		if (rc != GONE && rc != PASSING && rc != TAKEN && rc != SHMQ_E_NO_SEAT)
			break;
		pause_ms(1);
	}
	if (rc == GONE)
		rc = fail(e, SHMQ_E_REMOVED, "while attaching to it; try again");
	else if (rc == PASSING)
		rc = fail(e, SHMQ_E_ROLE_TAKEN, "by a process that is attaching or detaching just now; try again");
	else if (rc == TAKEN)
		rc = SHMQ_E_ROLE_TAKEN; /* it says by whom */
	return in_op(e, "attach to", name, rc);
}
