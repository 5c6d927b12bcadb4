/*
 * A process that takes part in a queue and does what a test tells it, step by step: the same lines as those of
 * package internal/testagent, so that scenarios which are written once are played by programs in C, too.
 *
 * Each line is a command, each gets one line in reply, "ok" with a result, "err" with the name of the error and
 * its text, or "no" with a word and a reason where libshmq does not do that. The process ends when its input does.
 */
#include <pthread.h>
#include <shmq.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST_LEASES = 4096, MOST_LINE = 1 << 16 };

static shmq *out, *in;
static void *space;
static size_t reserved;
static struct shmq_lease leases[MOST_LEASES];
static size_t leased;
static char line[MOST_LINE];

static void err(int code, const char *text)
{
	static const struct {
		int code;
		const char *name;
	} names[] = {
		{SHMQ_E_END, "eof"}, {SHMQ_E_FULL, "full"}, {SHMQ_E_EMPTY, "empty"}, {SHMQ_E_ROLE_TAKEN, "role"},
		{SHMQ_E_NO_SEAT, "seat"}, {SHMQ_E_BROKEN, "broken"}, {SHMQ_E_TOO_LARGE, "large"}, {SHMQ_E_REMOVED, "removed"},
		{SHMQ_E_TRUNCATED, "truncated"}, {SHMQ_E_MISUSE, "closed"},
	};
	const char *name = "other";
	if (code == SHMQ_E_REBUILD) {
		printf("no rebuild %s\n", text);
		return;
	}
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i].code == code)
			name = names[i].name;
	printf("err %s %s\n", name, text);
}

static void reply(shmq *q, int64_t rc)
{
	if (rc >= 0)
		puts("ok ");
	else
		err((int)rc, shmq_last_error(q)->text);
}

static bool open_as(const char *name, enum shmq_role role, uint32_t flags, enum shmq_wait_policy wait, const char *subscription)
{
	struct shmq_options o = SHMQ_OPTIONS_INIT;
	struct shmq_error e;
	int rc;
	o.flags = SHMQ_NO_CREATE | SHMQ_GUARD | flags;
	o.wait = wait;
	o.subscription = subscription;
	rc = shmq_open(role == SHMQ_PRODUCER ? &out : &in, name, role, &o, &e);
	if (rc < 0)
		err(rc, e.text);
	return rc >= 0;
}

static bool open_end(const char *name, enum shmq_role role, uint32_t flags, enum shmq_wait_policy wait)
{
	return open_as(name, role, flags, wait, NULL);
}

/* QUEUE newest|oldest [NAME] */
static void subscribe(char *arg)
{
	char *name = strsep(&arg, " "), *from = strsep(&arg, " ");
	if (from == NULL)
		exit(1);
	if (open_as(name, SHMQ_CONSUMER, SHMQ_UNTIL_END | (strcmp(from, "oldest") == 0 ? SHMQ_FROM_OLDEST : 0), SHMQ_SPIN_THEN_PARK, arg))
		puts("ok ");
}

static void attach(const char *name, enum shmq_role role, uint32_t flags)
{
	if (open_end(name, role, flags, SHMQ_SPIN_THEN_PARK))
		puts("ok ");
}

/* The text itself, or with a * the text repeated: x*100. */
static char *payload(const char *arg, size_t *n)
{
	const char *star = strchr(arg, '*');
	size_t unit = star ? (size_t)(star - arg) : strlen(arg), times = star ? strtoull(star + 1, NULL, 10) : 1;
	char *b = malloc(unit * times + 1);
	if (b == NULL)
		exit(1);
	for (size_t i = 0; i < times; i++)
		memcpy(b + i * unit, arg, unit);
	*n = unit * times;
	return b;
}

static void send_one(const char *arg, int64_t timeout)
{
	size_t n;
	char *b = payload(arg, &n);
	reply(out, shmq_send(out, b, n, timeout));
	free(b);
}

/* Records of that size until an error. */
static void pump(const char *arg)
{
	size_t n = strtoull(arg, NULL, 10);
	char *b = malloc(n + 1);
	int rc;
	if (b == NULL)
		exit(1);
	memset(b, 'x', n);
	while ((rc = shmq_send(out, b, n, SHMQ_FOREVER)) == 0)
		;
	reply(out, rc);
	free(b);
}

static void sink(void)
{
	size_t cap = shmq_max_record(in);
	char *b = malloc(cap + 1);
	int64_t n;
	if (b == NULL)
		exit(1);
	while ((n = shmq_receive(in, b, cap, SHMQ_FOREVER)) >= 0)
		;
	reply(in, n);
	free(b);
}

/* Reads leases where they are; a file that was cut is told after that. */
static void describe(const struct shmq_lease *ls, size_t n)
{
	size_t all = 3, at;
	char *text;
	int rc;
	for (size_t i = 0; i < n; i++)
		all += 2 * ls[i].size + 24;
	if ((text = malloc(all)) == NULL)
		exit(1);
	at = (size_t)sprintf(text, "ok");
	for (size_t i = 0; i < n; i++) {
		at += (size_t)sprintf(text + at, " %u:", ls[i].redelivered);
		for (size_t j = 0; ls[i].data != NULL && j < ls[i].size; j++)
			at += (size_t)sprintf(text + at, "%02x", ((const unsigned char *)ls[i].data)[j]);
	}
	rc = shmq_check(in);
	if (rc == SHMQ_E_TRUNCATED || rc == SHMQ_E_NO_SPACE)
		err(rc, shmq_last_error(in)->text);
	else
		puts(n == 0 ? "ok " : text);
	free(text);
}

static void lease(size_t n, int64_t timeout)
{
	int64_t got;
	if (leased + n > MOST_LEASES)
		exit(1);
	if (n == 1)
		got = shmq_lease(in, &leases[leased], timeout) == 0 ? 1 : shmq_last_error(in)->code;
	else
		got = shmq_lease_batch(in, &leases[leased], n, timeout);
	if (got < 0) {
		reply(in, got);
		return;
	}
	leased += (size_t)got;
	describe(&leases[leased - (size_t)got], (size_t)got);
}

static void leave(int (*how)(shmq *, struct shmq_error *), shmq **q)
{
	struct shmq_error e;
	int rc = how(*q, &e);
	*q = NULL;
	if (rc < 0)
		err(rc, e.text);
	else
		puts("ok ");
}

static void fill(void)
{
	int rc;
	memset(space, 0xff, reserved / 2);
	rc = shmq_check(out);
	if (rc == SHMQ_E_TRUNCATED || rc == SHMQ_E_NO_SPACE)
		err(rc, shmq_last_error(out)->text);
	else
		puts("ok ");
}

/* ---- streams: records of all sizes, in all ways, as package internal/testagent has them ---- */

enum { HEAD_SIZE = 8, BATCH = 3 };

static uint32_t step(uint32_t x) { return x * 1664525 + 1013904223; }

/* Gives each size from least to most once, shuffled, and then again. */
static size_t next_size(uint32_t *x, size_t least, size_t most)
{
	static size_t sizes[MOST_LINE], left;
	size_t n = most - least + 1;
	if (left == 0) {
		for (size_t i = 0; i < n; i++)
			sizes[i] = most - i;
		for (size_t i = n - 1; i > 0; i--) { /* index 0 is the last to be given */
			size_t j, at = n - 1 - i, swap = sizes[at];
			*x = step(*x);
			j = n - 1 - (size_t)((uint64_t)*x * (i + 1) >> 32);
			sizes[at] = sizes[j];
			sizes[j] = swap;
		}
		left = n;
	}
	return sizes[--left];
}

static void pattern(uint8_t *to, size_t n, uint32_t sender, uint32_t seq)
{
	uint32_t x = sender * 2654435761u + seq * 40503u + 1;
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)((x = step(x)) >> 24);
}

static void write_record(uint8_t *b, size_t n, size_t least, uint32_t sender, uint32_t seq)
{
	size_t head = least >= HEAD_SIZE ? HEAD_SIZE : 0;
	if (head > 0) {
		memcpy(b, &sender, 4); /* libshmq is for little-endian machines */
		memcpy(b + 4, &seq, 4);
	}
	pattern(b + head, n - head, sender, seq);
}

static int64_t send_some(uint32_t *x, unsigned seq, unsigned count, unsigned sender, unsigned least, unsigned most)
{
	static uint8_t space_of[BATCH][MOST_LINE];
	struct shmq_bytes batch[BATCH];
	void *to;
	size_t n;
	int rc;
	if (seq % 7 == 0 && count - seq > 3) {
		for (unsigned i = 0; i < BATCH; i++) {
			n = next_size(x, least, most);
			write_record(space_of[i], n, least, sender, seq + i);
			batch[i] = (struct shmq_bytes){space_of[i], n};
		}
		return shmq_send_batch(out, batch, BATCH, SHMQ_FOREVER);
	}
	if (seq % 5 != 0 && seq % 11 == 0) {
		if ((rc = shmq_reserve(out, most < 100 ? most : 100, &to, SHMQ_FOREVER)) < 0 || (rc = shmq_abort(out)) < 0)
			return rc;
	}
	n = next_size(x, least, most);
	if (seq % 5 == 0) {
		if ((rc = shmq_reserve(out, most, &to, SHMQ_FOREVER)) < 0)
			return rc;
		write_record(to, n, least, sender, seq);
		rc = shmq_commit(out, n);
	} else {
		write_record(space_of[0], n, least, sender, seq);
		rc = shmq_send(out, space_of[0], n, SHMQ_FOREVER);
	}
	return rc < 0 ? rc : 1;
}

static void leave(int (*how)(shmq *, struct shmq_error *), shmq **q);

static void send_stream(const char *arg)
{
	unsigned sender, count, least, most, seq = 0;
	int64_t n = 0;
	uint32_t x;
	if (sscanf(arg, "%u %u %u %u", &sender, &count, &least, &most) != 4 || most >= MOST_LINE)
		exit(1);
	for (x = sender * 2654435761u + 1; seq < count; seq += (unsigned)n)
		if ((n = send_some(&x, seq, count, sender, least, most)) <= 0) {
			reply(out, n);
			return;
		}
	leave(shmq_close, &out);
}

struct stream {
	unsigned senders, count;
	char *got;     /* a digit for each record of each sender */
	int64_t *last; /* of each sender */
};

static bool check_record(struct stream *s, const uint8_t *b, size_t n, unsigned redelivered)
{
	static uint8_t want[MOST_LINE];
	uint32_t sender, seq;
	const char *wrong = NULL;
	if (n < HEAD_SIZE || n > MOST_LINE) {
		printf("err other a record of %zu bytes\n", n);
		return false;
	}
	memcpy(&sender, b, 4);
	memcpy(&seq, b + 4, 4);
	if (sender >= s->senders || seq >= s->count)
		wrong = "is not there";
	else {
		pattern(want, n - HEAD_SIZE, sender, seq);
		if (memcmp(want, b + HEAD_SIZE, n - HEAD_SIZE) != 0)
			wrong = "is torn";
		else if (seq <= s->last[sender])
			wrong = "is out of order";
		else if (redelivered != 0)
			wrong = "was delivered before";
	}
	if (wrong != NULL) {
		printf("err other record %u of sender %u %s\n", seq, sender, wrong);
		return false;
	}
	s->last[sender] = seq;
	s->got[sender * (s->count + 1) + seq]++;
	return true;
}

/* Receives in one of the ways; returns how many, an error, or 0 after a record that is wrong. */
static int64_t receive_some(struct stream *s, unsigned round)
{
	static uint8_t b[MOST_LINE];
	struct shmq_lease ls[BATCH];
	int64_t n;
	int rc;
	if (round % 3 == 2) {
		n = shmq_receive(in, b, sizeof b, SHMQ_FOREVER);
		return n < 0 ? n : check_record(s, b, (size_t)n, 0);
	}
	if (round % 3 == 1)
		n = (rc = shmq_lease(in, &ls[0], SHMQ_FOREVER)) < 0 ? rc : 1;
	else
		n = shmq_lease_batch(in, ls, BATCH, SHMQ_FOREVER);
	for (int64_t i = 0; i < n; i++) {
		if (!check_record(s, ls[i].data, ls[i].size, ls[i].redelivered))
			return 0;
		if ((rc = shmq_ack(in, &ls[i])) < 0)
			return rc;
	}
	return n;
}

static void receive_stream(const char *arg)
{
	struct stream s;
	int64_t n = 1;
	if (sscanf(arg, "%u %u", &s.senders, &s.count) != 2 || s.senders == 0)
		exit(1);
	s.got = malloc(s.senders * (s.count + 1));
	s.last = malloc(s.senders * sizeof *s.last);
	if (s.got == NULL || s.last == NULL)
		exit(1);
	memset(s.got, '0', s.senders * (s.count + 1));
	for (unsigned i = 0; i < s.senders; i++) {
		s.last[i] = -1;
		s.got[(i + 1) * (s.count + 1) - 1] = ' ';
	}
	s.got[s.senders * (s.count + 1) - 1] = 0;
	for (unsigned round = 0; n > 0; round++)
		n = receive_some(&s, round);
	if (n == SHMQ_E_END)
		printf("ok %s\n", s.got);
	else if (n < 0)
		reply(in, n);
	free(s.got);
	free(s.last);
}

/* ---- ---- */

static int64_t micros(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Sends what comes from one queue to another one, until it can't: then there is one more line. */
static void echo(char *from)
{
	char *to = strchr(from, ' '), b[64];
	int64_t n, start;
	int rc;
	if (to == NULL)
		exit(1);
	*to++ = 0;
	if (!open_end(from, SHMQ_CONSUMER, 0, SHMQ_PARK) || !open_end(to, SHMQ_PRODUCER, 0, SHMQ_SPIN_THEN_PARK))
		return;
	puts("ok ");
	while ((n = shmq_receive(in, b, sizeof b, SHMQ_FOREVER)) >= 0) {
		for (start = micros(); micros() - start < 40;) /* the other end falls asleep */
			;
		if ((rc = shmq_send(out, b, (size_t)n, 0)) < 0) {
			reply(out, rc);
			return;
		}
	}
	reply(in, n);
}

/* A child that executes nothing, and has copies of all descriptors. */
static void fork_child(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		sleep(20);
		_exit(0);
	}
	printf("ok %d\n", (int)pid);
}

static void obey(char *s)
{
	char *arg = strchr(s, ' ');
	size_t n;
	if (arg != NULL)
		*arg++ = 0;
	else
		arg = s + strlen(s);
	n = strtoull(arg, NULL, 10);
	if (strcmp(s, "producer") == 0)
		attach(arg, SHMQ_PRODUCER, 0);
	else if (strcmp(s, "consumer") == 0)
		attach(arg, SHMQ_CONSUMER, 0);
	else if (strcmp(s, "consumer-until-eof") == 0)
		attach(arg, SHMQ_CONSUMER, SHMQ_UNTIL_END);
	else if (strcmp(s, "consumer-strict") == 0)
		attach(arg, SHMQ_CONSUMER, SHMQ_UNTIL_END | SHMQ_STRICT);
	else if (strcmp(s, "send") == 0)
		send_one(arg, SHMQ_FOREVER);
	else if (strcmp(s, "try-send") == 0)
		send_one(arg, 0);
	else if (strcmp(s, "pump") == 0)
		pump(arg);
	else if (strcmp(s, "sink") == 0)
		sink();
	else if (strcmp(s, "reserve") == 0)
		reply(out, shmq_reserve(out, reserved = n, &space, SHMQ_FOREVER));
	else if (strcmp(s, "fill") == 0)
		fill();
	else if (strcmp(s, "touch") == 0)
		describe(leases, leased);
	else if (strcmp(s, "commit") == 0)
		reply(out, shmq_commit(out, n));
	else if (strcmp(s, "lease") == 0)
		lease(n, SHMQ_FOREVER);
	else if (strcmp(s, "try-lease") == 0)
		lease(1, 0);
	else if (strcmp(s, "ack") == 0)
		shmq_ack(in, &leases[n]), puts("ok ");
	else if (strcmp(s, "release") == 0)
		shmq_release(in, &leases[n]), puts("ok ");
	else if (strcmp(s, "finish") == 0)
		leave(shmq_finish, &out);
	else if (strcmp(s, "abandon") == 0)
		leave(shmq_abandon, &out);
	else if (strcmp(s, "send-stream") == 0)
		send_stream(arg);
	else if (strcmp(s, "receive-stream") == 0)
		receive_stream(arg);
	else if (strcmp(s, "echo") == 0)
		echo(arg);
	else if (strcmp(s, "fork") == 0)
		fork_child();
	else if (strcmp(s, "subscribe") == 0)
		subscribe(arg);
	else if (strcmp(s, "close") == 0)
		leave(shmq_close, out != NULL ? &out : &in);
	else
		printf("err other no such command: %s\n", s);
	fflush(stdout);
}

/* The process ends with its input, also in the middle of a wait: another thread reads. */
static int commands[2];

static void *read_input(void *unused)
{
	char b[MOST_LINE];
	ssize_t n;
	(void)unused;
	while ((n = read(0, b, sizeof b)) > 0)
		for (ssize_t at = 0, wrote; at < n; at += wrote)
			if ((wrote = write(commands[1], b + at, (size_t)(n - at))) < 0)
				_exit(1);
	_exit(0);
}

int main(void)
{
	pthread_t reader;
	FILE *f;
	setvbuf(stdout, NULL, _IOLBF, 1 << 16);
	if (pipe(commands) != 0 || pthread_create(&reader, NULL, read_input, NULL) != 0 || (f = fdopen(commands[0], "r")) == NULL)
		return 1;
	puts("ready");
	while (fgets(line, sizeof line, f) != NULL) {
		line[strcspn(line, "\n")] = 0;
		obey(line);
	}
	return 0;
}
