#include "handle.h"
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Waits that take nothing: for one handle, for several, and in two parts for event loops. They are the
 * hand-shake of park.c with the words of all handles, and one barrier between all the announcements and the
 * second look. One sleep may use up a wake-up of each word, and a wake-up stands for a record that somebody
 * has to take: so after a sleep the others are woken for what is in the queues that are not returned.
 */
static bool is_ready(shmq *q, uint64_t size) { return q->role == SHMQ_CONSUMER ? peek_record(q) : peek_room(q, size); }

static a32 *word_of(shmq *q) { return q->role == SHMQ_CONSUMER ? q->data_futex : q->room_futex; }

/* What a try would be told that finds nothing; 0 for nothing, PASSED if the next one may find something. */
static int nothing(shmq *q)
{
	int rc;
	if (q->role == SHMQ_CONSUMER) {
		rc = missed(q);
		return rc == SHMQ_E_EMPTY ? 0 : rc;
	}
	notify_filler(q);
	return missed_room(q);
}

static void pass_on(shmq *q)
{
	if (q->role == SHMQ_CONSUMER)
		pass_on_record(q);
	else
		pass_on_room(q);
}

/* A producer that waits for several slots asks for the turn, anew before each sleep. */
static bool is_large(const shmq *q, uint64_t size) { return q->role == SHMQ_PRODUCER && q->r.many_producers && size > q->r.area; }

static void before_sleep(shmq *q, uint64_t size)
{
	bool gave = false;
	if (q->role == SHMQ_CONSUMER) {
		idle_consumer(q);
		return;
	}
	notify_filler(q);
	if (is_large(q, size) && ask_turn(q, &gave) && gave)
		count_wakes(q, wake_all(q->room_futex));
}

static void recall(shmq *q, uint64_t size)
{
	if (is_large(q, size))
		end_turn(q);
}

/* One look; 1: ready, 0: not, or what the try is told. */
static int look(shmq *q, uint64_t size)
{
	if (is_ready(q, size))
		return 1;
	return atomic_load_explicit(&q->hit, memory_order_relaxed) != 0 ? lose(q) : 0;
}

static int peeked(shmq *q, struct attempt *a)
{
	int rc = look(q, a->n);
	return rc != 0 ? (rc < 0 ? rc : 0) : q->role == SHMQ_CONSUMER ? SHMQ_E_EMPTY : SHMQ_E_FULL;
}

int shmq_wait(shmq *q, size_t size, int64_t timeout)
{
	struct attempt a = {.run = peeked, .n = size};
	int rc = begin(q, 0);
	if (rc < 0)
		return rc;
	rc = peeked(q, &a);
	if (rc == SHMQ_E_EMPTY)
		rc = timeout != 0 ? wait_record(q, &a, timeout) : missed_record(q, &a);
	else if (rc == SHMQ_E_FULL && timeout != 0)
		rc = wait_room(q, &a, size, timeout);
	else if (rc == SHMQ_E_FULL && (rc = nothing(q)) == 0)
		rc = SHMQ_E_FULL;
	return rc < 0 ? failed(q, rc) : 0;
}

int shmq_arm(shmq *q, size_t size, struct shmq_word *word)
{
	int rc = begin(q, 0), none;
	if (rc < 0)
		return rc;
	if (word == NULL)
		return failed(q, SHMQ_E_MISUSE);
	none = q->role == SHMQ_CONSUMER ? SHMQ_E_EMPTY : SHMQ_E_FULL;
	if ((rc = look(q, size)) != 0)
		return rc < 0 ? failed(q, rc) : 0;
	before_sleep(q, size);
	*word = (struct shmq_word){(uint32_t *)(void *)word_of(q), announce(word_of(q)), 0};
	barrier_all(q);
	if ((rc = look(q, size)) != 0 || (rc = nothing(q)) != 0)
		return rc < 0 && rc != PASSED ? failed(q, rc) : 0;
	if (q->role == SHMQ_CONSUMER)
		pass_over(q);
	count_waits(q);
	return none; /* no failure: there is nothing to be told */
}

int shmq_disarm(shmq *q, size_t size)
{
	int rc = begin_settling(q);
	if (rc < 0)
		return rc;
	recall(q, size);
	pass_on(q);
	return atomic_load_explicit(&q->hit, memory_order_relaxed) != 0 ? lose(q) : 0;
}

struct set {
	const struct shmq_member *members;
	size_t n, from;
	int64_t deadline;
	uint32_t *cancel;
	bool slept;
};

static const struct shmq_member *member(const struct set *s, size_t i, size_t *at)
{
	*at = (s->from + i) % s->n;
	return &s->members[*at];
}

/* Returns the first member that has something, or is told something; -1 for none. */
static int64_t look_at_all(const struct set *s, bool ask)
{
	size_t at;
	for (size_t i = 0; i < s->n; i++) {
		const struct shmq_member *m = member(s, i, &at);
		if (look(m->q, m->size) != 0 || (ask && nothing(m->q) != 0))
			return (int64_t)at;
	}
	return -1;
}

static bool any_cancelled(const struct set *s)
{
	if (s->cancel != NULL && load32((a32 *)(void *)s->cancel) != 0)
		return true;
	for (size_t i = 0; i < s->n; i++)
		if (is_cancelled(s->members[i].q))
			return true;
	return false;
}

static bool none_ready(shmq *q, void *with, int n)
{
	struct set *s = with;
	bool ask = n % 64 == 63;
	(void)q;
	return look_at_all(s, ask) < 0 && !(ask && any_cancelled(s));
}

/* Announces on all words, has one barrier executed, looks at all, and sleeps. */
static int64_t sleep_once(struct set *s)
{
	struct shmq_word words[SHMQ_MOST_MEMBERS];
	uint32_t *cancel = s->cancel;
	int64_t found, left = s->deadline == INT64_MAX ? INT64_MAX : s->deadline - now_ns();
	int rc;
	for (size_t i = 0; i < s->n; i++) {
		shmq *q = s->members[i].q;
		before_sleep(q, s->members[i].size);
		words[i] = (struct shmq_word){(uint32_t *)(void *)word_of(q), announce(word_of(q)), 0};
		if (cancel == NULL)
			cancel = q->cancel;
	}
	barrier_all(s->members[0].q);
	if ((found = look_at_all(s, true)) >= 0)
		return found;
	if (any_cancelled(s))
		return SHMQ_E_CANCELLED;
	if (left <= 0)
		return SHMQ_E_TIMEOUT;
	for (size_t i = 0; i < s->n; i++) {
		if (s->members[i].q->role == SHMQ_CONSUMER)
			pass_over(s->members[i].q);
		count_waits(s->members[i].q);
	}
	s->slept = true;
	if (s->members[0].q->unsure && left > SLICE_MS * 1000000)
		left = SLICE_MS * 1000000;
	rc = shmq_wait_words(words, s->n, cancel, left);
	if ((found = look_at_all(s, false)) >= 0)
		return found;
	if (rc == SHMQ_E_INTERRUPTED || rc == SHMQ_E_REFUSED || rc == SHMQ_E_CANCELLED)
		return rc;
	for (size_t i = 0; i < s->n; i++)
		if (beat_if_due(s->members[i].q) < 0)
			return (int64_t)i;
	return -1000; /* once more */
}

static int64_t wait_for_any(struct set *s)
{
	int64_t found = look_at_all(s, false);
	bool interruptible = false;
	if (found >= 0)
		return found;
	for (size_t i = 0; i < s->n; i++)
		interruptible |= s->members[i].q->interruptible;
	if (s->deadline == 0)
		return (found = look_at_all(s, true)) >= 0 ? found : any_cancelled(s) ? SHMQ_E_CANCELLED : SHMQ_E_TIMEOUT;
	while (spin(s->members[0].q, none_ready, s, s->deadline)) {
		if ((found = look_at_all(s, true)) >= 0)
			return found;
		if (s->members[0].q->policy != SHMQ_SPIN || any_cancelled(s))
			break;
	}
	for (;;) {
		found = sleep_once(s);
		if (found >= 0 || (found != -1000 && (found != SHMQ_E_INTERRUPTED || interruptible)))
			return found;
	}
}

int shmq_wait_any(const struct shmq_member *members, size_t n, uint32_t *cancel, size_t *turn, int64_t timeout)
{
	struct set s = {.members = members, .n = n, .from = turn ? *turn + 1 : 0, .cancel = cancel};
	int64_t found = -1;
	if (n == 0 || n > SHMQ_MOST_MEMBERS || members == NULL)
		return SHMQ_E_MISUSE;
	s.deadline = timeout == 0 ? 0 : deadline_of(timeout);
	for (size_t i = 0; i < n && found < 0; i++) {
		int rc = begin(members[i].q, 0);
		if (rc == SHMQ_E_MISUSE || rc == SHMQ_E_FORKED)
			return rc;
		if (rc < 0)
			found = (int64_t)i; /* the try says so */
	}
	if (found < 0)
		found = wait_for_any(&s);
	for (size_t i = 0; i < n; i++) {
		shmq *q = members[i].q;
		if ((int64_t)i == found || q->lost != 0)
			continue;
		recall(q, members[i].size);
		if (s.slept)
			pass_on(q);
	}
	if (found >= 0 && turn != NULL)
		*turn = (size_t)found;
	return (int)found;
}
