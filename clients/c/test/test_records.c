/* Records in and out, in all four combinations of roles, with and without checksums and time stamps. */
#include "test.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS = 4096, OVERWRITES = 3000 };

static char data[1024], buf[1024];

static size_t size_of(int i) { return (size_t)(i * 37) % 500; }

static void copies(int mode, int flags)
{
	shmq *p, *c;
	test_make("q", mode, flags);
	p = test_open("q", SHMQ_PRODUCER, 0);
	c = test_open("q", SHMQ_CONSUMER, 0);
	for (int i = 0; i < 1000; i++) {
		size_t n = size_of(i);
		memset(data, i, n);
		GIVES(0, shmq_send(p, data, n, 0), p);
		memset(buf, 0, sizeof buf);
		GIVES((long long)n, shmq_receive(c, buf, sizeof buf, 0), c);
		CHECK(memcmp(buf, data, n) == 0);
		CHECK(shmq_redelivered(c) == 0);
		CHECK((shmq_sent_at(c) != 0) == ((flags & SHMQ_TIMESTAMPS) != 0));
	}
	GIVES(SHMQ_E_EMPTY, shmq_receive(c, buf, sizeof buf, 0), c);
	GIVES(SHMQ_E_TIMEOUT, shmq_receive(c, buf, sizeof buf, 1000000), c);
	GIVES(SHMQ_E_TOO_LARGE, shmq_send(p, data, 16 / 2 * 64 + 1, 0), p);
	CHECK(strstr(shmq_last_error(p)->text, "\"q\"") != NULL && strstr(shmq_last_error(p)->text, "512 bytes") != NULL);
	GIVES(SHMQ_E_MISUSE, shmq_send(c, data, 1, 0), c);
	GIVES(SHMQ_E_MISUSE, shmq_receive(p, buf, 1, 0), p);
	GIVES(0, shmq_close(p, NULL), p);
	GIVES(0, shmq_close(c, NULL), c);
}

static void full(int mode, int flags)
{
	shmq *p, *c;
	int sent = 0;
	test_make("q", mode, flags);
	p = test_open("q", SHMQ_PRODUCER, 0);
	c = test_open("q", SHMQ_CONSUMER, 0);
	while (shmq_send(p, "0123456789", 10, 0) == 0)
		sent++;
	GIVES(16, sent, p);
	GIVES(SHMQ_E_FULL, shmq_send(p, "x", 1, 0), p);
	GIVES(SHMQ_E_TIMEOUT, shmq_send(p, "x", 1, 2000000), p);
	for (int i = 0; i < 16; i++)
		GIVES(10, shmq_receive(c, buf, 10, 0), c);
	GIVES(0, shmq_send(p, "x", 1, 0), p);
	shmq_close(p, NULL);
	shmq_close(c, NULL);
}

static void small_buffers(int mode, int flags)
{
	struct shmq_lease l;
	shmq *p, *c;
	test_make("q", mode, flags);
	p = test_open("q", SHMQ_PRODUCER, 0);
	c = test_open("q", SHMQ_CONSUMER, 0);
	memset(data, 'd', 100);
	for (int i = 0; i < 3; i++)
		GIVES(0, shmq_send(p, data, 30 + 35 * (size_t)i, 0), p); /* in the line, in one slot, in two */
	for (int i = 0; i < 2; i++) {
		GIVES(SHMQ_E_SMALL, shmq_receive(c, buf, 5, 0), c);
		GIVES(30 + 35 * i, (long long)shmq_pending_size(c), c);
		GIVES(SHMQ_E_SMALL, shmq_receive(c, buf, 5, -1), c);
		GIVES(30 + 35 * i, shmq_receive(c, buf, sizeof buf, 0), c);
		CHECK(shmq_pending_size(c) == 0);
	}
	GIVES(SHMQ_E_SMALL, shmq_receive(c, buf, 5, 0), c);
	GIVES(0, shmq_lease(c, &l, 0), c); /* the same one */
	GIVES(100, (long long)l.size, c);
	GIVES(1, shmq_ack(c, &l), c);
	GIVES(SHMQ_E_EMPTY, shmq_receive(c, buf, 5, 0), c);
	GIVES(0, shmq_send(p, data, 90, 0), p);
	GIVES(SHMQ_E_SMALL, shmq_receive(c, buf, 5, 0), c);
	shmq_close(c, NULL); /* and it comes again */
	c = test_open("q", SHMQ_CONSUMER, 0);
	GIVES(90, shmq_receive(c, buf, sizeof buf, 0), c);
	shmq_close(p, NULL);
	shmq_close(c, NULL);
}

static void batches(int mode, int flags)
{
	struct shmq_bytes out[8];
	struct shmq_buffer in[8];
	static char room[8][256];
	shmq *p, *c;
	test_make("q", mode, flags);
	p = test_open("q", SHMQ_PRODUCER, 0);
	c = test_open("q", SHMQ_CONSUMER, 0);
	for (int round = 0; round < 200; round++) {
		int n = 1 + round % 8, got = 0;
		for (int i = 0; i < n; i++) {
			memset(room[i], 0, sizeof room[i]);
			out[i] = (struct shmq_bytes){data, (size_t)((round + i) % 3 == 0 ? 90 : i * 5)};
			in[i] = (struct shmq_buffer){room[i], sizeof room[i], 0, 0, 0};
		}
		memset(data, round, sizeof data);
		for (int sent = 0; sent < n || got < n;) {
			int64_t k = sent < n ? shmq_send_batch(p, out + sent, (size_t)(n - sent), 0) : 0;
			if (k != SHMQ_E_FULL) {
				CHECK(k >= 0);
				sent += (int)k;
			}
			k = shmq_receive_batch(c, in + got, (size_t)(n - got), 0);
			if (k != SHMQ_E_EMPTY) {
				CHECK(k > 0);
				got += (int)k;
			}
		}
		for (int i = 0; i < n; i++)
			CHECK(in[i].size == out[i].size && memcmp(in[i].data, data, in[i].size) == 0 && in[i].redelivered == 0);
	}
	GIVES(0, shmq_send(p, data, 100, 0), p);
	in[0].cap = 10;
	GIVES(SHMQ_E_SMALL, shmq_receive_batch(c, in, 1, 0), c);
	in[0].cap = 256;
	GIVES(1, shmq_receive_batch(c, in, 1, 0), c);
	shmq_close(p, NULL);
	shmq_close(c, NULL);
}

static void reservations(int mode, int flags)
{
	void *to;
	shmq *p, *c;
	test_make("q", mode, flags);
	p = test_open("q", SHMQ_PRODUCER, 0);
	c = test_open("q", SHMQ_CONSUMER, 0);
	for (int i = 0; i < 100; i++) {
		GIVES(SHMQ_E_NOT_RESERVED, shmq_commit(p, 0), p);
		GIVES(0, shmq_reserve(p, 150, &to, 0), p);
		CHECK((uintptr_t)to % 8 == 0);
		GIVES(SHMQ_E_RESERVED, shmq_send(p, "x", 1, 0), p);
		GIVES(SHMQ_E_RESERVED, shmq_reserve(p, 1, &to, 0), p);
		if (i % 3 == 0) {
			GIVES(0, shmq_abort(p), p);
			GIVES(SHMQ_E_EMPTY, shmq_receive(c, buf, sizeof buf, 0), c);
			continue;
		}
		GIVES(0, shmq_reserve(p, 150, &to, 0) == SHMQ_E_RESERVED ? 0 : 1, p);
		GIVES(SHMQ_E_NOT_RESERVED, shmq_commit(p, 151), p);
		GIVES(0, shmq_abort(p), p);
		GIVES(0, shmq_reserve(p, 150, &to, 0), p);
		memset(to, i, 120);
		GIVES(0, shmq_commit(p, 120), p);
		GIVES(120, shmq_receive(c, buf, sizeof buf, 0), c);
		CHECK(buf[0] == (char)i && buf[119] == (char)i);
	}
	shmq_close(p, NULL);
	shmq_close(c, NULL);
}

/* The bytes of a record stay until they are copied: a producer that waits for the slot writes to it at once. */
static void overwritten(int mode)
{
	static uint64_t to[WORDS], from[WORDS];
	struct shmq_options o = SHMQ_OPTIONS_INIT;
	struct shmq_shape s = test_shape(mode, 0);
	struct shmq_error e;
	shmq *c;
	int status;
	pid_t child;
	s.slots = 2;
	s.slot_size = sizeof to;
	o.flags = SHMQ_ANY_SHAPE;
	o.wait = SHMQ_SPIN;
	CHECK(shmq_create("o", &s, &e) == 0);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		shmq *p = test_open_with("o", SHMQ_PRODUCER, &o);
		for (uint64_t n = 0; n < OVERWRITES; n++) {
			size_t size = n % 2 ? 48 : sizeof from; /* in the line, and beside it */
			for (size_t i = 0; i < size / 8; i++)
				from[i] = n;
			GIVES(0, shmq_send(p, from, size, SHMQ_FOREVER), p);
		}
		shmq_close(p, NULL);
		_exit(0);
	}
	c = test_open_with("o", SHMQ_CONSUMER, &o);
	for (uint64_t n = 0; n < OVERWRITES; n++) {
		int64_t size = shmq_receive(c, to, sizeof to, SHMQ_FOREVER);
		GIVES(n % 2 ? 48 : (int64_t)sizeof to, size, c);
		for (int64_t i = 0; i < size / 8; i++)
			CHECK(to[i] == n);
	}
	shmq_close(c, NULL);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	CHECK(shmq_remove("o", 0, &e) == 0);
}

/* A record that would cross the end of the ring waits for its own slots and those before the end. */
static void behind_a_filler(int mode, int flags)
{
	shmq *p, *c;
	test_make("q", mode, flags);
	p = test_open("q", SHMQ_PRODUCER, 0);
	c = test_open("q", SHMQ_CONSUMER, 0);
	for (char i = 0; i < 15; i++)
		GIVES(0, shmq_send(p, &i, 1, 0), p);
	for (char i = 0; i < 15; i++) {
		if (i < 4) /* 4 slots behind the end take 5, with the last one before it */
			GIVES(SHMQ_E_FULL, shmq_send(p, data, 200, 0), p);
		else if (i == 4)
			GIVES(0, shmq_send(p, data, 200, 0), p);
		GIVES(1, shmq_receive(c, buf, sizeof buf, 0), c);
		CHECK(buf[0] == i);
	}
	GIVES(200, shmq_receive(c, buf, sizeof buf, 0), c);
	CHECK(memcmp(buf, data, 200) == 0);
	GIVES(SHMQ_E_EMPTY, shmq_receive(c, buf, sizeof buf, 0), c);
	shmq_close(p, NULL);
	shmq_close(c, NULL);
}

/* A byte of a record was changed, in its line or beside it: it is dropped, and the next one comes. */
static void torn(int mode, size_t size)
{
	struct shmq_info info;
	char path[128];
	uint8_t *map, *at;
	shmq *p, *c;
	int fd;
	test_make("q", mode, SHMQ_CHECKSUM);
	p = test_open("q", SHMQ_PRODUCER, 0);
	c = test_open("q", SHMQ_CONSUMER, 0);
	memset(data, 't', size);
	memcpy(data, "a record", 8);
	GIVES(0, shmq_send(p, data, size, 0), p);
	GIVES(0, shmq_send(p, "next", 4, 0), p);
	CHECK(shmq_stat("q", &info, NULL) == 0 && shmq_path("q", path, sizeof path, NULL) > 0);
	fd = open(path, O_RDWR);
	map = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED && (at = memmem(map, info.size, "a record", 8)) != NULL);
	at[7]++;
	munmap(map, info.size);
	close(fd);
	GIVES(4, shmq_receive(c, buf, sizeof buf, 0), c);
	CHECK(memcmp(buf, "next", 4) == 0);
	CHECK(shmq_stat("q", &info, NULL) == 0 && info.torn == 1);
	shmq_close(p, NULL);
	shmq_close(c, NULL);
}

int main(void)
{
	test_enter();
	for (int mode = 0; mode < MODES; mode++) {
		overwritten(mode);
		torn(mode, 20);
		torn(mode, 100);
		for (int flags = 0; flags < FLAGS; flags++) {
			copies(mode, flags);
			full(mode, flags);
			behind_a_filler(mode, flags);
			small_buffers(mode, flags);
			batches(mode, flags);
			reservations(mode, flags);
		}
	}
	return 0;
}
