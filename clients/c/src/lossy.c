#include "handle.h"

/*
 * A consumer of a queue whose producers wait for no subscription. A record may be written over while it is read: so it is
 * copied, and then the consumer asks how far producers may have come. What they will write is announced before the first
 * byte is written, by the intent of a single producer, by tail where they are many. A second look at the record's own word
 * would come too late: payload is written before it.
 *
 * One that was lapped jumps to a place where a record begins, a quarter of a lap behind the oldest, so that it is not lapped
 * again at once. What it passes over counts with the store of the cursor that passes it, so acknowledged and lost
 * positions are all that there were, whoever died:
 *
 *	                     cursor   was   at      lost   the sum is
 *	before                  100     7    90       9       9, since 90 was passed
 *	was := the sum          100     9    90       9       9
 *	at := cursor to come    100     9   160       9       9, since 160 was not passed
 *	lost := sum to come     100     9   160      49       9
 *	cursor                  160     9   160      49      49
 *	was := lost             160    49   160      49      49, and was told
 *
 * Leases are refused, but for those within a call that copies: at most one is open, at head.
 */
static uint64_t sum_of_lost(uint8_t *s)
{
	uint64_t at = load(sub64(s, L_SUB_LOST_AT)), c = cursor(s);
	return load(sub64(s, (int64_t)(cursor_near(c, at) - at) < 0 ? L_SUB_LOST_WAS : L_SUB_LOST));
}

/* Begins where the predecessor stopped. What that one may have lost without a word to anybody is told first. */
void lossy_start(shmq *q)
{
	uint64_t at = load(sub64(q->sub, L_SUB_LOST_AT)), n = load(sub64(q->sub, L_SUB_LOST)) - load(sub64(q->sub, L_SUB_LOST_WAS));
	if (n == 0 || q->head != at)
		return;
	q->lost_from = at - n;
	q->lost_to = at;
	q->jump_told = JUMP_PENDING;
}

/* Goes on at a record that is still whole, behind the one at p: SHMQ_E_LAGGED. */
int jump(shmq *q, uint64_t p)
{
	const struct region *r = &q->r;
	uint64_t limit = written_to(r), tail = load(hot(r, L_HOT_TAIL)), sum;
	uint64_t to = first_whole(r, later(p + 1, limit - r->cap + r->cap / 4), tail);
	if ((int64_t)(to - p) <= 0)
		return SHMQ_E_DAMAGED; /* tail is not a lap ahead */
	entry_at(q, p)->state = NOTHING;
	q->lost_from = p;
	q->lost_to = q->next = q->head = to;
	q->jump_told = JUMP_TELLING;
	sum = sum_of_lost(q->sub);
	store(sub64(q->sub, L_SUB_LOST_WAS), sum);
	store(sub64(q->sub, L_SUB_LOST_AT), to);
	store(sub64(q->sub, L_SUB_LOST), sum + (to - p));
	store_head(q);
	return SHMQ_E_LAGGED;
}

/* Whether the record at p, which is the next one or that of the open lease, may have been written over. Then all that was read
 * of it is void. */
int check_lapped(shmq *q, uint64_t p)
{
	load_barrier();
	return (int64_t)(written_to(&q->r) - p - q->r.cap) > 0 ? jump(q, p) : 0;
}

/* Notes that the program has come back, or leaves, after it was told of the last jump. */
void lossy_told(shmq *q)
{
	if (q->jump_told != JUMP_TELLING)
		return;
	q->jump_told = JUMP_TOLD;
	store(sub64(q->sub, L_SUB_LOST_WAS), load(sub64(q->sub, L_SUB_LOST)));
}

/* Comes before a record: tells a jump that was not told yet. */
int tell_jump(shmq *q)
{
	if (q->jump_told != JUMP_PENDING) {
		lossy_told(q);
		return 0;
	}
	q->jump_told = JUMP_TELLING;
	return SHMQ_E_LAGGED;
}

int shmq_lost(shmq *q, struct shmq_lost *lost)
{
	int rc = begin_settling(q);
	if (rc < 0)
		return rc;
	if (q->role != SHMQ_CONSUMER || lost == NULL)
		return failed(q, SHMQ_E_MISUSE);
	*lost = (struct shmq_lost){q->lost_from, q->lost_to, q->r.skip ? sum_of_lost(q->sub) : 0};
	return 0;
}
