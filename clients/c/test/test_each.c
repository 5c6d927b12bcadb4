/* Queues of which each consumer gets every record. */
#include "test.h"
#include <sys/wait.h>

enum { SLOTS = 16 };

static void make(const char *name, int one, int skip, unsigned keep, int flags)
{
	struct shmq_error e;
	struct shmq_shape s = test_shape(one, flags);
	s.consumers = SHMQ_EACH;
	s.keep = keep;
	s.subscriptions = 4;
	s.flags |= skip ? SHMQ_SKIP : 0;
	shmq_remove(name, 1, NULL);
	if (shmq_create(name, &s, &e) != 0) {
		fprintf(stderr, "%s\n", e.text);
		exit(1);
	}
}

static shmq *subscribe(const char *name, const char *subscription, uint32_t flags)
{
	struct shmq_options o = SHMQ_OPTIONS_INIT;
	o.flags = SHMQ_NO_CREATE | flags;
	o.subscription = subscription;
	return test_open_with(name, SHMQ_CONSUMER, &o);
}

static int refused(const char *name, const char *subscription, uint32_t flags, const char *says)
{
	struct shmq_options o = SHMQ_OPTIONS_INIT;
	struct shmq_error e;
	shmq *q;
	int rc;
	o.flags = SHMQ_NO_CREATE | flags;
	o.subscription = subscription;
	rc = shmq_open(&q, name, SHMQ_CONSUMER, &o, &e);
	CHECK(rc < 0 && strstr(e.text, says) != NULL);
	return rc;
}

static void send_n(shmq *p, int from, int n)
{
	for (int i = from; i < from + n; i++)
		GIVES(0, shmq_send(p, &i, sizeof i, 0), p);
}

static void gets(shmq *c, int from, int n, unsigned redelivered)
{
	for (int i = from; i < from + n; i++) {
		int got = -1;
		GIVES((long long)sizeof got, shmq_receive(c, &got, sizeof got, 0), c);
		GIVES(i, got, c);
		GIVES(redelivered, shmq_redelivered(c), c);
	}
}

static void empty(shmq *c)
{
	char b;
	GIVES(SHMQ_E_EMPTY, shmq_receive(c, &b, 1, 0), c);
}

/* Each gets all that is sent while it is there; producers wait for the slowest. */
static void each_gets_all(int one, int flags)
{
	shmq *p, *a, *b, *late;
	struct shmq_lease ls[SLOTS];
	int i = 99;
	make("q", one, 0, 0, flags);
	p = test_open("q", SHMQ_PRODUCER, 0);
	a = test_open("q", SHMQ_CONSUMER, 0);
	b = test_open("q", SHMQ_CONSUMER, 0);
	send_n(p, 0, SLOTS);
	GIVES(SHMQ_E_FULL, shmq_send(p, &i, sizeof i, 0), p);
	gets(a, 0, SLOTS, 0);
	GIVES(SHMQ_E_FULL, shmq_send(p, &i, sizeof i, 0), p); /* b has nothing yet */
	late = test_open("q", SHMQ_CONSUMER, 0);
	GIVES(SLOTS, shmq_lease_batch(b, ls, SLOTS, 0), b);
	GIVES(1, shmq_ack(b, &ls[1]), b); /* out of order: the first holds the ring up */
	GIVES(SHMQ_E_FULL, shmq_send(p, &i, sizeof i, 0), p);
	GIVES(1, shmq_release(b, &ls[0]), b);
	GIVES(0, shmq_lease(b, &ls[0], 0), b);
	GIVES(1, ls[0].redelivered, b);
	GIVES(1, shmq_ack(b, &ls[0]), b);
	send_n(p, SLOTS, 2);
	gets(late, SLOTS, 2, 0);
	gets(a, SLOTS, 2, 0);
	empty(a);
	GIVES(SLOTS - 2, shmq_ack_batch(b, ls, SLOTS), b);
	gets(b, SLOTS, 2, 0);
	GIVES(0, shmq_close(b, NULL), b);
	GIVES(0, shmq_close(late, NULL), late);
	send_n(p, 100, SLOTS);
	gets(a, 100, SLOTS, 0);
	GIVES(0, shmq_close(a, NULL), a);
	send_n(p, 0, 5 * SLOTS); /* nobody is there to be waited for */
	GIVES(0, shmq_close(p, NULL), p);
}

static void what_is_kept(int one)
{
	shmq *p, *c;
	make("q", one, 0, 8, 0);
	p = test_open("q", SHMQ_PRODUCER, 0);
	send_n(p, 0, 100);
	c = subscribe("q", NULL, SHMQ_FROM_OLDEST);
	for (int i = 0, got, first = -1; shmq_receive(c, &got, sizeof got, 0) >= 0; i++) {
		first = first < 0 ? got : first;
		CHECK(first <= 92 && got == first + i);
	}
	CHECK(shmq_last_error(c)->code == SHMQ_E_EMPTY);
	shmq_close(c, NULL);
	/* What is kept need not begin with a record: one that begins with the oldest does. */
	for (int n = 0; n < 12; n++) {
		char large[150] = {(char)n}, got[150];
		int all = 0;
		GIVES(0, shmq_send(p, large, sizeof large, 0), p);
		c = subscribe("q", NULL, SHMQ_FROM_OLDEST);
		while (shmq_receive(c, got, sizeof got, 0) >= 0)
			all++;
		CHECK(all >= 2 && got[0] == n);
		shmq_close(c, NULL);
	}
	shmq_close(p, NULL);
}

/* A durable subscription stays, and holds producers up while it is away. */
static void durable(int one)
{
	shmq *p, *c;
	struct shmq_lease ls[4];
	struct shmq_info info;
	int i = 0;
	make("q", one, 0, 0, 0);
	p = test_open("q", SHMQ_PRODUCER, 0);
	c = subscribe("q", "audit", 0);
	send_n(p, 0, 4);
	GIVES(SHMQ_E_ROLE_TAKEN, refused("q", "audit", 0, "audit"), NULL);
	GIVES(4, shmq_lease_batch(c, ls, 4, 0), c);
	GIVES(1, shmq_ack(c, &ls[0]), c);
	shmq_close(c, NULL);
	GIVES(0, shmq_stat("q", &info, NULL), NULL);
	CHECK(info.depth == 3 && info.shape.consumers == SHMQ_EACH && info.shape.subscriptions == 4);
	send_n(p, 4, SLOTS - 3);
	GIVES(SHMQ_E_FULL, shmq_send(p, &i, sizeof i, 0), p);
	c = subscribe("q", "audit", SHMQ_FROM_OLDEST);
	gets(c, 1, 3, 1);
	gets(c, 4, 2, 0);
	shmq_close(c, NULL);
	send_n(p, 0, 5);
	GIVES(SHMQ_E_FULL, shmq_send(p, &i, sizeof i, 0), p); /* it stays, and is waited for */
	shmq_close(p, NULL);
}

/* The killed hold nobody up, whether a durable one of theirs stays or not. */
static void killed(int one)
{
	shmq *p, *c;
	pid_t pid;
	int status;
	make("q", one, 0, 0, 0);
	if ((pid = fork()) == 0) {
		struct shmq_lease l;
		shmq *a = subscribe("q", NULL, 0), *b = subscribe("q", "b", 0);
		p = test_open("q", SHMQ_PRODUCER, 0);
		send_n(p, 0, 3);
		CHECK(a != NULL && shmq_lease(b, &l, 0) == 0);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	p = test_open("q", SHMQ_PRODUCER, 0);
	send_n(p, 3, SLOTS - 3);
	c = subscribe("q", "b", 0);
	gets(c, 0, 1, 1);
	gets(c, 1, SLOTS - 1, 0);
	send_n(p, 0, SLOTS);
	shmq_close(c, NULL);
	shmq_close(p, NULL);
}

/* One that is a lap behind goes on, and knows what it lost; so does its successor. */
static void lagging(int one, int flags)
{
	struct shmq_buffer bufs[SLOTS];
	int space[SLOTS], got;
	struct shmq_lost lost, again;
	struct shmq_lease l;
	shmq *p, *c;
	make("q", one, 1, 0, flags);
	p = test_open("q", SHMQ_PRODUCER, 0);
	c = subscribe("q", "d", 0);
	send_n(p, 0, 3);
	gets(c, 0, 3, 0);
	GIVES(SHMQ_E_OPTION, shmq_lease(c, &l, 0), c);
	CHECK(strstr(shmq_last_error(c)->text, "wait for no lease") != NULL);
	send_n(p, 3, 1);
	GIVES(SHMQ_E_SMALL, shmq_receive(c, &got, 1, 0), c); /* is kept for a larger buffer, and then overwritten */
	GIVES(4, (long long)shmq_pending_size(c), c);
	send_n(p, 4, 100);
	GIVES(SHMQ_E_LAGGED, shmq_receive(c, &got, sizeof got, 0), c);
	GIVES(0, shmq_lost(c, &lost), c);
	CHECK(lost.from == 3 && lost.to > 104 - SLOTS && lost.to < 104 && lost.all == lost.to - 3);
	CHECK(strstr(shmq_last_error(c)->text, "positions 3 to") != NULL);
	for (int i = 0; i < SLOTS; i++)
		bufs[i] = (struct shmq_buffer){&space[i], sizeof space[i], 0, 0, 0};
	GIVES((long long)(104 - lost.to), shmq_receive_batch(c, bufs, SLOTS, 0), c);
	for (int i = 0; i < (int)(104 - lost.to); i++)
		GIVES((long long)lost.to + i, space[i], c);
	empty(c);
	send_n(p, 104, 50);
	shmq_close(c, NULL); /* it was not told of these */
	c = subscribe("q", "d", 0);
	GIVES(0, shmq_lost(c, &again), c);
	GIVES((long long)lost.all, (long long)again.all, c);
	GIVES(SHMQ_E_LAGGED, shmq_receive_batch(c, bufs, SLOTS, 0), c);
	shmq_close(c, NULL);
	c = subscribe("q", "d", 0); /* the jump was told to the one that left */
	GIVES(0, shmq_lost(c, &again), c);
	gets(c, (int)(104 + 50) - (int)(154 - 104 - (again.all - lost.all)), 1, 0);
	shmq_close(c, NULL);
	shmq_close(p, NULL);
}

static void ends(int one)
{
	shmq *p, *a, *b;
	char c;
	make("q", one, 0, 0, 0);
	p = test_open("q", SHMQ_PRODUCER, 0);
	a = subscribe("q", NULL, SHMQ_UNTIL_END);
	b = subscribe("q", "b", SHMQ_UNTIL_END);
	send_n(p, 0, 3);
	GIVES(0, shmq_finish(p, NULL), p);
	gets(a, 0, 3, 0);
	GIVES(SHMQ_E_END, shmq_receive(a, &c, 1, SHMQ_FOREVER), a);
	shmq_close(b, NULL);
	p = test_open("q", SHMQ_PRODUCER, 0);
	send_n(p, 3, 1);
	b = subscribe("q", "b", SHMQ_UNTIL_END);
	gets(b, 0, 3, 0);
	GIVES(SHMQ_E_END, shmq_receive(b, &c, 1, SHMQ_FOREVER), b);
	GIVES(0, shmq_next_stream(b), b);
	gets(b, 3, 1, 0);
	gets(a, 3, 1, 0);
	shmq_close(a, NULL);
	shmq_close(b, NULL);
	b = subscribe("q", "b", SHMQ_UNTIL_END); /* the end that it was told before is not told again */
	empty(b);
	GIVES(0, shmq_close(p, NULL), p);
	GIVES(SHMQ_E_END, shmq_receive(b, &c, 1, SHMQ_FOREVER), b);
	shmq_close(b, NULL);
	b = subscribe("q", "b", SHMQ_UNTIL_END); /* nor is this one, at which it stands */
	empty(b);
	shmq_close(b, NULL);
}

static void bad_options(void)
{
	struct shmq_shape s = test_shape(0, 0);
	struct shmq_error e;
	char name[70];
	shmq *all[5];
	GIVES(0, shmq_create("shared", &s, &e), NULL);
	GIVES(SHMQ_E_OPTION, refused("shared", "a", 0, "SHMQ_EACH"), NULL);
	GIVES(SHMQ_E_OPTION, refused("shared", NULL, SHMQ_FROM_OLDEST, "SHMQ_EACH"), NULL);
	s.keep = 1;
	GIVES(SHMQ_E_OPTION, shmq_create("x", &s, &e), NULL);
	s.consumers = SHMQ_EACH;
	s.keep = 17;
	GIVES(SHMQ_E_OPTION, shmq_create("x", &s, &e), NULL);
	s.keep = 1;
	s.flags = SHMQ_SKIP;
	GIVES(SHMQ_E_OPTION, shmq_create("x", &s, &e), NULL);
	s.keep = 0;
	s.subscriptions = 4097;
	GIVES(SHMQ_E_OPTION, shmq_create("x", &s, &e), NULL);
	s.subscriptions = 0;
	s.consumers = SHMQ_MANY;
	GIVES(SHMQ_E_OPTION, shmq_create("x", &s, &e), NULL);
	make("q", 0, 0, 0, 0);
	memset(name, 'n', sizeof name);
	name[65] = 0;
	GIVES(SHMQ_E_OPTION, refused("q", name, 0, "ASCII"), NULL);
	GIVES(SHMQ_E_OPTION, refused("q", "", 0, "ASCII"), NULL);
	GIVES(SHMQ_E_OPTION, refused("q", "a\n", 0, "ASCII"), NULL);
	name[64] = 0;
	for (int i = 0; i < 4; i++)
		all[i] = subscribe("q", i == 0 ? name : NULL, 0);
	GIVES(SHMQ_E_NO_SEAT, refused("q", NULL, 0, "all 4 subscriptions"), NULL);
	for (int i = 0; i < 4; i++)
		shmq_close(all[i], NULL);
}

int main(void)
{
	test_enter();
	for (int one = 0; one < 2; one++) {
		for (int flags = 0; flags < FLAGS; flags++) {
			each_gets_all(one, flags);
			lagging(one, flags);
		}
		what_is_kept(one);
		durable(one);
		killed(one);
		ends(one);
	}
	bad_options();
	return 0;
}
