#include "handle.h"

/*
 * A record over k slots needs k of them free at once, and producers of small records take each slot as it
 * comes free. So one that waits for several asks the others, by the word `turn`, to leave it what comes free
 * from a position on, the limit: the first slot that was not free when it asked. It is advice that
 * lapses: nothing but fairness depends on it.
 *
 *	63                     38                      12           0
 *	+----------------------+-----------------------+------------+
 *	| lapse, low 26 bits   | limit, low 26 bits    | seat + 1   |
 *	+----------------------+-----------------------+------------+
 *
 * Slots that came free since are kept as long as more follow. When for the holder's patience none does, it
 * moves the limit to the first slot that is not free now, and has twice the patience the next time.
 */
enum { BITS = 26, SEAT = 12, LEAST_PATIENCE = 100, MOST_PATIENCE = 3200 };

static int64_t nearest(uint64_t d) { return (int64_t)(d << (64 - BITS)) >> (64 - BITS); }

static int64_t turn_seat(uint64_t turn) { return (int64_t)(turn & 0xfff) - 1; }

/* The seat that has a turn at time now, or -1. A lapse further away than a holder ever asks for is scribble, or of
 * another clock. */
static int64_t holder_of(const struct region *r, uint64_t turn, uint64_t now)
{
	int64_t left = nearest((turn >> (SEAT + BITS)) - now);
	return turn == 0 || left <= 0 || left > TURN_MS || turn_seat(turn) >= (int64_t)r->seats ? -1 : turn_seat(turn);
}

/* The turn of another seat, or 0, which it nearly always is. */
uint64_t other_turn(const shmq *q)
{
	uint64_t turn = load(hot(&q->r, L_HOT_TURN));
	int64_t holder;
	if (turn == 0)
		return 0;
	holder = holder_of(&q->r, turn, (uint64_t)now_ms());
	return holder < 0 || holder == q->seat ? 0 : turn;
}

/* Bounds a claim of *k slots at p, at_least at least, by what a turn keeps. */
int leave_to_turn(uint64_t turn, uint64_t p, uint64_t *k, uint64_t at_least)
{
	int64_t n;
	if (turn == 0)
		return 0;
	n = nearest((turn >> SEAT) - p);
	if (n < (int64_t)at_least)
		return SHMQ_E_FULL;
	*k = least(*k, (uint64_t)n);
	return 0;
}

/* Asks the others to stand back, after a try that found the ring full, and returns whether it has the turn.
 * *gave: it left slots to the others, and those that stood back are to be woken. */
bool ask_turn(shmq *q, bool *gave)
{
	struct waiting *w = &q->turn;
	uint64_t now = (uint64_t)now_ms(), old = load(hot(&q->r, L_HOT_TURN)), to;
	int64_t holder = holder_of(&q->r, old, now);
	*gave = false;
	if (!q->r.many_producers || (holder != q->seat && holder >= 0))
		return false;
	if (!w->asked) {
		*w = (struct waiting){true, q->free_end, q->free_end, now, LEAST_PATIENCE};
	} else if (holder != q->seat) { /* it lapsed, or was another's */
		w->limit = w->end = q->free_end;
		w->since = now;
	} else if (w->end != q->free_end) {
		w->end = q->free_end;
		w->since = now;
	} else if (now - w->since >= w->patience && w->limit != w->end) {
		w->limit = w->end;
		w->since = now;
		w->patience = least(2 * w->patience, MOST_PATIENCE);
		*gave = true;
	}
	to = (now + TURN_MS) << (SEAT + BITS) | (w->limit & ((UINT64_C(1) << BITS) - 1)) << SEAT | (q->seat + 1);
	if (cas(hot(&q->r, L_HOT_TURN), old, to))
		return true;
	*gave = false;
	return false;
}

static bool give_up(const struct region *r, uint32_t seat)
{
	uint64_t turn = load(hot(r, L_HOT_TURN));
	return turn_seat(turn) == (int64_t)seat && cas(hot(r, L_HOT_TURN), turn, 0);
}

/* Gives the turn back, and returns whether this producer had it. */
bool drop_turn(shmq *q)
{
	q->turn = (struct waiting){0};
	return give_up(&q->r, q->seat);
}

/* The same, and lets the producers go on that stood back: this one has its slots, or does without. */
void end_turn(shmq *q)
{
	if (drop_turn(q))
		count_wakes(q, wake_all(q->room_futex));
}

void drop_turn_of(const struct region *r, uint32_t seat) { give_up(r, seat); }
