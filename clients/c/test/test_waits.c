/* Waits: time-outs, cancel words, several queues at once, event loops, ends of streams. The threads here make this
 * the test for ThreadSanitizer, too. */
#include "test.h"
#include <pthread.h>
#include <stdbool.h>

enum { RECORDS = 20000 };

static struct shmq_error e;

struct worker {
	pthread_t thread;
	shmq *q;
	uint64_t n, sum;
	int rc;
};

static void *produce(void *arg)
{
	struct worker *w = arg;
	for (uint64_t i = 1; i <= w->n; i++)
		if ((w->rc = shmq_send(w->q, &i, sizeof i, SHMQ_FOREVER)) != 0)
			return NULL;
	w->rc = shmq_finish(w->q, NULL);
	return NULL;
}

static void *consume(void *arg)
{
	struct worker *w = arg;
	int64_t n;
	uint64_t v;
	while ((n = shmq_receive(w->q, &v, sizeof v, SHMQ_FOREVER)) == sizeof v) {
		w->n++;
		w->sum += v;
	}
	w->rc = (int)n;
	shmq_close(w->q, NULL);
	return NULL;
}

static void threads(int mode, int flags)
{
	int producers = mode & 1 ? 1 : 2, consumers = mode & 2 ? 1 : 2;
	struct worker p[2] = {{0}}, c[2] = {{0}};
	uint64_t n = 0, sum = 0;
	test_make("q", mode, flags);
	for (int i = 0; i < consumers; i++)
		c[i].q = test_open("q", SHMQ_CONSUMER, SHMQ_UNTIL_END);
	for (int i = 0; i < producers; i++) {
		p[i].q = test_open("q", SHMQ_PRODUCER, 0);
		p[i].n = RECORDS;
	}
	for (int i = 0; i < producers; i++)
		CHECK(pthread_create(&p[i].thread, NULL, produce, &p[i]) == 0);
	for (int i = 0; i < consumers; i++)
		CHECK(pthread_create(&c[i].thread, NULL, consume, &c[i]) == 0);
	for (int i = 0; i < producers; i++) {
		pthread_join(p[i].thread, NULL);
		CHECK(p[i].rc == 0);
	}
	for (int i = 0; i < consumers; i++) {
		pthread_join(c[i].thread, NULL);
		CHECK(c[i].rc == SHMQ_E_END);
		n += c[i].n;
		sum += c[i].sum;
	}
	CHECK(n == (uint64_t)producers * RECORDS && sum == (uint64_t)producers * RECORDS * (RECORDS + 1) / 2);
}

static void *cancel_later(void *word)
{
	usleep(20000);
	shmq_cancel(word);
	return NULL;
}

static void cancelled(void)
{
	struct shmq_options o = SHMQ_OPTIONS_INIT;
	uint32_t word = 0;
	pthread_t t;
	char b[8];
	shmq *p, *c;
	test_make("q", 0, 0);
	o.cancel = &word;
	p = test_open_with("q", SHMQ_PRODUCER, &o);
	c = test_open_with("q", SHMQ_CONSUMER, &o);
	CHECK(pthread_create(&t, NULL, cancel_later, &word) == 0);
	GIVES(SHMQ_E_CANCELLED, shmq_receive(c, b, sizeof b, SHMQ_FOREVER), c);
	pthread_join(t, NULL);
	GIVES(SHMQ_E_CANCELLED, shmq_receive(c, b, sizeof b, SHMQ_FOREVER), c);
	GIVES(SHMQ_E_CANCELLED, shmq_wait(c, 0, SHMQ_FOREVER), c);
	GIVES(SHMQ_E_EMPTY, shmq_receive(c, b, sizeof b, 0), c);
	GIVES(0, shmq_send(p, "x", 1, SHMQ_FOREVER), p);
	GIVES(1, shmq_receive(c, b, sizeof b, SHMQ_FOREVER), c); /* what is there is had */
	while (shmq_send(p, "x", 1, 0) == 0)
		;
	GIVES(SHMQ_E_CANCELLED, shmq_send(p, "x", 1, SHMQ_FOREVER), p);
	__atomic_store_n(&word, 0, __ATOMIC_SEQ_CST);
	GIVES(SHMQ_E_TIMEOUT, shmq_send(p, "x", 1, 1000000), p);
	shmq_close(p, NULL);
	shmq_close(c, NULL);
}

/* Spinning ends by the argument's word, and by that of any handle. */
static void spinning_cancelled(void)
{
	struct shmq_options o = SHMQ_OPTIONS_INIT;
	uint32_t words[2] = {0, 0};
	struct shmq_member m[2];
	o.wait = SHMQ_SPIN;
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "q1" : "q0";
		test_make(name, i, 0);
		o.cancel = i ? &words[0] : NULL;
		m[i] = (struct shmq_member){test_open_with(name, SHMQ_CONSUMER, &o), 0};
	}
	for (int i = 0; i < 2; i++) {
		pthread_t t;
		CHECK(pthread_create(&t, NULL, cancel_later, &words[i]) == 0);
		CHECK(shmq_wait_any(m, 2, &words[1], NULL, SHMQ_FOREVER) == SHMQ_E_CANCELLED);
		pthread_join(t, NULL);
		words[i] = 0;
	}
	CHECK(shmq_wait_any(m, 2, &words[1], NULL, 1000000) == SHMQ_E_TIMEOUT);
	shmq_close(m[0].q, NULL);
	shmq_close(m[1].q, NULL);
}

static void *send_later(void *q)
{
	usleep(20000);
	CHECK(shmq_send(q, "late", 4, 0) == 0);
	return NULL;
}

static void several(void)
{
	struct shmq_member m[3];
	size_t turn = 2;
	uint32_t word = 1;
	pthread_t t;
	shmq *p[2], *c[2];
	char b[8];
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "q1" : "q0";
		test_make(name, i, 0);
		p[i] = test_open(name, SHMQ_PRODUCER, 0);
		c[i] = test_open(name, SHMQ_CONSUMER, SHMQ_UNTIL_END);
		m[i] = (struct shmq_member){c[i], 0};
	}
	CHECK(shmq_wait_any(m, 2, NULL, &turn, 0) == SHMQ_E_TIMEOUT);
	CHECK(shmq_wait_any(m, 2, NULL, &turn, 3000000) == SHMQ_E_TIMEOUT);
	CHECK(shmq_wait_any(m, 2, &word, &turn, SHMQ_FOREVER) == SHMQ_E_CANCELLED);
	CHECK(shmq_wait_any(m, 0, NULL, NULL, 0) == SHMQ_E_MISUSE);
	CHECK(pthread_create(&t, NULL, send_later, p[1]) == 0);
	CHECK(shmq_wait_any(m, 2, NULL, &turn, SHMQ_FOREVER) == 1 && turn == 1);
	pthread_join(t, NULL);
	GIVES(4, shmq_receive(c[1], b, sizeof b, 0), c[1]);
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < 3; j++)
			GIVES(0, shmq_send(p[i], "x", 1, 0), p[i]);
	for (int j = 0; j < 6; j++) { /* each has its turn */
		int i = shmq_wait_any(m, 2, NULL, &turn, 0);
		CHECK(i == j % 2);
		GIVES(1, shmq_receive(c[i], b, sizeof b, 0), c[i]);
	}
	m[2] = (struct shmq_member){p[0], 1};
	CHECK(shmq_wait_any(m, 3, NULL, NULL, 0) == 2); /* room */
	CHECK(shmq_finish(p[1], NULL) == 0);
	CHECK(shmq_wait_any(m, 2, NULL, NULL, SHMQ_FOREVER) == 1);
	GIVES(SHMQ_E_END, shmq_receive(c[1], b, sizeof b, 0), c[1]);
	shmq_close(p[0], NULL);
	shmq_close(c[0], NULL);
	shmq_close(c[1], NULL);
}

/* The sleep in another thread than the handle. */
static void *sleep_on(void *word)
{
	int rc = shmq_wait_words(word, 1, NULL, SHMQ_FOREVER);
	CHECK(rc == 0 || rc == 1);
	return NULL;
}

struct sleep {
	struct shmq_word words[3];
	uint32_t cancel;
	int rc;
};

static void *sleep_on_three(void *arg)
{
	struct sleep *s = arg;
	s->rc = shmq_wait_words(s->words, 3, &s->cancel, SHMQ_FOREVER);
	return NULL;
}

/* A wake-up is told, and which one it was, also where the sleep is cancelled at the same time: it changes no word, so
 * the owner would never learn of it otherwise. */
static void which_was_woken(void)
{
	static const char *names[3] = {"w0", "w1", "w2"};
	struct shmq_counters before, after;
	struct sleep s = {.cancel = 0};
	shmq *p[3], *c[3];
	pthread_t t;
	char b[8];
	int told = 0;
	for (int i = 0; i < 3; i++) {
		test_make(names[i], 0, 0);
		p[i] = test_open(names[i], SHMQ_PRODUCER, 0);
		c[i] = test_open(names[i], SHMQ_CONSUMER, 0);
	}
	CHECK(shmq_wait_words(NULL, 0, NULL, 0) == SHMQ_E_MISUSE);
	for (int round = 0; told < 60; round++) {
		int i = round % 3;
		for (int j = 0; j < 3; j++)
			GIVES(SHMQ_E_EMPTY, shmq_arm(c[j], 0, &s.words[j]), c[j]);
		s.cancel = 0;
		CHECK(shmq_counters(p[i], &before) == 0);
		CHECK(pthread_create(&t, NULL, sleep_on_three, &s) == 0);
		for (int pause = 0; pause < round % 64; pause++)
			sched_yield();
		GIVES(0, shmq_send(p[i], "x", 1, 0), p[i]);
		shmq_cancel(&s.cancel);
		pthread_join(t, NULL);
		CHECK(shmq_counters(p[i], &after) == 0);
		if (after.wakes > before.wakes) { /* it slept, and was woken */
			CHECK(s.rc == 1 + i);
			told++;
		} else {
			CHECK(s.rc == 0 || s.rc == SHMQ_E_CANCELLED);
		}
		GIVES(1, shmq_receive(c[i], b, sizeof b, 0), c[i]);
	}
	for (int i = 0; i < 3; i++) {
		shmq_close(p[i], NULL);
		shmq_close(c[i], NULL);
	}
}

static void event_loop(void)
{
	struct shmq_word w;
	pthread_t t;
	char b[8];
	shmq *p, *c;
	test_make("q", 0, 0);
	p = test_open("q", SHMQ_PRODUCER, 0);
	c = test_open("q", SHMQ_CONSUMER, 0);
	for (int i = 0; i < 50; i++) {
		GIVES(SHMQ_E_EMPTY, shmq_arm(c, 0, &w), c);
		CHECK(pthread_create(&t, NULL, sleep_on, &w) == 0);
		GIVES(0, shmq_send(p, "x", 1, 0), p);
		pthread_join(t, NULL);
		GIVES(0, shmq_arm(c, 0, &w), c);
		GIVES(1, shmq_receive(c, b, sizeof b, 0), c);
	}
	GIVES(0, shmq_disarm(c, 0), c);
	GIVES(0, shmq_arm(p, 10, &w), p);
	while (shmq_send(p, "x", 1, 0) == 0)
		;
	GIVES(SHMQ_E_FULL, shmq_arm(p, 10, &w), p);
	CHECK(shmq_wait_words(&w, 1, NULL, 1000000) == SHMQ_E_TIMEOUT);
	shmq_close(p, NULL);
	shmq_close(c, NULL);
}

/* A record that the others stood back for takes the turn along, also where its producer did not wait in the call. */
static void turn_ends(int reserves)
{
	struct shmq_word w;
	char b[512] = {0};
	void *space;
	shmq *p, *large, *c;
	test_make("q", 0, 0);
	p = test_open("q", SHMQ_PRODUCER, 0);
	large = test_open("q", SHMQ_PRODUCER, 0);
	c = test_open("q", SHMQ_CONSUMER, 0);
	while (shmq_send(p, "x", 1, 0) == 0)
		;
	GIVES(SHMQ_E_FULL, shmq_arm(large, sizeof b, &w), large);
	while (shmq_receive(c, b, sizeof b, 0) == 1)
		;
	GIVES(0, shmq_arm(large, sizeof b, &w), large);
	if (reserves) {
		GIVES(0, shmq_reserve(large, sizeof b, &space, 0), large);
		GIVES(0, shmq_send(p, "x", 1, 0), p);
		GIVES(0, shmq_commit(large, sizeof b), large);
	} else {
		GIVES(0, shmq_send(large, b, sizeof b, 0), large);
		GIVES(0, shmq_send(p, "x", 1, 0), p);
	}
	shmq_close(p, NULL);
	shmq_close(large, NULL);
	shmq_close(c, NULL);
}

static void ends(int mode, int flags)
{
	shmq *p, *c;
	char b[8];
	test_make("q", mode, flags);
	c = test_open("q", SHMQ_CONSUMER, SHMQ_UNTIL_END | SHMQ_STRICT);
	for (int i = 0; i < 3; i++) {
		p = test_open("q", SHMQ_PRODUCER, 0);
		CHECK(shmq_producer_attached(c) == 1);
		GIVES(0, shmq_send(p, "x", 1, 0), p);
		CHECK((i == 0 ? shmq_finish(p, &e) : i == 1 ? shmq_close(p, &e) : shmq_abandon(p, &e)) == 0);
		CHECK(shmq_producer_attached(c) == 0);
		GIVES(1, shmq_receive(c, b, sizeof b, SHMQ_FOREVER), c);
		GIVES(i == 0 ? SHMQ_E_END : SHMQ_E_BROKEN, shmq_receive(c, b, sizeof b, SHMQ_FOREVER), c);
		GIVES(i == 0 ? SHMQ_E_END : SHMQ_E_BROKEN, shmq_receive(c, b, sizeof b, 0), c); /* again */
		if (i == 1)
			GIVES(0, shmq_next_stream(c), c);
		GIVES(i == 0 ? SHMQ_E_END : i == 1 ? SHMQ_E_EMPTY : SHMQ_E_BROKEN, shmq_receive(c, b, sizeof b, 0), c);
	}
	shmq_close(c, NULL);
}

/* No end is told while another consumer has records in hand that it inherited and has not handed out. */
static void inherited(int flags)
{
	struct shmq_lease ls[3], l;
	shmq *p, *dead, *heir, *c;
	char b[8];
	test_make("q", 0, flags);
	p = test_open("q", SHMQ_PRODUCER, 0);
	dead = test_open("q", SHMQ_CONSUMER, 0);
	heir = test_open("q", SHMQ_CONSUMER, 0);
	c = test_open("q", SHMQ_CONSUMER, SHMQ_UNTIL_END);
	for (int i = 0; i < 3; i++)
		GIVES(0, shmq_send(p, "x", 1, 0), p);
	GIVES(3, shmq_lease_batch(dead, ls, 3, 0), dead);
	shmq_close(dead, NULL);
	GIVES(0, shmq_lease(heir, &l, 0), heir);
	CHECK(shmq_finish(p, &e) == 0);
	GIVES(SHMQ_E_EMPTY, shmq_receive(c, b, sizeof b, 0), c);
	GIVES(SHMQ_E_TIMEOUT, shmq_receive(c, b, sizeof b, 3000000), c);
	GIVES(1, shmq_receive(heir, b, sizeof b, 0), heir);
	GIVES(SHMQ_E_EMPTY, shmq_receive(c, b, sizeof b, 0), c);
	GIVES(1, shmq_receive(heir, b, sizeof b, 0), heir);
	GIVES(SHMQ_E_END, shmq_receive(c, b, sizeof b, SHMQ_FOREVER), c); /* what is leased was handed out */
	GIVES(1, shmq_ack(heir, &l), heir);
	shmq_close(heir, NULL);
	shmq_close(c, NULL);
}

static void removed(int mode)
{
	shmq *p, *c;
	char b[8];
	test_make("q", mode, 0);
	p = test_open("q", SHMQ_PRODUCER, 0);
	c = test_open("q", SHMQ_CONSUMER, 0);
	GIVES(0, shmq_send(p, "x", 1, 0), p);
	CHECK(shmq_remove("q", 1, &e) == 0);
	GIVES(SHMQ_E_REMOVED, shmq_check(p), p);
	GIVES(SHMQ_E_REMOVED, shmq_check(c), c);
	GIVES(SHMQ_E_REMOVED, shmq_send(p, "x", 1, 0), p);
	shmq_close(p, NULL);
	GIVES(1, shmq_receive(c, b, sizeof b, SHMQ_FOREVER), c);
	GIVES(SHMQ_E_REMOVED, shmq_receive(c, b, sizeof b, SHMQ_FOREVER), c);
	shmq_close(c, NULL);
}

/* A producer that was told once that the queue is gone is told so by each call. */
static void removed_for_good(int mode)
{
	struct shmq_member m;
	struct shmq_word w;
	shmq *p;
	int rc = SHMQ_E_FULL;
	test_make("q", mode, 0);
	p = test_open("q", SHMQ_PRODUCER, 0);
	while (shmq_send(p, "x", 1, 0) == 0)
		;
	CHECK(shmq_remove("q", 1, &e) == 0);
	while (rc == SHMQ_E_FULL)
		rc = shmq_arm(p, 1, &w);
	GIVES(SHMQ_E_REMOVED, rc, p);
	m = (struct shmq_member){p, 1};
	for (int i = 0; i < 3; i++) {
		GIVES(SHMQ_E_REMOVED, shmq_send(p, "x", 1, 0), p);
		GIVES(SHMQ_E_REMOVED, shmq_arm(p, 1, &w), p);
		GIVES(SHMQ_E_REMOVED, shmq_wait(p, 1, 0), p);
		GIVES(SHMQ_E_REMOVED, shmq_check(p), p);
		CHECK(shmq_wait_any(&m, 1, NULL, NULL, 0) == 0);
	}
	shmq_close(p, NULL);
}

/* With one participant at work at a time, a look says what the call does, whatever happened before. */
static void looks(int mode, unsigned seed)
{
	static const size_t sizes[] = {0, 20, 100, 512};
	shmq *p = NULL, *c = NULL;
	struct shmq_lease held[64];
	size_t open = 0;
	char data[512] = {0};
	void *room;
	test_make("q", mode, 0);
	p = test_open("q", SHMQ_PRODUCER, 0);
	c = test_open("q", SHMQ_CONSUMER, 0);
	srand(seed);
	for (int i = 0; i < 2000; i++) {
		size_t size = sizes[rand() % 4], at = open > 0 ? (size_t)rand() % open : 0;
		int looked, rc = 0, op = rand() % 9;
		if (op < 3) {
			looked = shmq_wait(p, size, 0);
			rc = shmq_try_send(p, data, size);
			GIVES(looked, rc, p);
		} else if (op == 3) {
			if (shmq_reserve(p, size, &room, 0) == 0)
				GIVES(0, shmq_abort(p), p);
		} else if (op < 7 && open < 64) {
			looked = shmq_wait(c, 0, 0);
			rc = shmq_try_lease(c, &held[open]);
			GIVES(looked, rc, c);
			open += rc == 0;
		} else if (open > 0) {
			GIVES(1, op == 7 ? shmq_ack(c, &held[at]) : shmq_release(c, &held[at]), c);
			held[at] = held[--open];
		}
	}
	GIVES(0, shmq_close(p, NULL), p);
	GIVES(0, shmq_close(c, NULL), c);
}

/* A ring in which most slots are of claims that became no record. A consumer that only looks passes over them, or a producer that needs
 * their slots and the consumer would wait for each other. */
static void passed_over(int mode, bool arm)
{
	shmq *p, *c;
	struct shmq_word word;
	char large[8 * 64] = {0};
	void *room;
	test_make("q", mode, 0);
	p = test_open("q", SHMQ_PRODUCER, 0);
	c = test_open("q", SHMQ_CONSUMER, 0);
	for (size_t size = sizeof large; size >= sizeof large / 2; size /= 2) {
		GIVES(0, shmq_reserve(p, size, &room, 0), p);
		GIVES(0, shmq_abort(p), p);
	}
	if (arm)
		GIVES(SHMQ_E_EMPTY, shmq_arm(c, 0, &word), c);
	else
		GIVES(SHMQ_E_EMPTY, shmq_wait(c, 0, 0), c);
	GIVES(0, shmq_try_send(p, large, sizeof large), p);
	GIVES(sizeof large, shmq_try_receive(c, large, sizeof large), c);
	GIVES(0, shmq_close(p, NULL), p);
	GIVES(0, shmq_close(c, NULL), c);
}

int main(void)
{
	test_enter();
	for (int mode = 0; mode < MODES; mode++) {
		for (int flags = 0; flags < FLAGS; flags += 3)
			threads(mode, flags);
		for (int flags = 0; flags < FLAGS; flags++)
			ends(mode, flags);
		removed(mode);
		removed_for_good(mode);
		for (unsigned seed = 0; seed < 20; seed++)
			looks(mode, seed);
		passed_over(mode, false);
		passed_over(mode, true);
	}
	for (int reserves = 0; reserves < 2; reserves++)
		turn_ends(reserves);
	for (int flags = 0; flags < FLAGS; flags++)
		inherited(flags);
	cancelled();
	spinning_cancelled();
	several();
	event_loop();
	which_was_woken();
	return 0;
}
