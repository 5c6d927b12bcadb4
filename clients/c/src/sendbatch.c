#include "copy.h"
#include "handle.h"

/*
 * Batches. A single producer publishes runs of small records one by one and stores tail once; a death in
 * between leaves tail behind by at most half the ring, and its successor walks on over the words. Producers
 * that are many pay one claim for all, cut it into records from the front, and publish the first word last:
 * until then the claim stands whole, and if its owner dies it becomes one SKIP.
 */

static void fill(shmq *q, uint64_t pos, const struct shmq_bytes *b)
{
	const struct region *r = &q->r;
	uint32_t meta;
	uint8_t *to;
	if (b->size <= L_INLINE_SIZE && r->plain) {
		fill_line(line_at(r, pos), b->data, b->size);
		return;
	}
	to = place_for(r, pos, b->size, &meta);
	copy_block(to, b->data, b->size);
	describe(r, pos, b->size, meta);
	if (!r->plain)
		complete(r, pos, to, b->size, meta, q->stamp);
}

/* Publishes records that fit into a line, as long as there are some and slots are free. All are written before the first
 * word: a consumer that polls the words takes each line once, and the first line last, since it polls that. */
static uint64_t send_run(shmq *q, const struct shmq_bytes *recs, uint64_t n)
{
	const struct region *r = &q->r;
	uint64_t t = q->tail, sent, free;
	uint8_t *line = line_at(r, t);
	if (!r->plain)
		return 0;
	n = least(least(n, r->most), r->cap - (t & r->mask)); /* words of a lap are alike */
	if (recs[0].size > L_INLINE_SIZE)
		return 0;
	if (!r->many_consumers && free_slots(q, t, n, &n) != 0)
		return 0; /* a send by itself says so */
	/* No slot is looked at that the run has no record for. */
	for (free = 0; free < n && recs[free].size <= L_INLINE_SIZE; free++)
		if (r->many_consumers && word(r, t + free) != free_word(t, r->shift))
			break;
	if (free == 0)
		return 0;
	for (sent = 1; sent < free; sent++)
		fill_line(line + sent * L_SLOT_SIZE, recs[sent].data, recs[sent].size);
	fill_line(line, recs[0].data, recs[0].size);
	for (uint64_t i = 0, w = full_word(t, 1, r->shift); i < sent; i++) {
		publish((a64 *)(void *)(line + i * L_SLOT_SIZE), w);
		ask_to_write(line_at(r, t + i + BATCH_AHEAD));
	}
	publish(hot(r, L_HOT_TAIL), q->tail = t + sent);
	return sent;
}

static int64_t batch_single(shmq *q, const struct shmq_bytes *recs, uint64_t n)
{
	uint64_t sent = 0;
	while (sent < n) {
		uint64_t ran = send_run(q, recs + sent, n - sent);
		int rc;
		sent += ran;
		if (ran > 0)
			continue;
		rc = ring_send(q, recs[sent].data, recs[sent].size);
		if (rc != 0)
			return sent > 0 ? (int64_t)sent : rc;
		sent++;
	}
	return (int64_t)sent;
}

static int64_t batch_shared(shmq *q, const struct shmq_bytes *recs, uint64_t n)
{
	const struct region *r = &q->r;
	uint64_t all = 0, pos, got, first, used, sent;
	int rc;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t k = slots_for(r, recs[i].size);
		if (recs[i].size > max_record(r) && all == 0)
			return SHMQ_E_TOO_LARGE;
		if (recs[i].size > max_record(r) || all + k > r->most)
			break;
		all += k;
	}
	first = slots_for(r, recs[0].size);
	if ((rc = claim_shared(q, first, all, &pos, &got)) != 0)
		return rc;
	fill(q, pos, &recs[0]);
	used = first;
	for (sent = 1; sent < n; sent++) {
		uint64_t at = pos + used, k = slots_for(r, recs[sent].size);
		if (recs[sent].size > max_record(r) || used + k > got)
			break;
		fill(q, at, &recs[sent]);
		put_word(r, at, full_word(at, k, r->shift));
		ask_to_write(line_at(r, at + BATCH_AHEAD));
		used += k;
	}
	if (used < got)
		put_word(r, pos + used, skip_word(pos + used, got - used, r->shift));
	put_word(r, pos, full_word(pos, first, r->shift));
	return (int64_t)sent;
}

/* One try: as many as there is room for. All records of a batch have one time. */
static int try_batch(shmq *q, struct attempt *a)
{
	const struct shmq_bytes *recs = a->in;
	int64_t n;
	if (q->reserved)
		return SHMQ_E_RESERVED;
	q->stamp = q->r.stamps ? unix_now() : 0;
	n = q->r.many_producers ? batch_shared(q, recs, a->n) : batch_single(q, recs, a->n);
	q->stamp = 0;
	if (n < 0)
		return (int)n;
	a->got = (uint64_t)n;
	return 0;
}

/* Counts n records and wakes who waits for them. */
static int sent(shmq *q, const struct shmq_bytes *recs, uint64_t n)
{
	uint64_t bytes = 0;
	for (uint64_t i = 0; i < n; i++)
		bytes += recs[i].size;
	bump(q->records, n);
	bump(q->bytes, bytes);
	if (atomic_load_explicit(&q->hit, memory_order_relaxed) != 0)
		return lose(q);
	notify(q);
	return 0;
}

int64_t shmq_send_batch(shmq *q, const struct shmq_bytes *recs, size_t n, int64_t timeout)
{
	int64_t deadline = timeout > 0 ? deadline_of(timeout) : 0;
	size_t done = 0;
	int rc = begin(q, SHMQ_PRODUCER);
	if (rc < 0)
		return rc;
	if (n > 0 && recs == NULL)
		return failed(q, SHMQ_E_MISUSE);
	for (size_t i = 0; i < n; i++)
		if (recs[i].data == NULL && recs[i].size > 0)
			return failed(q, SHMQ_E_MISUSE);
	while (done < n) {
		struct attempt a = {.run = try_batch, .in = recs + done, .n = n - done};
		rc = try_batch(q, &a);
		if (rc == SHMQ_E_FULL && (timeout != 0 || done == 0)) {
			int64_t left = timeout <= 0 ? timeout : deadline - now_ns();
			rc = timeout > 0 && left <= 0 ? SHMQ_E_TIMEOUT : wait_room(q, &a, recs[done].size, left);
		}
		if (rc == 0)
			rc = sent(q, recs + done, a.got);
		if (rc != 0)
			break;
		done += a.got;
	}
	notify_filler(q);
	if (rc == SHMQ_E_FULL && done == 0)
		rc = (rc = missed_room(q)) < 0 ? rc : SHMQ_E_FULL;
	if (rc != 0)
		failed(q, rc);
	return done > 0 ? (int64_t)done : rc;
}
