#include "handle.h"
#include <unistd.h>

/* To leave: give back what is held, mark the seat clean, drop the locks, note the end of the stream, wake all. */

enum { LEAVE_PATIENCE = 1000 };

static void give_back(shmq *q)
{
	if (q->role == SHMQ_CONSUMER) {
		give_back_all(q);
		return;
	}
	if (q->reserved && q->r.many_producers)
		put_word(&q->r, q->reserved_at, skip_word(q->reserved_at, q->reserved_k, q->r.shift));
	q->reserved = false;
	drop_turn(q);
}

/* A producer that can't have the lock of streams leaves without it, and notes nothing: others will. */
static void leave_stream(shmq *q, bool usable, bool gate)
{
	bool locked = q->role == SHMQ_PRODUCER && lock_within(q->fd, L_LOCK_STREAM, LEAVE_PATIENCE, NULL) == 1;
	if (usable) {
		if (q->begun && !q->gave_up)
			add(hot(&q->r, L_HOT_LEFT), 1);
		clean_seat(q);
	}
	release_pin(q);
	if (!locked)
		return;
	if (usable && gate && is_locked(q->fd, L_LOCK_PRODUCER, NULL) == 0)
		note_end(q);
	unlock(q->fd, L_LOCK_STREAM);
}

static int leave(shmq *q, struct shmq_error *e, int (*first)(shmq *, struct shmq_error *))
{
	bool known = q->lost != 0, usable, gate = true;
	int rc = 0, last;
	(void)check_file(q); /* what is another's by now is left alone */
	usable = q->lost == 0 && atomic_load(&q->hit) == 0;
	if (usable && first != NULL)
		rc = first(q, e);
	else if (!usable && (first != NULL || !known))
		rc = fail(e, q->lost ? q->lost : SHMQ_E_TRUNCATED, NULL);
	if (usable)
		give_back(q);
	if (q->r.sums) {
		gate = lock_within(q->fd, L_LOCK_IMAGE, LEAVE_PATIENCE, NULL) == 1;
		q->at_gate = gate;
	}
	if (q->role == SHMQ_CONSUMER && usable) {
		end_subscription(q, false);
		clean_seat(q);
	}
	if (q->role == SHMQ_CONSUMER)
		release_pin(q);
	else
		leave_stream(q, usable, gate);
	if (usable && gate && q->r.sums && (last = leave_gate(q, rc == 0 ? e : NULL)) != 0 && rc == 0)
		rc = last;
	if (usable && atomic_load(&q->hit) != 0 && rc == 0)
		rc = fail(e, SHMQ_E_TRUNCATED, NULL);
	in_op(e, "detach from", q->name, rc);
	release_handle(q);
	return rc;
}

static int close_by(shmq *q, struct shmq_error *e, int role, int (*first)(shmq *, struct shmq_error *))
{
	no_failure(e);
	if (q == NULL || q->magic != MAGIC) { /* without the number it is the parent's: a child has nothing of it to give back */
		const struct shmq_error *why = shmq_last_error(q);
		if (role == 0)
			return 0;
		if (e != NULL)
			*e = *why;
		return why->code;
	}
	if (role != 0 && q->role != role)
		return in_op(e, "detach from", q->name, fail(e, SHMQ_E_MISUSE, "it is no producer"));
	return leave(q, e, first);
}

int shmq_close(shmq *q, struct shmq_error *e) { return close_by(q, e, 0, NULL); }

static int finish(shmq *q, struct shmq_error *e)
{
	if (q->removed_ms != 0)
		return fail(e, SHMQ_E_REMOVED, "what was sent lately may have found nobody who receives it");
	store(hot(&q->r, L_HOT_FINISHED), load(hot(&q->r, L_HOT_EPOCH)));
	return 0;
}

int shmq_finish(shmq *q, struct shmq_error *e) { return close_by(q, e, SHMQ_PRODUCER, finish); }

static int abandon(shmq *q, struct shmq_error *e)
{
	(void)e;
	q->gave_up = true;
	return 0;
}

int shmq_abandon(shmq *q, struct shmq_error *e) { return close_by(q, e, SHMQ_PRODUCER, abandon); }

/* What a handle is. */

const char *shmq_name(const shmq *q) { return q ? q->name : ""; }
enum shmq_role shmq_role_of(const shmq *q) { return (enum shmq_role)(q ? q->role : 0); }
size_t shmq_max_record(const shmq *q) { return q ? max_record(&q->r) : 0; }
size_t shmq_slot_size(const shmq *q) { return q ? q->r.area : 0; }
size_t shmq_inline_size(const shmq *q) { return q ? q->r.line : 0; }
uint32_t shmq_seat_of(const shmq *q) { return q ? q->seat : 0; }

void shmq_shape_of(const shmq *q, struct shmq_shape *shape)
{
	if (shape == NULL)
		return;
	*shape = (struct shmq_shape){0};
	if (q != NULL && q->magic == MAGIC)
		geometry_shape(&q->geo, shape);
}

int shmq_counters(shmq *q, struct shmq_counters *c)
{
	int rc = begin_settling(q);
	if (rc < 0)
		return rc;
	if (c == NULL)
		return failed(q, SHMQ_E_MISUSE);
	*c = (struct shmq_counters){relaxed(q->records), relaxed(q->bytes), relaxed(seat64(&q->r, q->seat, L_SEAT_WAITS)),
				    relaxed(seat64(&q->r, q->seat, L_SEAT_WAKES)), relaxed(seat64(&q->r, q->seat, L_SEAT_REDELIVERED))};
	return 0;
}
