#include "handle.h"
#include <string.h>
#include <unistd.h>

/*
 * A subscription is an entry of the subscription table and its first byte, which its consumer has locked. Who has the
 * lock writes the entry, and nobody else. All behind the cursor means something only while that is active:
 *
 *	word                      written by the holder               a death after it leaves
 *	cursor := joining, from   to join, before all else            an entry that anybody clears
 *	durable, name, and so on  while the cursor says joining       the same
 *	cursor := active, start   at the end of a join                a subscription; one that is not durable anybody clears
 *	cursor := active, p       with each acknowledgement           the same
 *	cursor := 0               to leave, before the unlock         a free entry
 *
 * Of a dead consumer that was not durable another participant takes the lock, looks again, stores 0 and unlocks: with the
 * seat that the entry names, or where producers wait for it.
 */
/* Whether nobody may clear the entry: it is active and durable. */
bool is_kept(uint8_t *s) { return (cursor(s) & 3) == L_CURSOR_ACTIVE && load32(sub32(s, L_SUB_DURABLE)) == 1; }

/* Whether it is the durable subscription of that name. */
static bool is_named(uint8_t *s, const char *name)
{
	size_t n = strlen(name);
	return n <= L_SUB_NAME_N && is_kept(s) && load32(sub32(s, L_SUB_NAME_LEN)) == n && memcmp(s + L_SUB_NAME, name, n) == 0;
}

/* The entry of a durable subscription; NULL if there is none. */
static uint8_t *find(const struct region *r, const char *name)
{
	for (uint8_t *s = r->subs; s != r->subs_end; s += L_SUBSCRIPTION_SIZE)
		if (is_named(s, name))
			return s;
	return NULL;
}

/* Other programs make durable subscriptions of names in any script, which are found by their bytes. This library does not
 * know which characters can be printed, and makes those of ASCII. */
static bool is_ascii(const char *name)
{
	size_t n = strlen(name);
	while (n > 0 && name[n - 1] >= ' ' && name[n - 1] <= '~')
		n--;
	return n == 0 && name[0] != 0 && strlen(name) <= L_SUB_NAME_N;
}

/* The gate: what lies before it may have been overwritten. */
static uint64_t oldest(const struct region *r)
{
	uint64_t t;
	if (!r->skip)
		return load(hot(r, L_HOT_HEAD));
	t = written_to(r);
	return (int64_t)(t - r->cap) > 0 || t > UINT64_C(1) << 63 ? t - r->cap : 0;
}

/* Makes a subscription in an entry whose lock the caller has and which is not kept. Where producers wait, nothing from
 * its beginning on is overwritten before it was acknowledged. */
static void make_subscription(shmq *q, uint8_t *s, bool from_oldest, const char *name)
{
	const struct region *r = &q->r;
	uint64_t ends = load(hot(r, L_HOT_ENDS)); /* before tail: an end in between is of a stream that it gets records of */
	uint64_t start = from_oldest ? oldest(r) : load(hot(r, L_HOT_TAIL));
	size_t n = name ? strlen(name) : 0;
	store(sub64(s, L_SUB_CURSOR), cursor_of(L_CURSOR_JOINING, start));
	fence();
	start = load(hot(r, L_HOT_TAIL));
	if (from_oldest)
		start = first_whole(r, oldest(r), start);
	store32(sub32(s, L_SUB_DURABLE), name != NULL);
	store32(sub32(s, L_SUB_NAME_LEN), (uint32_t)n);
	memset(s + L_SUB_NAME, 0, L_SUB_NAME_N);
	if (n > 0)
		memcpy(s + L_SUB_NAME, name, n);
	publish(sub64(s, L_SUB_SINCE), unix_now());
	publish(sub64(s, L_SUB_START), start);
	store32(sub32(s, L_SUB_SEAT), q->seat);
	publish(sub64(s, L_SUB_ENDS), first_end(r, start, ends, from_oldest));
	publish(sub64(s, L_SUB_LOST_AT), start);
	publish(sub64(s, L_SUB_LOST_WAS), 0);
	publish(sub64(s, L_SUB_LOST), 0);
	publish(sub64(s, L_SUB_HANDOUT), start);
	store(sub64(s, L_SUB_CURSOR), cursor_of(L_CURSOR_ACTIVE, start));
	q->made = name != NULL;
}

/* A new subscription, in the first entry that no process has and that is not kept. */
static int join(shmq *q, int lock_fd, bool from_oldest, const char *name, struct shmq_error *e)
{
	const struct region *r = &q->r;
	for (uint8_t *s = r->subs; s != r->subs_end; s += L_SUBSCRIPTION_SIZE) {
		int got = is_kept(s) ? 0 : try_lock(lock_fd, sub_byte(r, s), true, e);
		if (got < 0)
			return got;
		if (got == 0)
			continue;
		if (is_kept(s)) { /* since the look, and its holder has left */
			unlock(lock_fd, sub_byte(r, s));
			continue;
		}
		q->sub = s;
		make_subscription(q, s, from_oldest, name);
		return 0;
	}
	return fail(e, SHMQ_E_NO_SEAT, "all %u subscriptions are in use, durable ones too; end some (shmq unsubscribe)", q->geo.subs);
}

/* Locks the names, and takes over the durable subscription of one: 1, 0 if there is none, PASSING, TAKEN with the text of the
 * error, or a code. The caller unlocks the names: of two that make the same one at once, one would make an entry that holds
 * the ring up for ever. */
static int take_over(shmq *q, int fd, const char *name, struct shmq_error *e)
{
	const struct region *r = &q->r;
	char command[L_SEAT_COMMAND_N];
	uint8_t *s;
	int got = try_lock(fd, L_LOCK_SUBSCRIBE, true, e);
	if (got != 1)
		return got < 0 ? got : PASSING;
	if ((s = find(r, name)) == NULL)
		return 0;
	if ((got = try_lock(fd, sub_byte(r, s), true, e)) == 0) {
		/* A process that looks whether the entry is a dead one's has its lock for a moment, and the seat that the entry
		 * names may be anybody's by now: so only another try tells that process from a holder. */
		uint32_t pid = occupant(r, load32(sub32(s, L_SUB_SEAT)) % r->seats, command);
		fail(e, SHMQ_E_ROLE_TAKEN, "subscription %s is that of pid %u (%.23s); end that one, or use another name", name, pid, command);
		return TAKEN;
	}
	if (got != 1)
		return got;
	q->sub = s;
	if (!is_named(s, name))
		return PASSING; /* it was ended meanwhile */
	store32(sub32(s, L_SUB_SEAT), q->seat);
	return 1;
}

/* Takes a subscription for a consumer that has its seat: a new one, or the durable one of that name. Where consumers share
 * the records there is none. */
int subscribe(shmq *q, int lock_fd, bool from_oldest, const char *name, struct shmq_error *e)
{
	const struct region *r = &q->r;
	int got;
	if (!r->each)
		return name == NULL && !from_oldest ? 0 : fail(e, SHMQ_E_OPTION, "its consumers share the records, so there is no subscription to make; make it with consumers SHMQ_EACH (--consumers each)");
	if (name == NULL)
		return join(q, lock_fd, from_oldest, NULL, e);
	got = take_over(q, lock_fd, name, e);
	if (got == 0)
		got = is_ascii(name) ? join(q, lock_fd, from_oldest, name, e) :
				       fail(e, SHMQ_E_OPTION, "there is no subscription %.64s, and libshmq makes those whose names have 1 to %d characters of ASCII", name, L_SUB_NAME_N);
	else if (got == 1)
		got = 0;
	unlock(lock_fd, L_LOCK_SUBSCRIBE);
	return got;
}

/* Ends the subscription that the handle has: as it leaves, unless it is durable; or one that is, and was made by an open that has
 * failed. The lock is dropped after this, not before: a successor's cursor would be cleared. */
void end_subscription(shmq *q, bool made)
{
	if (q->sub != NULL && (made ? q->made : !is_kept(q->sub)))
		store(sub64(q->sub, L_SUB_CURSOR), 0);
}

/* Ends a subscription if its holder is dead, and it is not durable. */
static bool clear_dead(const struct region *r, int fd, uint8_t *s)
{
	bool dead;
	if (cursor(s) == 0 || is_kept(s) || try_lock(fd, sub_byte(r, s), true, NULL) != 1)
		return false;
	dead = cursor(s) != 0 && !is_kept(s); /* again, now that nobody can change it */
	if (dead)
		store(sub64(s, L_SUB_CURSOR), 0);
	unlock(fd, sub_byte(r, s));
	return dead;
}

/* Ends the subscriptions that name a seat, or all for -1, and whose holders are dead, but for durable ones. Producers are to
 * be woken if there was one. fd is a descriptor that has none of the locks. */
bool clear_of_seat(const struct region *r, int fd, int64_t seat)
{
	bool cleared = false;
	for (uint8_t *s = r->subs; s != r->subs_end; s += L_SUBSCRIPTION_SIZE)
		if (seat < 0 || load32(sub32(s, L_SUB_SEAT)) % r->seats == seat)
			cleared |= clear_dead(r, fd, s);
	return cleared;
}

/* Ends the subscriptions that are farthest behind as long as their holders are dead, and they are not durable: those that
 * producers wait for. The seat's recovery ends those that name it; this is for those that name a wrong one: of a joiner
 * that died before it had stored its own. */
void clear_slowest(const struct region *r, int fd)
{
	bool cleared = false;
	uint64_t lag;
	uint8_t *s;
	for (uint32_t n = 0; n < L_MAX_SUBSCRIPTIONS && (s = slowest(r, &lag)) != NULL && clear_dead(r, fd, s); n++)
		cleared = true;
	if (cleared)
		wake_all(hot32(r, L_HOT_ROOM_FUTEX));
}
