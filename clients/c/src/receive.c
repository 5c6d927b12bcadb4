#include "copy.h"
#include "handle.h"

/* Whether w, the word at p, is FREE in the lap of p or of one before: no record is there yet. Words without an
 * owner are in the order of their laps. */
static inline bool is_unpublished(const struct region *r, uint64_t p, uint64_t w)
{
	return !word_owned(w) && (int64_t)(w - free_word(p, r->shift)) <= 0;
}

/* Copies the record of one slot at p to buf; SHMQ_E_SMALL or SHMQ_E_DAMAGED instead. */
static inline int64_t copy_out(shmq *q, uint64_t p, void *buf, size_t cap)
{
	const struct region *r = &q->r;
	struct record rec;
	uint64_t n = relaxed(described_at(r, p));
	int rc;
	if (likely(n <= L_INLINE_SIZE && n <= cap)) { /* of which meta is 0 */
		read_line(buf, line_at(r, p), n);
		q->last_redelivered = 0;
		return (int64_t)n;
	}
	if ((rc = read_record(r, p, 1, &rec)) != 0)
		return rc;
	if (rec.size > cap)
		return SHMQ_E_SMALL;
	copy_block(buf, rec.data, rec.size);
	q->last_redelivered = rec.meta >> L_META_DELIVERIES_SHIFT;
	return (int64_t)rec.size;
}

/* The long way: a lease, a copy, an acknowledgement. One that does not fit is kept for the next call. */
static int64_t by_lease(shmq *q, void *buf, size_t cap)
{
	struct shmq_lease l;
	size_t n;
	int rc = lease_any(q, &l);
	if (rc != 0)
		return rc;
	if (l.size > cap) {
		q->pending = l;
		return SHMQ_E_SMALL;
	}
	n = l.size;
	copy_block(buf, l.data, n);
	if (q->r.skip && (rc = check_lapped(q, l.position)) != 0)
		return rc; /* only now does what was read count */
	q->last_redelivered = l.redelivered;
	q->last_sent_at = l.sent_at;
	q->last_position = l.position;
	settle_lease(q, &l, true);
	return (int64_t)n;
}

/* Without a lease open, a record given back or one that a predecessor may have shown, all that a record of one
 * slot needs is a copy of it and a new head. No handout: nothing is handed out before head has passed it. */
static inline int64_t receive_single(shmq *q, void *buf, size_t cap)
{
	const struct region *r = &q->r;
	uint64_t p = q->next, w = word(r, p);
	int64_t n;
	if (w != full_word(p, 1, r->shift)) {
		if (is_unpublished(r, p, w) && q->returned == 0 && q->pending.data == NULL && q->jump_told == JUMP_TOLD)
			return SHMQ_E_EMPTY;
		return by_lease(q, buf, cap);
	}
	if (!q->fresh || !r->plain || may_end(q))
		return by_lease(q, buf, cap);
	n = copy_out(q, p, buf, cap);
	if (n < 0)
		return n == SHMQ_E_SMALL ? by_lease(q, buf, cap) : n;
	q->last_position = p;
	q->next = q->head = p + 1;
	if (unlikely(r->each))
		store_head(q);
	else
		publish(hot(r, L_HOT_HEAD), p + 1);
	return n;
}

/* The compare-and-swap of a take, the copy, and the store that frees. */
static inline int64_t receive_shared(shmq *q, void *buf, size_t cap)
{
	const struct region *r = &q->r;
	uint64_t p = q->next, w = word(r, p), size;
	int64_t n;
	/* Asked after the word was seen: orphans was raised before the first record of a stream was sent. */
	if (!r->plain || q->ends.limited || has_backlog(q))
		return by_lease(q, buf, cap);
	if (w != full_word(p, 1, r->shift)) {
		if (is_unpublished(r, p, w))
			return caught_up(q);
		return by_lease(q, buf, cap);
	}
	size = relaxed(described_at(r, p)) & UINT32_MAX;
	if (size > cap || !cas(word_at(r, p), w, reading_word(p, 1, q->seat, false, r->shift)))
		return by_lease(q, buf, cap);
	q->held++; /* if the copy fails the word stays ours until close */
	q->next = p + 1;
	n = copy_out(q, p, buf, cap);
	if (n < 0)
		return SHMQ_E_DAMAGED; /* also a length that has changed since */
	put_word(r, p, free_word(p + r->cap, r->shift));
	ask_to_write(line_at(r, p + AHEAD));
	q->held--;
	q->last_position = p;
	if (((p + 1) & (r->stride - 1)) == 0)
		raise_to(hot(r, L_HOT_HEAD), p + 1);
	return n;
}

static inline int64_t receive_any(shmq *q, void *buf, size_t cap)
{
	return q->many ? receive_shared(q, buf, cap) : receive_single(q, buf, cap);
}

static int try_receive(shmq *q, struct attempt *a)
{
	int64_t n = receive_any(q, a->out, a->n);
	if (n < 0)
		return (int)n;
	a->got = (uint64_t)n;
	return 0;
}

/* Wakes those that can go on because of a record that was received. */
static __attribute__((noinline)) int64_t aftermath(shmq *q, int64_t n)
{
	if (q->last_redelivered > 0)
		bump(seat64(&q->r, q->seat, L_SEAT_REDELIVERED), 1);
	relieve(q);
	pass_on_record(q);
	freed(q);
	return atomic_load_explicit(&q->hit, memory_order_relaxed) != 0 ? lose(q) : n;
}

/* A record that is kept for a larger buffer was taken, and a wake-up with it. */
void passed_small(shmq *q)
{
	relieve(q);
	pass_on_record(q);
}

static NOINLINE int64_t receive_later(shmq *q, void *buf, size_t cap, int64_t timeout, int64_t n)
{
	struct attempt a = {.run = try_receive, .out = buf, .n = cap};
	int rc = n < 0 ? (int)n : 0;
	a.got = n < 0 ? 0 : (uint64_t)n;
	if (rc == SHMQ_E_EMPTY)
		rc = timeout != 0 ? wait_record(q, &a, timeout) : missed_record(q, &a);
	if (atomic_load_explicit(&q->hit, memory_order_relaxed) != 0)
		return lose(q);
	if (rc == SHMQ_E_SMALL)
		passed_small(q);
	if (rc != 0)
		return failed(q, rc);
	bump(q->records, 1);
	bump(q->bytes, a.got);
	return aftermath(q, (int64_t)a.got);
}

static NOINLINE int64_t receive_long(shmq *q, void *buf, size_t cap, int64_t timeout)
{
	int rc = begin(q, SHMQ_CONSUMER);
	if (rc < 0)
		return rc;
	if (buf == NULL && cap > 0)
		return failed(q, SHMQ_E_MISUSE);
	return receive_later(q, buf, cap, timeout, receive_any(q, buf, cap));
}

int64_t shmq_receive(shmq *q, void *buf, size_t cap, int64_t timeout)
{
	int64_t n;
	if (unlikely(q == NULL || q->receives <= 1 || buf == NULL))
		return receive_long(q, buf, cap, timeout);
	q->receives--;
	n = receive_any(q, buf, cap);
	if (unlikely(n < 0))
		return receive_later(q, buf, cap, timeout, n);
	bump(q->records, 1);
	bump(q->bytes, (uint64_t)n);
	if (unlikely(q->last_redelivered > 0 || q->fence || armed(q->room_futex) || atomic_load_explicit(&q->hit, memory_order_relaxed) != 0 ||
		     (q->many && armed(q->data_futex))))
		return aftermath(q, n);
	return n;
}

size_t shmq_pending_size(const shmq *q)
{
	return q != NULL && q->pending.data != NULL ? q->pending.size : 0;
}

uint32_t shmq_redelivered(const shmq *q) { return q != NULL ? q->last_redelivered : 0; }

uint64_t shmq_sent_at(const shmq *q) { return q != NULL && q->r.stamps ? q->last_sent_at : 0; }
