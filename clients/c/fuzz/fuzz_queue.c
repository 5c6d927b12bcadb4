/*
 * Hostile bytes under libshmq: a queue with participants of this process is scribbled over between their calls. The
 * input is a tape of choices: the queue's shape and where it stands, then what is scribbled and which calls follow.
 * Calls may fail; they may not crash, hang, write beyond a buffer, or hand out more than the queue can hold.
 */
#include "../src/layout.h"
#include <fcntl.h>
#include <shmq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SLOTS = 8, AREA = 64, SEATS = 6, SUBSCRIPTIONS = 4, LEASES = 16, CALLS = 500, MOST = SLOTS / 2 * AREA };

struct tape {
	const uint8_t *at, *end;
};

static uint64_t next(struct tape *t, unsigned bytes)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < bytes && t->at < t->end; i++)
		v |= (uint64_t)*t->at++ << 8 * i;
	return v;
}

struct world {
	int fd;
	char name[16];
	uint8_t *map;
	size_t total;
	int each; /* each consumer gets every record */
	unsigned shift;
	shmq *p[2], *c[2];
	struct shmq_lease leases[2][LEASES];
};

static void need(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "hostile bytes: %s\n", what);
	abort();
}

static shmq *attach(struct world *w, enum shmq_role role, unsigned who, unsigned durable)
{
	struct shmq_options o = SHMQ_OPTIONS_INIT;
	shmq *q = NULL;
	o.wait = SHMQ_PARK;
	o.flags = role == SHMQ_CONSUMER ? SHMQ_UNTIL_END : 0u;
	if (w->each && role == SHMQ_CONSUMER) {
		o.flags |= durable & 1 ? SHMQ_FROM_OLDEST : 0u;
		o.subscription = durable & 2 ? (who ? "b" : "a") : NULL; /* one that is taken is waited for */
	}
	(void)shmq_open(&q, w->name, role, &o, NULL);
	return q;
}

/* A value that may mean something: a word near the positions in use, or any bytes. */
static uint64_t value(struct world *w, struct tape *t)
{
	uint64_t kind = next(t, 1), v, at;
	if (kind % 3 == 0)
		return next(t, 8);
	memcpy(&at, w->map + L_HOT_OFFSET + (kind & 4 ? L_HOT_HEAD : L_HOT_TAIL), 8);
	v = (at + next(t, 1) - 16) >> w->shift << w->shift | next(t, 1) % SLOTS;
	if (kind % 3 == 1)
		return v << 4 | kind >> 4;
	return v << 14 | next(t, 1) % 8 << 4 | kind >> 4;
}

static void scribble(struct world *w, struct tape *t)
{
	static const unsigned hot[] = {L_HOT_TAIL, L_HOT_HEAD, L_HOT_HANDOUT, L_HOT_ORPHANS, L_HOT_TURN, L_HOT_EPOCH, L_HOT_FINISHED,
				       L_HOT_LEFT, L_HOT_TOLD, L_HOT_MET, L_HOT_ENDS, L_HOT_DATA_FUTEX, L_HOT_ROOM_FUTEX, L_HOT_IMAGE, L_HOT_HOME};
	uint64_t where = next(t, 1), slot_offset, v, off;
	memcpy(&slot_offset, w->map + L_OFF_SLOT_TABLE, 8);
	switch (where % 8) {
	case 0:
	case 1:
	case 2: /* the word of a slot */
		off = slot_offset + where / 8 % SLOTS * L_SLOT_SIZE;
		break;
	case 3: /* length and meta, or more of its line */
		off = slot_offset + where / 8 % SLOTS * L_SLOT_SIZE + 8 + next(t, 1) % 7 * 8;
		break;
	case 4:
	case 5:
		off = L_HOT_OFFSET + hot[where / 8 % (sizeof hot / sizeof hot[0])];
		break;
	case 6: /* the log of ends, the incarnations, the marks */
		off = L_HOT_OFFSET + next(t, 2) % (L_HOT_SIZE / 8) * 8;
		break;
	default: /* a seat; or a subscription, mostly its cursor, or what else is not text */
		off = L_SEAT_OFFSET + where / 8 % SEATS * L_SEAT_SIZE + next(t, 1) % (L_SEAT_SIZE / 8) * 8;
		if (w->each && where & 64)
			off = L_SEAT_OFFSET + SEATS * L_SEAT_SIZE + where / 8 % SUBSCRIPTIONS * L_SUBSCRIPTION_SIZE +
			      (where & 32 ? next(t, 1) % 4 * 8 : next(t, 1) % (L_SUBSCRIPTION_SIZE / 8) * 8);
	}
	if (w->each && where % 8 == 7 && where & 64) {
		v = value(w, t);
		v = where & 128 ? next(t, 8) : v << 2 | next(t, 1) % 4;
	} else {
		v = where % 8 < 6 ? value(w, t) : next(t, 8);
	}
	memcpy(w->map + off, &v, 8);
}

static void take(struct world *w, unsigned who, struct tape *t)
{
	struct shmq_lease *ls = w->leases[who];
	uint64_t n = 1 + next(t, 1) % 4;
	unsigned at = (unsigned)next(t, 1) % (LEASES - 4);
	int64_t got = shmq_lease_batch(w->c[who], &ls[at], n, 0);
	need(got <= (int64_t)n, "more leases than asked for");
	for (int64_t i = 0; i < got; i++) {
		volatile const uint8_t *b = ls[at + i].data;
		need(ls[at + i].size <= SLOTS * AREA, "a lease that is larger than the queue");
		for (size_t j = 0; j < ls[at + i].size; j += 32)
			(void)b[j];
	}
}

static void send_some(struct world *w, unsigned who, struct tape *t)
{
	static const uint8_t data[MOST + 64];
	struct shmq_bytes b[4];
	uint64_t how = next(t, 1);
	void *to;
	if (how % 4 == 0) {
		for (int i = 0; i < 4; i++)
			b[i] = (struct shmq_bytes){data, next(t, 1)};
		(void)shmq_send_batch(w->p[who], b, 1 + how / 4 % 4, 0);
	} else if (how % 4 == 1) {
		if (shmq_reserve(w->p[who], how, &to, 0) == 0) {
			memset(to, 7, how);
			if (how & 64)
				shmq_abort(w->p[who]);
			else
				shmq_commit(w->p[who], how / 2);
		}
	} else {
		(void)shmq_send(w->p[who], data, next(t, 2) % sizeof data, 0);
	}
}

static void receive_some(struct world *w, unsigned who, struct tape *t)
{
	uint64_t how = next(t, 1);
	if (how & 1) {
		size_t cap = how / 2 * 4;
		uint8_t *b = malloc(cap + 1);
		int64_t n = shmq_receive(w->c[who], b, cap, how & 64 ? 1000 : 0);
		need(n <= (int64_t)cap, "more than fits");
		free(b);
		return;
	}
	struct shmq_buffer bufs[4];
	for (int i = 0; i < 4; i++)
		bufs[i] = (struct shmq_buffer){malloc(how + 1), how, 0, 0, 0};
	int64_t n = shmq_receive_batch(w->c[who], bufs, 4, 0);
	for (int i = 0; i < 4; i++) {
		need(i >= n || bufs[i].size <= how, "more than fits");
		free(bufs[i].data);
	}
}

static void call(struct world *w, struct tape *t)
{
	uint64_t op = next(t, 1);
	unsigned who = op >> 7 & 1, i = (unsigned)(op >> 3 & 15);
	struct shmq_info info;
	struct shmq_lost lost;
	struct shmq_word word;
	switch (op & 7) {
	case 0:
		send_some(w, who, t);
		break;
	case 1:
		receive_some(w, who, t);
		break;
	case 2:
		take(w, who, t);
		break;
	case 3:
		(void)shmq_ack(w->c[who], &w->leases[who][i]);
		break;
	case 4:
		(void)shmq_release(w->c[who], &w->leases[who][i]);
		break;
	case 5:
		(void)shmq_ack_batch(w->c[who], &w->leases[who][i & 8], 4);
		break;
	case 6:
		(void)shmq_wait(op & 8 ? w->p[who] : w->c[who], 100, 0);
		(void)shmq_arm(op & 8 ? w->p[who] : w->c[who], 100, &word);
		break;
	default:
		if (i < 4)
			(void)shmq_recover_now(w->c[who]);
		else if (i < 6)
			(void)shmq_stat(w->name, &info, NULL), (void)shmq_lost(w->c[who], &lost);
		else if (i < 8)
			(void)shmq_next_stream(w->c[who]);
		else if (i < 12) {
			shmq_close(w->c[who], NULL);
			memset(w->leases[who], 0, sizeof w->leases[who]);
			w->c[who] = attach(w, SHMQ_CONSUMER, who, i);
		} else {
			(void)shmq_close(w->p[who], NULL);
			w->p[who] = attach(w, SHMQ_PRODUCER, who, 0);
		}
	}
}

/* Puts an empty queue at a position, as if so many slots had gone through it. */
static void stand_at(struct world *w, uint64_t start)
{
	uint64_t slot_offset;
	memcpy(&slot_offset, w->map + L_OFF_SLOT_TABLE, 8);
	memcpy(w->map + L_HOT_OFFSET + L_HOT_TAIL, &start, 8);
	memcpy(w->map + L_HOT_OFFSET + L_HOT_HEAD, &start, 8);
	memcpy(w->map + L_HOT_OFFSET + L_HOT_HANDOUT, &start, 8);
	for (uint64_t p = start; p != start + SLOTS; p++) {
		uint64_t word = p >> w->shift << w->shift << 4;
		memcpy(w->map + slot_offset + (p & (SLOTS - 1)) * L_SLOT_SIZE, &word, 8);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tape t = {data, data + size};
	uint64_t mode = next(&t, 1), start = next(&t, 8);
	struct shmq_shape shape = {.slots = SLOTS, .slot_size = AREA, .seats = SEATS};
	struct world w = {.shift = 3};
	struct stat st;
	shape.producers = mode & 1 ? SHMQ_MANY : SHMQ_ONE;
	shape.consumers = mode & 2 ? SHMQ_MANY : SHMQ_ONE;
	shape.flags = (uint8_t)(mode >> 2 & 3);
	if (mode & 16) {
		w.each = 1;
		shape.consumers = SHMQ_EACH;
		shape.subscriptions = SUBSCRIPTIONS;
		shape.keep = mode & 32 ? 0 : (uint32_t)(mode >> 6 & 3);
		shape.flags |= mode & 32 ? SHMQ_SKIP : 0;
	}
	need((w.fd = shmq_create_anonymous(&shape, NULL)) >= 0 && fstat(w.fd, &st) == 0, "no queue");
	w.total = (size_t)st.st_size;
	w.map = mmap(NULL, w.total, PROT_READ | PROT_WRITE, MAP_SHARED, w.fd, 0);
	need(w.map != MAP_FAILED, "no mapping");
	snprintf(w.name, sizeof w.name, "fd:%d", w.fd);
	stand_at(&w, start);
	for (int i = 0; i < 2; i++) {
		w.p[i] = attach(&w, SHMQ_PRODUCER, (unsigned)i, 0);
		w.c[i] = attach(&w, SHMQ_CONSUMER, (unsigned)i, i ? 3 : 0);
	}
	for (int n = 0; t.at < t.end && n < CALLS; n++) {
		if (next(&t, 1) % 4 == 0)
			scribble(&w, &t);
		call(&w, &t);
	}
	for (int i = 0; i < 2; i++) {
		shmq_close(w.p[i], NULL);
		shmq_close(w.c[i], NULL);
	}
	munmap(w.map, w.total);
	close(w.fd);
	return 0;
}
