#include "handle.h"

/*
 * Recovery of the dead. Each word that names the seat changes once, by a compare-and-swap, and those
 * that were changed no longer name it; so a sweep may be interrupted anywhere and done again by
 * another. The slots of a dead participant are changed only by the holder of that seat's lock.
 */
static bool sweep_claim(const struct region *r, uint64_t i, uint64_t k, uint64_t w)
{
	uint64_t p = word_position(w, i, load(hot(r, L_HOT_TAIL)), r->shift);
	cas(hot(r, L_HOT_TAIL), p, p + k); /* as a claimer does before it publishes */
	if (!cas(word_at(r, p), w, skip_word(p, k, r->shift)))
		return false;
	add(hot(r, L_HOT_SKIPPED), 1);
	return true;
}

static bool sweep_take(const struct region *r, uint64_t i, uint64_t k, uint64_t w)
{
	uint64_t p = word_position(w, i, load(hot(r, L_HOT_HEAD)), r->shift);
	cas(hot(r, L_HOT_HEAD), p, p + k);
	return cas(word_at(r, p), w, orphan_word(p, k, word_state(w) == L_READING_ACKED, r->shift));
}

/* Changes all words that name a seat: a claim becomes SKIP, a take ORPHAN; and ends its subscription, unless that is
 * durable. Returns whether there was any. fd is not the descriptor that has the seat's lock. */
bool sweep(const struct region *r, int fd, uint32_t seat)
{
	bool found = false;
	for (uint64_t i = 0; i < r->cap; i++) {
		uint64_t w = word(r, i), k;
		if (!word_owned(w) || word_seat(w) != seat || (k = span(r, i, w)) == 0)
			continue;
		found |= word_state(w) == L_CLAIMED ? sweep_claim(r, i, k, w) : sweep_take(r, i, k, w);
	}
	if (r->many_consumers) { /* its owner may not have moved them, nor any later one that died */
		raise_to(hot(r, L_HOT_HEAD), next_take(r));
		if (r->many_producers)
			raise_to(hot(r, L_HOT_TAIL), next_claim(r));
	}
	drop_turn_of(r, seat);
	add(hot(r, L_HOT_ORPHANS), 1); /* always, and last: an earlier recoverer may have died just before this */
	found |= clear_of_seat(r, fd, seat);
	if (found)
		wake_everybody(r);
	return found;
}

void wake_everybody(const struct region *r)
{
	wake_all(hot32(r, L_HOT_DATA_FUTEX));
	wake_all(hot32(r, L_HOT_ROOM_FUTEX));
}

/* Recovers all dead participants but that of the seat `mine`; returns how many. */
int recover_all(const struct region *r, int fd, int64_t mine)
{
	bool told = false;
	int n = 0;
	for (uint32_t i = 0; i < r->seats; i++) {
		if (i == mine || !is_dirty(r, i) || is_locked(fd, seat_byte(i), NULL) != 0)
			continue;
		/* Says that a seat whose lock is held may be that of a dead participant. It excludes no process. */
		if (!told && try_lock(fd, L_LOCK_RECOVERY, false, NULL) != 1)
			return n;
		told = true;
		if (try_lock(fd, seat_byte(i), true, NULL) != 1)
			continue;
		if (is_dirty(r, i)) { /* still, now that no other process can change it */
			sweep(r, fd, i);
			store32(seat32(r, i, L_SEAT_STATE), L_SEAT_CLEAN);
			n++;
		}
		unlock(fd, seat_byte(i));
	}
	if (told)
		unlock(fd, L_LOCK_RECOVERY);
	clear_slowest(r, fd);
	return n;
}

int shmq_recover_now(shmq *q)
{
	int rc = begin(q, 0);
	return rc < 0 ? rc : recover_all(&q->r, q->fd, q->seat);
}
