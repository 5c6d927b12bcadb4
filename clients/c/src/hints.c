#include "handle.h"

/*
 * Where the consumers are many head is a hint, and where both sides are many so is tail: a position
 * where a claim, or a take, began or ended, and which may lag. The words tell where it would be if it
 * did not:
 *
 *   - A word of the position's own lap tells how many slots it speaks for; a walk passes all.
 *   - A word of a later lap tells that the slot was freed since; a walk passes that one slot. The
 *     slots of a take become free from the last one to the first, so a walk does not stop inside.
 *
 * A walk that has fallen behind meets words of later laps, and goes on from the hint as it is by then.
 * So before the position where it stops everything was claimed, or taken, at that time.
 */
enum { UNCLAIMED = 1 << L_FREE, UNTAKEN = UNCLAIMED | 1 << L_CLAIMED | 1 << L_FULL };

static uint64_t walk(const struct region *r, uint64_t p, unsigned hint, unsigned stops)
{
	p = later(p, load(hot(r, hint)));
	for (uint64_t n = max_lag(r); n > 0; n--) {
		uint64_t w = word(r, p), k;
		int64_t lap = word_lap(w, p, r->shift);
		if (lap > 0) {
			p = later(p + 1, load(hot(r, hint)));
			continue;
		}
		if (lap < 0 || stops >> word_state(w) & 1 || (k = span(r, p, w)) == 0)
			break;
		p += k;
	}
	return p;
}

uint64_t unclaimed_from(const struct region *r, uint64_t p) { return walk(r, p, L_HOT_TAIL, UNCLAIMED); }
uint64_t untaken_from(const struct region *r, uint64_t p) { return walk(r, p, L_HOT_HEAD, UNTAKEN); }

/* Whether w, a word of a later lap found at p, can mean that the slot was claimed, taken and freed
 * since: no word is of a position that was not claimed yet. *claimed: all before it was claimed. */
bool passed(const struct region *r, uint64_t p, uint64_t w, uint64_t *claimed)
{
	uint64_t at = word_position(w, p & r->mask, p, r->shift);
	if (word_state(w) == L_FREE)
		at -= r->cap;
	if ((int64_t)(*claimed - at) <= 0)
		*claimed = next_claim(r);
	return (int64_t)(*claimed - at) > 0;
}

/* How many slots lie between head and tail, as far as the hints have followed. Where each consumer gets every record: how
 * far the slowest subscription is behind. One that has just acknowledged decides by the cursors of others, so there is a
 * fence: of two that acknowledge at once each could see the other's old one. */
uint64_t depth(const struct region *r)
{
	uint64_t head, tail, lag;
	if (r->each) {
		fence();
		slowest(r, &lag);
		return least(lag, r->cap);
	}
	head = load(hot(r, L_HOT_HEAD)), tail = load(hot(r, L_HOT_TAIL));
	return (int64_t)(tail - head) < 0 ? 0 : least(tail - head, r->cap);
}

/*
 * The position of the next claim, and head, while no other producer is attached. Tail may lag by the
 * records that were published last, so the walk goes on over words of this lap; head may be beyond that
 * tail. Consumers are at work meanwhile: a word of a later lap means that they took and freed that
 * record where they are many; a single one frees by head, which is then beyond it.
 */
int last_claim(const struct region *r, uint64_t *tail, uint64_t *head)
{
	uint64_t h = load(hot(r, L_HOT_HEAD)), t = load(hot(r, L_HOT_TAIL));
	if (!r->each) /* where head is a gate, which is not beyond tail, or an intent, which frees nothing */
		t = later(t, h);
	for (uint64_t n = 0;; n++) {
		uint64_t w = word(r, t), k;
		int64_t lap = word_lap(w, t, r->shift);
		if (lap > 0 && r->many_consumers) {
			if (word_state(w) != L_FREE || n > max_lag(r))
				return SHMQ_E_DAMAGED; /* no producer is a lap ahead of tail */
			t++;
		} else if (lap > 0) {
			h = load(hot(r, L_HOT_HEAD));
			if ((int64_t)(h - t) <= 0 || n > r->cap || r->each)
				return SHMQ_E_DAMAGED;
			t = h;
		} else if (lap < 0 || word_state(w) == L_FREE) {
			*tail = t, *head = h;
			return 0;
		} else if ((k = span(r, t, w)) == 0 || n > max_lag(r)) {
			return SHMQ_E_DAMAGED;
		} else {
			t += k;
		}
	}
}

/* The same for the end of a stream, which comes early or late where the queue is damaged. */
uint64_t last_tail(const struct region *r)
{
	uint64_t t, h;
	if (r->many_producers && r->many_consumers)
		return next_claim(r); /* tail may be laps behind, if several have died */
	return last_claim(r, &t, &h) == 0 ? t : load(hot(r, L_HOT_TAIL));
}
