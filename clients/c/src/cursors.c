#include "handle.h"

/*
 * Queues of which each consumer gets every record, as producers see them. A consumer has a subscription: an entry of
 * the subscription table, with a cursor, which is its head. No consumer writes slots, so any number of them reads
 * the same record.
 *
 *	  head      cursor A       cursor B            tail
 *	---+-----------+--------------+------------------+--------- positions
 *	   | kept      | not acknowledged by A           | free
 *
 * A producer keeps a gate, head_seen: all before it is free, for all who are and will be. A gate once computed is good for
 * ever for the producer that computed it. It is computed from the producer's own t and not from the cursors alone: one that
 * was read late may be beyond t, and one that was not there when it was read may lie between.
 *
 * A scan and a join are Dekker's pair, on the cursor and on head, which a producer publishes as the gate before it looks
 * at the cursors a second time: either the scan sees the joining cursor, whose position is no later than where the
 * subscription begins, or the subscription sees the gate and begins behind it. The gate is not good for others by way
 * of head: the second look may stop at less than the head that was published before it.
 */
enum { INTENTS = 16 }; /* that a single producer stores a lap; records so far ahead count as overwritten */

/* How far the slowest subscription is behind t, joining ones among them, or least if that is more. */
static COLD int64_t behind(const struct region *r, uint64_t t, int64_t least)
{
	for (uint8_t *s = r->subs; s != r->subs_end; s += L_SUBSCRIPTION_SIZE) {
		uint64_t c = cursor(s);
		int64_t d = (int64_t)(t - cursor_near(c, t));
		if (c != 0 && d > least)
			least = d;
	}
	return least;
}

/* Lets a producer that waits for no subscription write n slots from t on, and perhaps more. A single one stores its
 * intent before it writes the first byte, as a limit for some records ahead, and never lower: a successor that writes less
 * than a dead one had begun must not make what that one tore look whole. Where producers are many tail says as much, which
 * is moved before the claim's first byte is written. */
static void announce_intent(shmq *q, uint64_t t, uint64_t n)
{
	const struct region *r = &q->r;
	uint64_t limit = t + most(n, r->cap / INTENTS), was;
	if (r->many_producers) {
		q->head_seen = later(q->head_seen, t);
		return;
	}
	was = load(hot(r, L_HOT_HEAD));
	if ((int64_t)(was - limit) > 0 && was - limit <= r->cap)
		limit = was;
	store(hot(r, L_HOT_HEAD), limit);
	store_barrier();
	q->head_seen = limit - r->cap;
}

/* Raises the gate for a claim of n slots at t, as far as subscriptions let it, and returns it. t was loaded before; of a single
 * producer it is its own. A mere look publishes nothing: a scan raises head for a claim that may not follow, and an intent makes
 * a reader lose what nobody writes over. */
uint64_t raise_gate(shmq *q, uint64_t t, uint64_t n)
{
	const struct region *r = &q->r;
	int64_t lag;
	if (q->looks)
		return r->skip ? t : t - (uint64_t)behind(r, t, 0);
	if (r->skip) {
		announce_intent(q, t, n);
		return q->head_seen;
	}
	q->spent += 2 * (uint64_t)(r->subs_end - r->subs) / L_SUBSCRIPTION_SIZE;
	lag = behind(r, t, r->kept > n ? (int64_t)(r->kept - n) : 0);
	raise_to(hot(r, L_HOT_HEAD), t - (uint64_t)lag);
	fence(); /* between head and the second look, for a head that was there already */
	lag = behind(r, t, lag);
	return q->head_seen = later(q->head_seen, t - (uint64_t)lag);
}

/* How many of the n slots from t on no producer is still writing to since a lap before. Nothing else keeps a producer from
 * going over a claim: a subscription may begin behind it. */
uint64_t unclaimed_of(const struct region *r, uint64_t t, uint64_t n)
{
	for (uint64_t k = 0; k < n; k++)
		if (word_state(word(r, t + k)) == L_CLAIMED)
			return k;
	return n;
}

/* Returns the subscription that is farthest behind, NULL if there is none, and *lag: how many slots that is. */
uint8_t *slowest(const struct region *r, uint64_t *lag)
{
	uint64_t t = load(hot(r, L_HOT_TAIL));
	uint8_t *far = NULL;
	*lag = 0;
	for (uint8_t *s = r->subs; s != r->subs_end; s += L_SUBSCRIPTION_SIZE) {
		uint64_t c = cursor(s);
		int64_t d = (int64_t)(t - cursor_near(c, t));
		if (c == 0 || (far != NULL && d <= (int64_t)*lag))
			continue;
		far = s;
		*lag = d > 0 ? (uint64_t)d : 0;
	}
	return far;
}

/* Whether a quarter of the ring is free, or producers wait for no subscription. */
bool is_roomy(const struct region *r) { return r->skip || depth(r) <= r->cap - r->cap / 4; }

/* Whether there is room for a producer; always where they wait for no subscription, since only a claim holds one up. */
bool has_room(const struct region *r) { return r->skip || depth(r) < r->cap; }

/* Whether a consumer with nothing more to receive should wake producers: for any room, as nobody else may come. Where each
 * consumer gets every record, the slowest one comes later if it has more to receive, and then asks the same: before that the
 * others would have the producer up for every record. What it has handed out it may hold, and sleep: that does not count. */
bool room_at_rest(const struct region *r)
{
	uint64_t lag, t;
	uint8_t *s;
	if (!r->each || r->skip)
		return has_room(r);
	fence(); /* see depth */
	s = slowest(r, &lag);
	if (s == NULL || lag >= r->cap || lag <= r->cap - r->cap / 4)
		return lag < r->cap;
	t = load(hot(r, L_HOT_TAIL));
	return (int64_t)(t - later(cursor_near(cursor(s), t), load(sub64(s, L_SUB_HANDOUT)))) <= 0;
}

/* The position before which producers that wait for nobody may have begun to write. */
uint64_t written_to(const struct region *r)
{
	return load(hot(r, r->many_producers ? L_HOT_TAIL : L_HOT_HEAD)); /* the intent */
}

/* The first position from p on at which a record, a filler or a claim begins, or end: the position of the next claim, which
 * is one. */
uint64_t first_whole(const struct region *r, uint64_t p, uint64_t end)
{
	if (end - p > r->cap) /* an old end, or scribble */
		return end;
	for (; p != end; p++) {
		uint64_t w = word(r, p);
		if (word_lap(w, p, r->shift) == 0 && word_state(w) != L_FREE)
			break;
	}
	return p;
}
