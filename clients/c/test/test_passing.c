/* What one participant has to leave to others: wake-ups that it used up, and records behind what it was told. */
#include "mapped.h"

/* A consumer that passes over an end that is for another one has something to take, and is told to try. */
static void behind_an_end(int how)
{
	struct shmq_member m;
	struct shmq_word word;
	struct shmq_counters n;
	struct shmq_lease l;
	char b[8];
	struct shmq_buffer buffer = {.data = b, .cap = sizeof b};
	shmq *p, *c;
	test_make("q", 0, 0);
	shmq *busy = test_open("q", SHMQ_CONSUMER, SHMQ_UNTIL_END); /* the end is this one's, and it does not ask */
	CHECK(shmq_finish(test_open("q", SHMQ_PRODUCER, 0), NULL) == 0);
	p = test_open("q", SHMQ_PRODUCER, 0);
	GIVES(0, shmq_send(p, "x", 1, 0), p);
	c = test_open("q", SHMQ_CONSUMER, SHMQ_UNTIL_END);
	m = (struct shmq_member){c, 0};
	if (how == 0)
		GIVES(0, shmq_wait_any(&m, 1, NULL, NULL, SHMQ_FOREVER), c);
	else if (how == 1)
		GIVES(0, shmq_arm(c, 0, &word), c);
	else if (how == 2)
		GIVES(0, shmq_wait(c, 0, 0), c);
	CHECK(shmq_counters(c, &n) == 0 && n.waits == 0);
	if (how == 3)
		GIVES(0, shmq_lease(c, &l, 0), c);
	else if (how == 4)
		GIVES(1, shmq_receive_batch(c, &buffer, 1, 0), c);
	else
		GIVES(1, shmq_receive(c, b, sizeof b, 0), c);
	shmq_close(p, NULL);
	shmq_close(c, NULL);
	shmq_close(busy, NULL);
}

/* One whose buffer is too small keeps the record, and not the wake-up: behind it may be another. */
static void in_a_small_buffer(int batch)
{
	struct shmq_bytes two[] = {{"large", 5}, {"x", 1}};
	char b[2];
	struct shmq_buffer buffer = {.data = b, .cap = sizeof b};
	_Atomic uint32_t *word;
	shmq *p, *c;
	test_make("q", 0, 0);
	p = test_open("q", SHMQ_PRODUCER, 0);
	c = test_open("q", SHMQ_CONSUMER, 0);
	GIVES(2, shmq_send_batch(p, two, 2, 0), p);
	word = test_word("q", L_HOT_DATA_FUTEX);
	atomic_fetch_or(word, 1); /* as a sleeper does */
	GIVES(SHMQ_E_SMALL, batch ? shmq_receive_batch(c, &buffer, 1, 0) : shmq_receive(c, b, sizeof b, 0), c);
	CHECK((atomic_load(word) & 1) == 0);
	test_unmap(word, L_HOT_DATA_FUTEX);
	shmq_close(p, NULL);
	shmq_close(c, NULL);
}

/* A producer that is told that the queue is gone keeps what it has reserved, which it may be writing, until it commits:
 * then what others sent behind it, and were told that it was sent, is received. */
static void of_a_removed_queue(int mode)
{
	struct shmq_error e;
	char b[8];
	void *room;
	shmq *p, *q, *c;
	test_make("q", mode, 0);
	p = test_open("q", SHMQ_PRODUCER, 0);
	q = test_open("q", SHMQ_PRODUCER, 0);
	c = test_open("q", SHMQ_CONSUMER, 0);
	GIVES(0, shmq_reserve(p, 1, &room, 0), p);
	GIVES(0, shmq_send(q, "x", 1, 0), q);
	CHECK(shmq_remove("q", 1, &e) == 0);
	GIVES(SHMQ_E_REMOVED, shmq_check(p), p);
	GIVES(SHMQ_E_REMOVED, shmq_send(p, "x", 1, 0), p);
	GIVES(SHMQ_E_REMOVED, shmq_wait(p, 1, 0), p);
	CHECK(shmq_receive(c, b, sizeof b, 0) < 0);
	GIVES(SHMQ_E_REMOVED, shmq_commit(p, 1), p);
	GIVES(1, shmq_receive(c, b, sizeof b, 0), c);
	GIVES(0, shmq_abort(p), p);
	shmq_close(q, NULL);
	shmq_close(c, NULL);
	shmq_close(p, NULL);
}

static off_t read_queue(const char *name, char *to, size_t n)
{
	char path[128];
	int fd;
	ssize_t got;
	CHECK(shmq_path(name, path, sizeof path, NULL) > 0);
	fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	got = read(fd, to, n);
	close(fd);
	return got;
}

/* One that finds another queue in its file, when it leaves, touches nothing there. */
static void of_another_queue(int (*leave)(shmq *, struct shmq_error *), int want)
{
	static char other[1 << 16], after[1 << 16];
	struct shmq_error e;
	char path[128];
	void *room;
	shmq *p;
	off_t n;
	int fd;
	test_make("p", 0, 0);
	shmq_close(test_open("p", SHMQ_PRODUCER, 0), NULL);
	n = read_queue("p", other, sizeof other);
	CHECK(n > 0 && n < (off_t)sizeof other);
	test_make("q", 0, 0);
	p = test_open("q", SHMQ_PRODUCER, SHMQ_GUARD);
	GIVES(0, shmq_reserve(p, 1, &room, 0), p);
	CHECK(shmq_path("q", path, sizeof path, NULL) > 0);
	fd = open(path, O_WRONLY);
	CHECK(fd >= 0 && pwrite(fd, other, (size_t)n, 0) == n);
	close(fd);
	CHECK(leave(p, &e) == want);
	CHECK(read_queue("q", after, sizeof after) == n && memcmp(other, after, (size_t)n) == 0);
}

int main(void)
{
	test_enter();
	for (int how = 0; how < 6; how++)
		behind_an_end(how);
	for (int batch = 0; batch < 2; batch++)
		in_a_small_buffer(batch);
	of_a_removed_queue(0);
	of_a_removed_queue(2);
	of_another_queue(shmq_finish, SHMQ_E_TRUNCATED);
	of_another_queue(shmq_abandon, SHMQ_E_TRUNCATED);
	of_another_queue(shmq_close, SHMQ_E_TRUNCATED);
	return 0;
}
