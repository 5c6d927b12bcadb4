/*
 * The process that tests/killpoint kills after its n-th instruction: it prepares itself as a scenario of that
 * package says, tells so in a page that it shares with the tracer, waits for its word, and makes the scenario's
 * calls. "victim list" prints which scenarios it has.
 */
#include <shmq.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <fcntl.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

struct page {
	atomic_uint ready, beats, start, progress;
};

enum { SMALL = 20, SINGLE = 60, PAIR = 100, LARGE = 150, EARLIER = 1, VICTIM = 2, MOST = 8 };

static shmq *out, *in, *beside;
static const char *queue;
static int one_producer, one_consumer, checksums, at_once;
static struct shmq_lease leases[MOST];
static size_t leased;
static struct shmq_member set[2];
static void *space;

/* Records, made beforehand. */
static struct record {
	uint64_t id;
	size_t size;
	unsigned char data[LARGE];
} recs[MOST];
static size_t made;
static unsigned char buf[1024], bufs[4][256];

static void check(int64_t rc, shmq *q, const struct shmq_error *e)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "victim: %s\n", e ? e->text : shmq_last_error(q)->text);
	exit(1);
}

static uint64_t record(uint64_t who, uint64_t size, uint64_t n) { return who << 48 | size << 32 | n; }

/* As package ringtest makes them: every byte follows from the id and its place. */
static void make(uint64_t id)
{
	struct record *r = &recs[made++];
	r->id = id;
	r->size = id >> 32 & 0xffff;
	for (size_t i = 0; i < r->size; i++) {
		uint64_t x = (id + ((uint64_t)r->size << 32) + (i >> 3)) * UINT64_C(0x9e3779b97f4a7c15) + 1;
		r->data[i] = (unsigned char)(i < 8 ? id >> 8 * i : x >> 8 * (i % 8));
	}
}

static void attach(shmq **q, enum shmq_role role, uint32_t flags)
{
	struct shmq_options o = SHMQ_OPTIONS_INIT;
	struct shmq_error e;
	o.flags = SHMQ_NO_CREATE | flags;
	o.wait = at_once ? SHMQ_PARK : SHMQ_SPIN_THEN_PARK;
	check(shmq_open(q, queue, role, &o, &e), NULL, &e);
}

static void produce(void) { attach(&out, SHMQ_PRODUCER, 0); }
static void consume(void) { attach(&in, SHMQ_CONSUMER, 0); }
static void send_made(size_t i) { check(shmq_send(out, recs[i].data, recs[i].size, SHMQ_FOREVER), out, NULL); }

/* Sends: the records are mine1, mine2, mineL of three slots, and mineS of one and its area; and a batch of four. */

static void prepare_send(void)
{
	produce();
	make(record(VICTIM, SMALL, 1));
	send_made(0);
	make(record(VICTIM, SMALL, 2));
	make(record(VICTIM, LARGE, 2));
	make(record(VICTIM, PAIR, 3));
	make(record(VICTIM, SMALL, 4));
	make(record(VICTIM, SMALL, 5));
	make(record(VICTIM, SINGLE, 2));
	make(record(VICTIM, SMALL, 3));
}

static void prepare_mine2(void) { produce(), make(record(VICTIM, SMALL, 1)), make(record(VICTIM, SMALL, 2)); }
static void prepare_mineL(void) { prepare_mine2(), make(record(VICTIM, LARGE, 2)); }
static void send_mine2(void) { send_made(1); }
static void send_mineL(void) { send_made(2); }
static void send_mineS(void) { send_made(6); }

static void send_four(const size_t *which)
{
	struct shmq_bytes b[4];
	for (int i = 0; i < 4; i++)
		b[i] = (struct shmq_bytes){recs[which[i]].data, recs[which[i]].size};
	check(shmq_send_batch(out, b, 4, SHMQ_FOREVER) == 4 ? 0 : -1, out, NULL);
}

static void send_batch(void) { send_four((const size_t[]){1, 3, 4, 5}); }
static void send_batch_inline(void) { send_four((const size_t[]){1, 7, 4, 5}); }

static void reserve_made(size_t i)
{
	check(shmq_reserve(out, recs[i].size, &space, 0), out, NULL);
	memcpy(space, recs[i].data, recs[i].size);
}

static void reserve(void) { reserve_made(2); }
static void reserve_slot(void) { reserve_made(6); }
static void commit(void) { check(shmq_commit(out, LARGE), out, NULL); }
static void commit_slot(void) { check(shmq_commit(out, SINGLE), out, NULL); }
static void give_up(void) { check(shmq_abort(out), out, NULL); }

/* Receives. */

static void receive(void) { check(shmq_receive(in, buf, sizeof buf, SHMQ_FOREVER), in, NULL); }
static void lease(void) { check(shmq_lease(in, &leases[leased++], SHMQ_FOREVER), in, NULL); }
static void lease_3(void) { check(shmq_lease_batch(in, leases, 3, SHMQ_FOREVER) == 3 ? 0 : -1, in, NULL); }
static void ack_0(void) { check(shmq_ack(in, &leases[0]) - 1, in, NULL); }
static void ack_1(void) { check(shmq_ack(in, &leases[1]) - 1, in, NULL); }
static void ack_2(void) { check(shmq_ack(in, &leases[2]) - 1, in, NULL); }
static void ack_first(void) { one_consumer ? ack_0() : ack_1(); } /* a single consumer acknowledges in order */
static void ack_second(void) { one_consumer ? ack_1() : ack_2(); }
static void ack_third(void) { one_consumer ? ack_2() : ack_0(); }
static void ack_batch(void) { check(shmq_ack_batch(in, leases, 3) == 3 ? 0 : -1, in, NULL); }
static void release_0(void) { check(shmq_release(in, &leases[0]) - 1, in, NULL); }
static void release_1(void) { check(shmq_release(in, &leases[1]) - 1, in, NULL); }
static void lease_both(void) { consume(), lease(), lease(); }
static void receive_first(void) { consume(), receive(); }

static void receive_batch(void)
{
	struct shmq_buffer b[3];
	for (int i = 0; i < 3; i++)
		b[i] = (struct shmq_buffer){bufs[i], sizeof bufs[i], 0, 0, 0};
	check(shmq_receive_batch(in, b, 3, SHMQ_FOREVER) == 3 ? 0 : -1, in, NULL);
}

/* Waits for the first of two queues, of which the other one is the victim's own. */

static void among(shmq *q, size_t size)
{
	struct shmq_error e;
	const char *theirs = queue;
	char name[16];
	struct shmq_shape small = {.slots = 8, .slot_size = 64, .seats = 6}; /* a first look is at all slots */
	int fd = shmq_create_anonymous(&small, &e);
	check(fd, NULL, &e);
	snprintf(name, sizeof name, "fd:%d", fd);
	queue = name;
	attach(&beside, SHMQ_CONSUMER, 0);
	queue = theirs;
	close(fd);
	set[0] = (struct shmq_member){beside, 0};
	set[1] = (struct shmq_member){q, size};
}

static void prepare_choose(void) { consume(), among(in, 0); }
static void prepare_choose_small(void) { produce(), among(out, SMALL); }
static void prepare_choose_large(void) { produce(), among(out, LARGE); }
static void choose(void) { check(shmq_wait_any(set, 2, NULL, NULL, SHMQ_FOREVER) == 1 ? 0 : -1, NULL, &(struct shmq_error){0, 0, "the other queue was chosen"}); }

/* Coming and going. */

static void create(void)
{
	struct shmq_options o = SHMQ_OPTIONS_INIT;
	struct shmq_error e;
	o.create.slots = 8;
	o.create.slot_size = 64;
	o.create.seats = one_producer && one_consumer ? 2 : 6;
	o.create.producers = one_producer ? SHMQ_ONE : SHMQ_MANY;
	o.create.consumers = one_consumer ? SHMQ_ONE : SHMQ_MANY;
	o.create.flags = checksums ? SHMQ_CHECKSUM : 0;
	check(shmq_open(&in, queue, SHMQ_CONSUMER, &o, &e), NULL, &e);
}

static void prepare_reservation(void)
{
	produce();
	make(record(VICTIM, SMALL, 1));
	send_made(0);
	check(shmq_reserve(out, LARGE, &space, 0), out, NULL);
}

static void prepare_sent(void) { produce(), make(record(VICTIM, SMALL, 1)), send_made(0); }

static void close_out(void)
{
	struct shmq_error e;
	check(shmq_close(out, &e), NULL, &e);
}

static void close_in(void)
{
	struct shmq_error e;
	check(shmq_close(in, &e), NULL, &e);
}

static void finish(void)
{
	struct shmq_error e;
	check(shmq_finish(out, &e), NULL, &e);
}

static void prepare_end(void) { attach(&in, SHMQ_CONSUMER, SHMQ_UNTIL_END), produce(), finish(); }
static void end(void) { check(shmq_receive(in, buf, sizeof buf, SHMQ_FOREVER) == SHMQ_E_END ? 0 : -1, in, NULL); }
static void recover(void) { check(shmq_recover_now(out ? out : in), out ? out : in, NULL); }

static void recover_outside(void)
{
	struct shmq_error e;
	check(shmq_recover(queue, &e), NULL, &e);
}

static void remove_it(void)
{
	struct shmq_error e;
	check(shmq_remove(queue, 0, &e), NULL, &e);
}

static void remove_by_force(void)
{
	struct shmq_error e;
	check(shmq_remove(queue, 1, &e), NULL, &e);
}

static const struct scenario {
	const char *name;
	void (*prepare)(void);
	void (*calls[5])(void);
} scenarios[] = {
	{"send, inline", prepare_send, {send_mine2}},
	{"send, not inline", prepare_send, {send_mineS}},
	{"send, 3 slots", prepare_send, {send_mineL}},
	{"send, 3 slots behind a filler", prepare_send, {send_mineL}},
	{"send a batch of 4", prepare_send, {send_batch}},
	{"send a batch of 4, inline", prepare_send, {send_batch_inline}},
	{"reserve, commit", prepare_send, {reserve, commit}},
	{"reserve, commit, 1 slot", prepare_send, {reserve_slot, commit_slot}},
	{"reserve, abort", prepare_send, {reserve, give_up}},
	{"send, consumer asleep", prepare_mine2, {send_mine2}},
	{"receive, inline", consume, {receive}},
	{"receive, 3 slots", consume, {receive}},
	{"lease, acknowledge, inline", consume, {lease, ack_0}},
	{"lease, acknowledge, 3 slots", consume, {lease, ack_0}},
	{"lease a batch, acknowledge", consume, {lease_3, ack_first, ack_second, ack_third}},
	{"lease a batch, acknowledge it as one", consume, {lease_3, ack_batch}},
	{"receive a batch", receive_first, {receive_batch}},
	{"release", lease_both, {release_1, release_0}},
	{"receive, producer asleep", consume, {receive}},
	{"lease a batch, acknowledge and release", consume, {lease_3, ack_1, release_0, ack_2}},
	{"release, consumer asleep", lease_both, {release_1, release_0}},
	{"park, consumer", consume, {receive}},
	{"park, producer", prepare_mine2, {send_mine2}},
	{"select, consumer", prepare_choose, {choose}},
	{"select, producer", prepare_choose_small, {choose}},
	{"select, a record", prepare_choose, {choose, receive}},
	{"park, consumer, another asleep", consume, {receive}},
	{"select, consumer, another asleep", prepare_choose, {choose}},
	{"park, producer, another asleep", prepare_mine2, {send_mine2}},
	{"park, producer, with the turn", prepare_mineL, {send_mineL}},
	{"select, producer, another asleep", prepare_choose_small, {choose}},
	{"select, producer, with the turn", prepare_choose_large, {choose}},
	{"attach, producer", NULL, {produce}},
	{"attach, consumer", NULL, {consume}},
	{"create and attach", NULL, {create}},
	{"detach, producer with a reservation", prepare_reservation, {close_out}},
	{"detach, consumer with leases", lease_both, {close_in}},
	{"detach, producer, the last one", prepare_sent, {close_out}},
	{"detach, consumer, the last one", lease_both, {close_in}},
	{"finish, consumer asleep", produce, {finish}},
	{"told the end of a stream", prepare_end, {end}},
	{"recover, by a producer", produce, {recover}},
	{"recover, by a consumer", consume, {recover}},
	{"recover, by a consumer, another asleep", consume, {recover}},
	{"remove", NULL, {remove_it}},
	{"remove by force", NULL, {remove_by_force}},
	{"recover, from outside", NULL, {recover_outside}},
};

static void cut_suffix(char *name, const char *suffix, int *found)
{
	size_t n = strlen(name), m = strlen(suffix);
	if (n < m || strcmp(name + n - m, suffix) != 0)
		return;
	name[n - m] = 0;
	*found = 1;
}

static void perform(struct page *p, const struct scenario *s)
{
	atomic_store(&p->ready, (unsigned)syscall(SYS_gettid));
	while (atomic_load(&p->start) == 0) {
		struct timespec pause = {.tv_nsec = 20000};
		atomic_fetch_add(&p->beats, 1);
		nanosleep(&pause, NULL);
	}
	atomic_store(&p->progress, 1);
	for (unsigned i = 0; i < 5 && s->calls[i] != NULL; i++) {
		s->calls[i]();
		atomic_store(&p->progress, i + 2);
	}
	for (;;) /* a tracer may be on its way to the next system call */
		sched_yield();
}

static struct page *map_page(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		perror("victim: page");
		exit(1);
	}
	close(fd);
	return p;
}

int main(int argc, char **argv)
{
	const char *as = getenv("SHMQ_KILLPOINT_VICTIM");
	char *words[4], *rest = as ? strdup(as) : NULL;
	int ignored = 0;
	if (argc == 2 && strcmp(argv[1], "list") == 0) {
		for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++)
			puts(scenarios[i].name);
		return 0;
	}
	for (int i = 0; i < 4; i++)
		if ((words[i] = strsep(&rest, "|")) == NULL)
			return 2;
	queue = words[1];
	one_producer = strncmp(words[2], "one/", 4) == 0;
	one_consumer = strstr(words[2], "/one") != NULL;
	cut_suffix(words[3], ", at once", &at_once);
	cut_suffix(words[3], ", checksums", &checksums);
	cut_suffix(words[3], ", fd", &ignored);
	cut_suffix(words[3], ", sysv", &ignored);
	for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
		if (strcmp(scenarios[i].name, words[3]) != 0)
			continue;
		if (scenarios[i].prepare != NULL)
			scenarios[i].prepare();
		perform(map_page(words[0]), &scenarios[i]);
	}
	fprintf(stderr, "victim: no scenario %s\n", words[3]);
	return 1;
}
