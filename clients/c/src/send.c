#include "copy.h"
#include "handle.h"

static inline void ask_for(const struct region *r, uint64_t p) { ask_to_write(line_at(r, p)); }

/* Short ways, for a record that fits into the line of its slot: claim, write and publish in one place, in the
 * same order. They return false where the first try finds no room. */

/* A single producer to many consumers: the word says that the slot is free. */
static inline bool send_free(shmq *q, const void *data, size_t n)
{
	const struct region *r = &q->r;
	uint64_t t = q->tail;
	if (!q->wary)
		ask_for(r, t); /* or it came twice, to be read and to be written */
	if ((q->wary = word(r, t) != free_word(t, r->shift)))
		return false;
	fill_line(line_at(r, t), data, n);
	put_word(r, t, full_word(t, 1, r->shift));
	publish(hot(r, L_HOT_TAIL), q->tail = t + 1);
	ask_for(r, t + AHEAD);
	return true;
}

/* Many to many. The word that a free slot has is known, so the claim need not read it. */
static inline bool send_roaming(shmq *q, const void *data, size_t n)
{
	const struct region *r = &q->r;
	uint64_t t = q->tail;
	if (q->wary || load(hot(r, L_HOT_TURN)) != 0 || !cas(word_at(r, t), free_word(t, r->shift), claimed_word(t, 1, q->seat, r->shift))) {
		q->wary = true; /* the claim that follows is not to ask for the line in vain once more */
		return false;
	}
	fill_line(line_at(r, t), data, n);
	put_word(r, t, full_word(t, 1, r->shift));
	ask_for(r, t + AHEAD);
	q->tail = t + 1;
	if ((q->tail & (r->stride - 1)) == 0)
		raise_to(hot(r, L_HOT_TAIL), q->tail);
	return true;
}

/* Many producers to a single consumer. */
static inline bool send_claimed(shmq *q, const void *data, size_t n)
{
	const struct region *r = &q->r;
	uint64_t t = load(hot(r, L_HOT_TAIL)), w = word(r, t);
	int64_t lap = word_lap(w, t, r->shift);
	if (t - q->head_seen >= r->cap || word_state(w) == L_CLAIMED || lap > 0 || (lap == 0 && word_state(w) != L_FREE))
		return false;
	if (load(hot(r, L_HOT_TURN)) != 0 || !cas(word_at(r, t), w, claimed_word(t, 1, q->seat, r->shift)))
		return false;
	cas(hot(r, L_HOT_TAIL), t, t + 1);
	store_barrier(); /* see announce_intent */
	fill_line(line_at(r, t), data, n);
	put_word(r, t, full_word(t, 1, r->shift));
	ask_for(r, t + AHEAD);
	return true;
}

static bool send_small(shmq *q, const void *data, size_t n)
{
	if (q->roams)
		return send_roaming(q, data, n);
	if (q->r.many_producers)
		return send_claimed(q, data, n);
	return q->r.many_consumers && send_free(q, data, n);
}

static int send_any(shmq *q, const void *data, uint64_t n)
{
	const struct region *r = &q->r;
	uint64_t k, pos;
	uint32_t meta;
	uint8_t *to;
	int rc;
	if (q->reserved)
		return SHMQ_E_RESERVED;
	if (n <= L_INLINE_SIZE && r->plain && send_small(q, data, n))
		return 0;
	if (n > max_record(r))
		return SHMQ_E_TOO_LARGE;
	k = slots_for(r, n);
	if ((rc = claim(q, k, &pos)) != 0)
		return rc;
	to = place_for(r, pos, n, &meta);
	copy_block(to, data, n);
	describe(r, pos, n, meta);
	if (!r->plain)
		complete(r, pos, to, n, meta, q->stamp);
	publish_record(q, pos, k);
	return 0;
}

/* One try. */
int ring_send(shmq *q, const void *data, uint64_t n) { return send_any(q, data, n); }

/* Wakes a consumer if one is asleep. */
void notify(shmq *q)
{
	if (q->fence) /* a process that is not registered can't tell */
		fence();
	if (armed(q->data_futex)) /* the record may be for all of them */
		count_wakes(q, q->r.each ? wake_all(q->data_futex) : wake_one(q->data_futex));
}

/* Wakes a consumer to pass over a filler. Nothing else that a failed try does is news. */
COLD void notify_filler(shmq *q)
{
	bool filled = q->filled;
	q->filled = false;
	if (filled)
		notify(q);
}

/* Wakes another producer: this one may have been woken for room that it leaves, or of which there is more. */
COLD void pass_on_room(shmq *q)
{
	if (armed(q->room_futex) && has_room(&q->r))
		count_wakes(q, wake_one(q->room_futex));
}

static inline void counted(shmq *q, uint64_t records, uint64_t bytes)
{
	bump(q->records, records);
	bump(q->bytes, bytes);
}

/* What is left to do for records that were sent: were they sent to a ring that is still there? */
static int settled(shmq *q)
{
	if (atomic_load_explicit(&q->hit, memory_order_relaxed) != 0)
		return lose(q);
	notify(q);
	return 0;
}

/* What a try returns that found no room, or was refused. */
static COLD int refused(shmq *q, int code)
{
	if (atomic_load_explicit(&q->hit, memory_order_relaxed) != 0)
		return lose(q);
	notify_filler(q);
	if (code == SHMQ_E_FULL) {
		int rc = missed_room(q);
		code = rc < 0 ? rc : code;
	}
	return failed(q, code);
}

static int try_send(shmq *q, struct attempt *a) { return ring_send(q, a->in, a->n); }

static NOINLINE int send_later(shmq *q, const void *data, size_t n, int64_t timeout, int rc)
{
	struct attempt a = {.run = try_send, .in = data, .n = n};
	if (rc == SHMQ_E_FULL)
		rc = wait_room(q, &a, n, timeout);
	if (rc != 0)
		return refused(q, rc);
	counted(q, 1, n);
	return settled(q);
}

static NOINLINE int send_long(shmq *q, const void *data, size_t n, int64_t timeout)
{
	int rc = begin(q, SHMQ_PRODUCER);
	if (rc < 0)
		return rc;
	if (data == NULL && n > 0)
		return failed(q, SHMQ_E_MISUSE);
	return send_later(q, data, n, timeout, ring_send(q, data, n));
}

int shmq_send(shmq *q, const void *data, size_t n, int64_t timeout)
{
	int rc;
	if (unlikely(q == NULL || q->sends <= 1 || (data == NULL && n > 0)))
		return send_long(q, data, n, timeout);
	q->sends--;
	if (likely(n <= L_INLINE_SIZE && q->tail - q->head_seen < q->ahead)) { /* the commonest case */
		const struct region *r = &q->r;
		uint64_t t = q->tail;
		fill_line(line_at(r, t), data, n);
		put_word(r, t, full_word(t, 1, r->shift));
		publish(hot(r, L_HOT_TAIL), q->tail = t + 1);
	} else if (unlikely((rc = ring_send(q, data, n)) != 0)) {
		return send_later(q, data, n, timeout, rc);
	}
	counted(q, 1, n);
	if (unlikely(q->fence || armed(q->data_futex) || atomic_load_explicit(&q->hit, memory_order_relaxed) != 0))
		return settled(q);
	return 0;
}

static int reserve(shmq *q, struct attempt *a)
{
	const struct region *r = &q->r;
	uint64_t k;
	int rc;
	if (q->reserved)
		return SHMQ_E_RESERVED;
	if (a->n > max_record(r))
		return SHMQ_E_TOO_LARGE;
	k = slots_for(r, a->n);
	if ((rc = claim(q, k, &q->reserved_at)) != 0)
		return rc;
	q->reserved = true;
	q->reserved_k = k;
	q->reserved_n = a->n;
	q->ahead = 0;
	*(void **)a->out = place_for(r, q->reserved_at, a->n, &q->reserved_meta);
	return 0;
}

int shmq_reserve(shmq *q, size_t size, void **data, int64_t timeout)
{
	struct attempt a = {.run = reserve, .out = data, .n = size};
	int rc = begin(q, SHMQ_PRODUCER);
	if (rc < 0)
		return rc;
	if (data == NULL)
		return failed(q, SHMQ_E_MISUSE);
	*data = NULL;
	if ((rc = reserve(q, &a)) == SHMQ_E_FULL)
		rc = wait_room(q, &a, size, timeout);
	if (rc != 0)
		return refused(q, rc);
	hold(q);
	return 0;
}

static void close_reservation(shmq *q)
{
	q->reserved = false;
	q->ahead = plain_lap(&q->r);
	held_nothing(q);
}

int shmq_commit(shmq *q, size_t size)
{
	const struct region *r;
	int rc = begin(q, SHMQ_PRODUCER);
	if (rc == SHMQ_E_REMOVED) { /* others may have sent behind it. No other call gives it back: the program may be writing */
		shmq_abort(q);
		return failed(q, rc);
	}
	if (rc < 0)
		return rc;
	if (!q->reserved || size > q->reserved_n)
		return failed(q, SHMQ_E_NOT_RESERVED);
	r = &q->r;
	close_reservation(q);
	describe(r, q->reserved_at, size, q->reserved_meta);
	if (!r->plain) {
		uint32_t ignored;
		uint8_t *b = place_for(r, q->reserved_at, q->reserved_n, &ignored);
		complete(r, q->reserved_at, b, size, q->reserved_meta, 0);
	}
	publish_record(q, q->reserved_at, q->reserved_k);
	counted(q, 1, size);
	return settled(q);
}

COLD int shmq_abort(shmq *q)
{
	int rc = begin_settling(q);
	if (rc < 0)
		return rc;
	if (!q->reserved)
		return 0;
	close_reservation(q);
	if (q->r.many_producers)
		put_word(&q->r, q->reserved_at, skip_word(q->reserved_at, q->reserved_k, q->r.shift));
	return settled(q); /* a slot that is skipped is passed over by consumers */
}
