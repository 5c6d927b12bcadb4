#include "copy.h"
#include "handle.h"

/* Batches of records that are copied: one head, or one claim and one freeing, for all. */

/* The size of the plain record of one slot at p if it fits into a buffer; false otherwise. The length is read once
 * and bounded by what it speaks of. */
static bool copy_plain(const struct region *r, uint64_t p, struct shmq_buffer *b)
{
	struct record rec;
	if (read_record(r, p, 1, &rec) != 0 || rec.size > b->cap)
		return false;
	if (rec.size > 0 && rec.size <= L_INLINE_SIZE && (rec.meta & L_META_AREA) == 0)
		read_line(b->data, line_at(r, p), rec.size);
	else
		copy_block(b->data, rec.data, rec.size);
	b->size = rec.size;
	b->redelivered = rec.meta >> L_META_DELIVERIES_SHIFT;
	return true;
}

/* As far as it goes the short way; perhaps not at all. */
static int64_t batch_single(shmq *q, struct shmq_buffer *bufs, uint64_t n)
{
	const struct region *r = &q->r;
	uint64_t got = 0;
	if (!q->fresh || !r->plain)
		return 0;
	n = least(n, r->cap);
	while (got < n && word(r, q->next + got) == full_word(q->next + got, 1, r->shift) && copy_plain(r, q->next + got, &bufs[got]))
		got++;
	if (may_end(q)) {
		look_at_ends(q);
		if (q->ends.limited) {
			int64_t room = (int64_t)(q->ends.limit - q->next);
			got = room <= 0 ? 0 : least(got, (uint64_t)room);
			q->ends.got |= got > 0;
		}
	}
	if (got == 0)
		return 0;
	q->next = q->head = q->next + got;
	store_head(q);
	return (int64_t)got;
}

/* Claims the records of one slot that follow each other from head on, and fit, with one compare-and-swap. */
static int64_t batch_shared(shmq *q, struct shmq_buffer *bufs, uint64_t n)
{
	const struct region *r = &q->r;
	uint64_t p = q->next, k = 0;
	if (!r->plain)
		return 0;
	n = least(least(n, r->cap - (p & r->mask)), r->most);
	while (k < n && word(r, p + k) == full_word(p + k, 1, r->shift) && (relaxed(described_at(r, p + k)) & UINT32_MAX) <= bufs[k].cap)
		k++;
	if (q->ends.limited || has_backlog(q) || k < 2) /* after the words */
		return 0;
	if (!cas(word_at(r, p), full_word(p, 1, r->shift), reading_word(p, k, q->seat, false, r->shift)))
		return 0;
	q->held++; /* if a copy fails the take stays ours until close */
	took(q, p, k);
	for (uint64_t i = 0; i < k; i++)
		if (!copy_plain(r, p + i, &bufs[i]))
			return SHMQ_E_DAMAGED;
	put_word(r, p, reading_word(p, k, q->seat, true, r->shift));
	free_take(r, p, k);
	q->held--;
	return (int64_t)k;
}

/* One by one: records of several slots, or that were delivered before, or with checksums. */
static int64_t one_by_one(shmq *q, struct shmq_buffer *bufs, size_t n)
{
	size_t got = 0;
	int rc = 0;
	while (got < n) {
		struct shmq_lease l;
		if ((rc = lease_any(q, &l)) != 0)
			break;
		if (l.size > bufs[got].cap) {
			q->pending = l;
			rc = SHMQ_E_SMALL;
			break;
		}
		copy_block(bufs[got].data, l.data, l.size);
		if (q->r.skip && (rc = check_lapped(q, l.position)) != 0)
			break;
		bufs[got].size = l.size;
		bufs[got++].redelivered = l.redelivered;
		q->last_sent_at = l.sent_at;
		q->last_position = l.position;
		settle_lease(q, &l, true);
		if (l.redelivered > 0 || (q->r.plain && !q->r.skip))
			break; /* it ends a batch */
	}
	if (got > 0 && rc == SHMQ_E_LAGGED)
		q->jump_told = JUMP_PENDING; /* a jump ends a batch, and the next call tells it */
	return got > 0 ? (int64_t)got : rc;
}

static int try_batch(shmq *q, struct attempt *a)
{
	struct shmq_buffer *bufs = a->out;
	int64_t n = q->pending.data != NULL ? 0 : q->many ? batch_shared(q, bufs, a->n) : batch_single(q, bufs, a->n);
	if (n == 0)
		n = one_by_one(q, bufs, a->n);
	if (n < 0)
		return (int)n;
	a->got = (uint64_t)n;
	return 0;
}

int64_t shmq_receive_batch(shmq *q, struct shmq_buffer *bufs, size_t n, int64_t timeout)
{
	struct attempt a = {.run = try_batch, .out = bufs, .n = n};
	uint64_t bytes = 0;
	int rc = begin(q, SHMQ_CONSUMER);
	if (rc < 0)
		return rc;
	if (n == 0)
		return 0;
	if (bufs == NULL)
		return failed(q, SHMQ_E_MISUSE);
	for (size_t i = 0; i < n; i++)
		if (bufs[i].data == NULL && bufs[i].cap > 0)
			return failed(q, SHMQ_E_MISUSE);
	if ((rc = try_batch(q, &a)) == SHMQ_E_EMPTY)
		rc = timeout != 0 ? wait_record(q, &a, timeout) : missed_record(q, &a);
	if (atomic_load_explicit(&q->hit, memory_order_relaxed) != 0)
		return lose(q);
	if (rc == SHMQ_E_SMALL)
		passed_small(q);
	if (rc != 0)
		return failed(q, rc);
	bump(q->records, a.got);
	for (uint64_t i = 0; i < a.got; i++) {
		bytes += bufs[i].size;
		if (bufs[i].redelivered > 0)
			bump(seat64(&q->r, q->seat, L_SEAT_REDELIVERED), 1);
	}
	bump(q->bytes, bytes);
	relieve(q);
	pass_on_record(q);
	freed(q);
	return atomic_load_explicit(&q->hit, memory_order_relaxed) != 0 ? lose(q) : (int64_t)a.got;
}
