#include "handle.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

/*
 * A seat is an entry of the seat table and a byte of the file that its holder has locked. A dirty entry
 * whose byte no process has locked is a dead one's. What an entry says of its holder is a report, and
 * nothing acts on it but the texts of errors.
 */
bool is_dirty(const struct region *r, uint32_t i) { return load32(seat32(r, i, L_SEAT_STATE)) == L_SEAT_DIRTY; }

/* An answer that can't be had counts as yes: no participant is robbed on a guess. */
bool is_alive(const shmq *q, uint32_t i)
{
	return is_locked(q->fd, seat_byte(i), NULL) != 0;
}

void clean_seat(shmq *q) { store32(seat32(&q->r, q->seat, L_SEAT_STATE), L_SEAT_CLEAN); }

/* What a seat says of its holder, or the last one: pid, and a command with what can be shown. */
uint32_t occupant(const struct region *r, uint32_t i, char command[L_SEAT_COMMAND_N])
{
	memcpy(command, seat_at(r, i) + L_SEAT_COMMAND, L_SEAT_COMMAND_N);
	for (size_t n = 0; n < L_SEAT_COMMAND_N && command[n] != 0; n++)
		command[n] = command[n] < ' ' || command[n] > '~' ? '?' : command[n];
	return load32(seat32(r, i, L_SEAT_PID));
}

static int role_taken(shmq *q, struct shmq_error *e)
{
	const char *role = q->role == SHMQ_PRODUCER ? "producer" : "consumer";
	for (uint32_t i = 0; i < q->r.seats; i++) {
		char command[L_SEAT_COMMAND_N];
		uint32_t pid;
		if (!is_dirty(&q->r, i) || (int)load32(seat32(&q->r, i, L_SEAT_ROLE)) != q->role || !is_alive(q, i))
			continue;
		pid = occupant(&q->r, i, command);
		return fail(e, SHMQ_E_ROLE_TAKEN, "the queue has a single %s, pid %u (%.23s); wait until it ends, or make a queue for many %ss",
			    role, pid, command, role);
	}
	return PASSING;
}

/* Locks the role's byte: exclusively where one may have the role, shared where many may. Either way any
 * process can ask the kernel whether the role is held at all. */
int take_role(shmq *q, int lock_fd, struct shmq_error *e)
{
	bool producer = q->role == SHMQ_PRODUCER, many = q->many || (!producer && q->r.each);
	int got = try_lock(lock_fd, producer ? L_LOCK_PRODUCER : L_LOCK_CONSUMER, !many, e);
	if (got != 0)
		return got < 0 ? got : 0;
	return many ? GONE : role_taken(q, e); /* only a process that removes the queue excludes the many */
}

/*
 * Adds the counters of the seat's last holder to its sums: five numbers in one of two banks. The value of
 * folds says which bank counts, and whether the counters are in it: so one store makes the new sums count
 * and the counters not. A death leaves sums that are right by this rule.
 */
static uint64_t fold(const struct region *r, uint32_t i)
{
	a64 *folds = seat64(r, i, L_SEAT_FOLDS);
	uint64_t f = load(folds);
	uint32_t role = load32(seat32(r, i, L_SEAT_ROLE));
	unsigned from = L_SEAT_BANKS + (unsigned)((f + 1) / 2 % 2) * L_BANK_SIZE, to = L_SEAT_BANKS + (unsigned)((f + 2) / 2 % 2) * L_BANK_SIZE;
	uint64_t more[5] = {0};
	if (f % 2 != 0)
		return f; /* an earlier holder died when it had folded */
	if (role == L_ROLE_PRODUCER || role == L_ROLE_CONSUMER) {
		unsigned at = role == L_ROLE_PRODUCER ? 0 : 2;
		more[at] = load(seat64(r, i, L_SEAT_RECORDS));
		more[at + 1] = load(seat64(r, i, L_SEAT_BYTES));
		more[4] = at == 2 ? load(seat64(r, i, L_SEAT_REDELIVERED)) : 0;
	}
	for (unsigned n = 0; n < 5; n++)
		store(seat64(r, i, to + 8 * n), load(seat64(r, i, from + 8 * n)) + more[n]);
	store(folds, f + 1);
	fence(); /* a reader of a cleared counter reads the new folds, too */
	return f + 1;
}

/* Describes this process in a seat whose lock it holds, and of which nothing in the ring speaks. The role
 * comes before the state: a dirty seat never tells that of its last holder. */
static void occupy(shmq *q)
{
	const struct region *r = &q->r;
	uint32_t i = q->seat;
	uint64_t folds = fold(r, i);
	char name[L_SEAT_COMMAND_N] = "";
	q->attached = (int64_t)unix_now();
	store32(seat32(r, i, L_SEAT_ROLE), (uint32_t)q->role);
	store(seat64(r, i, L_SEAT_INHERITS), 0);
	store32(seat32(r, i, L_SEAT_STATE), L_SEAT_DIRTY);
	for (unsigned off = L_SEAT_RECORDS; off <= L_SEAT_HELD_SINCE; off += 8)
		store(seat64(r, i, off), 0);
	store(seat64(r, i, L_SEAT_CLOCK_START), cycles());
	store32(seat32(r, i, L_SEAT_CLOCK), cycles() != 0 ? L_CLOCK_CPU : L_CLOCK_NONE);
	store32(seat32(r, i, L_SEAT_AWAITS), 0);
	store32(seat32(r, i, L_SEAT_PID), (uint32_t)getpid());
	store32(seat32(r, i, L_SEAT_UID), (uint32_t)getuid());
	store(seat64(r, i, L_SEAT_START_TIME), start_time());
	store(seat64(r, i, L_SEAT_ATTACHED), (uint64_t)q->attached);
	memcpy(name, q->command, strnlen(q->command, sizeof name - 1));
	memcpy(seat_at(r, i) + L_SEAT_COMMAND, name, sizeof name);
	store(seat64(r, i, L_SEAT_FOLDS), folds + 1);
	q->records = seat64(r, i, L_SEAT_RECORDS);
	q->bytes = seat64(r, i, L_SEAT_BYTES);
}

/* Locks the first seat that is free, and cleans up behind its last holder if that died. */
int take_seat(shmq *q, int lock_fd, struct shmq_error *e)
{
	for (uint32_t i = 0; i < q->r.seats; i++) {
		int got = try_lock(lock_fd, seat_byte(i), true, e);
		if (got < 0)
			return got;
		if (got == 0)
			continue;
		q->seat = i;
		q->seated = true;
		if (is_dirty(&q->r, i)) {
			sweep(&q->r, q->fd, i);
			clean_seat(q); /* it names no process until it names this one */
		}
		occupy(q);
		return 0;
	}
	return fail(e, SHMQ_E_NO_SEAT, "%u participants are attached", q->r.seats);
}

/* Since when the participant holds something that it may keep for long: for people. */
void hold(shmq *q)
{
	a64 *since = seat64(&q->r, q->seat, L_SEAT_HELD_SINCE);
	if (relaxed(since) == 0)
		atomic_store_explicit(since, cycles(), memory_order_relaxed);
}

void held_nothing(shmq *q)
{
	atomic_store_explicit(seat64(&q->r, q->seat, L_SEAT_HELD_SINCE), 0, memory_order_relaxed);
}
