#include "handle.h"

/*
 * Which end of a stream is for this consumer. An end is for each that was attached when it came, and
 * its seat says so; if there was none, for the first that comes. A consumer that may be told an end
 * takes no record behind that end's position before it was told, or has passed over it: it has a limit.
 * It finds the limit in time because it looks at the log after it has seen the word of a record and
 * before it takes that.
 */
static uint64_t end_mark(const struct region *r, uint64_t n)
{
	return load(hot(r, L_HOT_END_LOG + (unsigned)(n % L_END_LOG_SIZE) * L_END_SIZE + L_END_MARK));
}

/* Says in the seat that ends from n on are this consumer's. */
void await_end(shmq *q, uint64_t n)
{
	store32(seat32(&q->r, q->seat, L_SEAT_AWAITS), (uint32_t)(n << 1 | 1));
}

/* The position of an end's mark, of which sixty bits are told: the one nearest to p. */
static uint64_t near_mark(uint64_t mark, uint64_t p) { return p + (uint64_t)((int64_t)(((mark >> 4) - p) << 4) >> 4); }

/* The first end of a stream that is for a subscription that begins at start: the first one that is remembered and not before
 * start if it begins with the oldest record, else the one after ends, the last one before it began. */
uint64_t first_end(const struct region *r, uint64_t start, uint64_t ends, bool oldest)
{
	uint64_t last = load(hot(r, L_HOT_ENDS)), first = last + 1;
	if (!oldest)
		return ends + 1;
	for (uint64_t n = 0; n < L_END_LOG_SIZE - 1; n++) {
		uint64_t at = last - n;
		if (at == 0 || (int64_t)(near_mark(end_mark(r, at), start) - start) < 0)
			break;
		first = at;
	}
	return first;
}

/* The same where each consumer gets every record, and every end from where it began, once. A durable subscription
 * remembers which comes next; what came before its cursor is over. */
static void listen_subscribed(shmq *q, bool asks)
{
	const struct region *r = &q->r;
	uint64_t last = load(hot(r, L_HOT_ENDS)), next = load(sub64(q->sub, L_SUB_ENDS)), first = first_end(r, q->next, last, true);
	if ((int64_t)(next - first) < 0 || (int64_t)(next - last) > 1)
		next = first;
	q->ends = (struct endings){.asks = asks, .from = next, .next = next, .met = last};
	await_end(q, next);
}

/* Begins to listen; the end of a stream whose producers have all gone is noted. */
void listen_for_ends(shmq *q, bool asks)
{
	const struct region *r = &q->r;
	uint64_t last = load(hot(r, L_HOT_ENDS)), met = load(hot(r, L_HOT_MET)), told = load(hot(r, L_HOT_TOLD)), mine = last + 1, n;
	if (q->sub != NULL) {
		listen_subscribed(q, asks);
		return;
	}
	for (int i = 0; i < MAX_TRIES; i++) {
		if ((int64_t)(last - met) <= 0 || cas(hot(r, L_HOT_MET), met, last))
			break;
		met = load(hot(r, L_HOT_MET));
	}
	q->ends = (struct endings){.asks = asks, .from = last + 1, .next = last + 1, .met = met};
	n = last - told;
	if (n - 1 < L_END_LOG_SIZE - 1)
		q->ends.next = told + 1;
	else if ((int64_t)n > 0)
		q->ends.next = last - (L_END_LOG_SIZE - 1);
	if ((int64_t)(last - met) > 0) /* it is the first that those in between meet */
		mine = later(met + 1, q->ends.next);
	await_end(q, mine);
}

/* Whether there may be an end that this consumer has to stop at: a bool for the many, and a load of a
 * line that is its own for a single one. */
bool may_end(const shmq *q)
{
	if (!q->ends.asks)
		return false;
	if (q->many)
		return q->ends.limited || load(hot(&q->r, L_HOT_ORPHANS)) != q->seen;
	return (int64_t)(load(hot(&q->r, L_HOT_ENDS)) - q->ends.next) >= 0;
}

bool beyond(const shmq *q, uint64_t p) { return q->ends.limited && (int64_t)(p - q->ends.limit) >= 0; }

/* The position where the next record will be. */
uint64_t next_record(const shmq *q) { return q->many ? untaken_from(&q->r, q->next) : q->next; }

static bool ended_cut(const struct endings *e) { return e->how != L_END_FINISHED && e->how != L_END_LEFT; }

void pass_end(shmq *q)
{
	struct endings *e = &q->ends;
	if (ended_cut(e) && (int64_t)(e->limit - next_record(q)) > 0)
		e->cut = true;
	e->next++;
	e->limited = e->told = false;
	if (q->sub != NULL)
		store(sub64(q->sub, L_SUB_ENDS), e->next);
}

/* Whether end next, which was just read, may be told to this consumer. */
static bool for_me(const shmq *q, uint64_t last, uint64_t at)
{
	const struct endings *e = &q->ends;
	if ((int64_t)(e->next - e->from) >= 0)
		return true;
	return (int64_t)(load(hot(&q->r, L_HOT_TOLD)) - e->next) < 0 && (int64_t)(at - e->limit) <= 0 &&
	       (e->how == L_END_FINISHED || (e->next == last && !stream_open(&q->r)));
}

/* Finds the end at which this consumer has to stop, if there is one, and passes over those that are
 * not for it. */
void look_at_ends(shmq *q)
{
	struct endings *e = &q->ends;
	const struct region *r = &q->r;
	bool was = e->limited;
	uint64_t limit = e->limit;
	if (!e->asks)
		return;
	e->limited = false;
	for (int i = 0; i < 2 * L_END_LOG_SIZE; i++) { /* more only if somebody hostile counts ends */
		uint64_t last = load(hot(r, L_HOT_ENDS)), mark, now;
		if ((int64_t)(last - e->next) < 0)
			break;
		if (last - e->next >= L_END_LOG_SIZE) { /* forgotten */
			e->next = last - (L_END_LOG_SIZE - 1);
			e->told = false;
			continue;
		}
		mark = end_mark(r, e->next);
		if (load(hot(r, L_HOT_ENDS)) - e->next >= L_END_LOG_SIZE)
			continue; /* it was written over */
		now = next_record(q);
		e->limit = near_mark(mark, now);
		e->how = mark & 15;
		if (for_me(q, last, now)) {
			e->limited = true;
			break;
		}
		pass_end(q);
	}
	if (was && !(e->limited && e->limit == limit))
		q->again = true; /* there may be orphans that were behind the limit */
}
