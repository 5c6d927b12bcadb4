/*
 * The process that tests/killpoint kills after its n-th instruction: it prepares itself as a scenario of that
 * package says, tells so in a page that it shares with the tracer, waits for its word, and makes the scenario's
 * calls. "victim list" prints which scenarios it has.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <shmq.h>
#include <stdarg.h>
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
static uint32_t cancel_word, *cancels; /* NULL: nothing cancels */
static struct page *page;

/*
 * The library's clock. It stands still, but for what is slept: a call does what is due at a heartbeat after a sleep, or
 * when the scenario says so, and not because steps take long, or the machine is busy. So each victim of a scenario
 * goes the same way.
 */
static int (*real_clock)(clockid_t, struct timespec *), standing, due;
static int64_t stood[2], slept; /* nanoseconds: of the clocks that stand still, monotonic and other ones; since then */

static int64_t nanoseconds(clockid_t clock)
{
	struct timespec t;
	real_clock(clock, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	int64_t ns;
	if (!standing)
		return real_clock(clock, t);
	ns = stood[clock == CLOCK_REALTIME] + slept;
	*t = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
	return 0;
}

static void stand_still(void)
{
	stood[0] = nanoseconds(CLOCK_MONOTONIC);
	stood[1] = nanoseconds(CLOCK_REALTIME);
	standing = 1;
}

static long enter(long n, const long a[6])
{
	long rc;
	register long r10 __asm__("r10") = a[3], r8 __asm__("r8") = a[4], r9 __asm__("r9") = a[5];
	__asm__ volatile("syscall" : "=a"(rc) : "a"(n), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return rc;
}

/* As that of the C library. A sleep that ends by its time takes that; the times of futex_waitv are of the real clock. */
long syscall(long n, ...)
{
	struct timespec at;
	long a[6], rc;
	int64_t ns = 0;
	va_list args;
	va_start(args, n);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (standing && n == SYS_futex && a[1] == FUTEX_WAIT) {
		const struct timespec *t = (const void *)a[3];
		ns = t->tv_sec * INT64_C(1000000000) + t->tv_nsec;
	} else if (standing && n == 449) { /* futex_waitv */
		const struct timespec *t = (const void *)a[3];
		int64_t until;
		ns = t->tv_sec * INT64_C(1000000000) + t->tv_nsec - stood[0] - slept;
		until = nanoseconds(CLOCK_MONOTONIC) + ns;
		at = (struct timespec){.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
		a[3] = (long)&at;
	}
	rc = enter(n, a);
	if (rc == -ETIMEDOUT)
		slept += ns;
	if (rc < 0 && rc > -4096) {
		errno = (int)-rc;
		rc = -1;
	}
	return rc;
}

int nanosleep(const struct timespec *t, struct timespec *left)
{
	long rc = enter(SYS_nanosleep, (const long[6]){(long)t, (long)left});
	slept += standing ? t->tv_sec * INT64_C(1000000000) + t->tv_nsec : 0;
	errno = rc < 0 ? (int)-rc : errno;
	return rc < 0 ? -1 : 0;
}

/* Records, made beforehand. */
static struct record {
	uint64_t id;
	size_t size;
	unsigned char data[LARGE];
} recs[MOST];
static size_t made;
static unsigned char buf[1024], bufs[4][256];

static void expect(int64_t got, int64_t want, const char *what)
{
	if (got == want)
		return;
	fprintf(stderr, "victim: %s: got %lld, want %lld\n", what, (long long)got, (long long)want);
	exit(1);
}

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
	o.cancel = cancels;
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

static void send_several(const size_t *which, size_t n)
{
	struct shmq_bytes b[4];
	for (size_t i = 0; i < n; i++)
		b[i] = (struct shmq_bytes){recs[which[i]].data, recs[which[i]].size};
	check(shmq_send_batch(out, b, n, SHMQ_FOREVER) == (int64_t)n ? 0 : -1, out, NULL);
}

static void send_batch(void) { send_several((const size_t[]){1, 3, 4, 5}, 4); }
static void send_batch_inline(void) { send_several((const size_t[]){1, 7, 4, 5}, 4); }
static void send_batch_mixed(void) { send_several((const size_t[]){1, 3, 4}, 3); }

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

/* Sends that find no room. */

static void full(void) { expect(shmq_try_send(out, recs[1].data, recs[1].size), SHMQ_E_FULL, "a full ring"); }

static void full_or_not(void)
{
	int rc = shmq_try_send(out, recs[1].data, recs[1].size);
	expect(rc == SHMQ_OK ? SHMQ_E_FULL : rc, SHMQ_E_FULL, "a slot kept for another");
}

static void send_cancelled(void)
{
	shmq_cancel(&cancel_word);
	expect(shmq_send(out, recs[1].data, recs[1].size, SHMQ_FOREVER), SHMQ_E_CANCELLED, "a send that is cancelled");
}

enum { A_TIME = 60000000 }; /* shorter than a heartbeat: there is one sleep */

static void send_for_a_time(void) { expect(shmq_send(out, recs[1].data, recs[1].size, A_TIME), SHMQ_E_TIMEOUT, "a send for a time"); }
static void send_large_for_a_time(void) { expect(shmq_send(out, recs[2].data, recs[2].size, A_TIME), SHMQ_E_TIMEOUT, "a send for a time"); }

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

/* The same in as many batches as it takes. */

static void receive_all(void)
{
	struct shmq_buffer b[3];
	int64_t got = 0, n;
	for (int i = 0; i < 3; i++)
		b[i] = (struct shmq_buffer){bufs[i], sizeof bufs[i], 0, 0, 0};
	for (; got < 3; got += n)
		check(n = shmq_receive_batch(in, b + got, (size_t)(3 - got), SHMQ_FOREVER), in, NULL);
}

static void lease_all(void)
{
	int64_t got = 0, n;
	for (; got < 3; got += n)
		check(n = shmq_lease_batch(in, leases + got, (size_t)(3 - got), SHMQ_FOREVER), in, NULL);
}

static void lease_before(void)
{
	struct shmq_error e;
	lease_both();
	check(shmq_close(in, &e), NULL, &e);
	leased = 0;
	consume();
}

static void receive_small(void) { expect(shmq_receive(in, buf, 4, SHMQ_FOREVER), SHMQ_E_SMALL, "too small a buffer"); }

static void receive_pending(void)
{
	size_t size = shmq_pending_size(in);
	expect(shmq_receive(in, buf, sizeof buf, SHMQ_FOREVER), (int64_t)size, "the record that did not fit");
}

static void empty(void) { expect(shmq_try_receive(in, buf, sizeof buf), SHMQ_E_EMPTY, "an empty ring"); }
static void receive_for_a_time(void) { expect(shmq_receive(in, buf, sizeof buf, A_TIME), SHMQ_E_TIMEOUT, "a receive for a time"); }

static void receive_cancelled(void)
{
	shmq_cancel(&cancel_word);
	expect(shmq_receive(in, buf, sizeof buf, SHMQ_FOREVER), SHMQ_E_CANCELLED, "a receive that is cancelled");
}

static void prepare_both(void) { consume(), prepare_mine2(); }
static void consume_cancellably(void) { cancels = &cancel_word, consume(); }
static void prepare_cancellable(void) { cancels = &cancel_word, prepare_mine2(); }

/* Waits that take nothing, in one part and in two. */

static struct shmq_word armed;

static void wait_record(void) { check(shmq_wait(in, 0, SHMQ_FOREVER), in, NULL); }
static void wait_room(void) { check(shmq_wait(out, SMALL, SHMQ_FOREVER), out, NULL); }
static void arm_record(void) { expect(shmq_arm(in, 0, &armed), SHMQ_E_EMPTY, "arm"); }
static void arm_found(void) { expect(shmq_arm(in, 0, &armed), SHMQ_OK, "arm"); }
static void arm_room(void) { expect(shmq_arm(out, SMALL, &armed), SHMQ_E_FULL, "arm"); }
static void arm_large(void) { expect(shmq_arm(out, LARGE, &armed), SHMQ_E_FULL, "arm"); }
static void sleep_armed(void) { check(shmq_wait_words(&armed, 1, NULL, SHMQ_FOREVER), NULL, &(struct shmq_error){0, 0, "the sleep failed"}); }
static void disarm_record(void) { check(shmq_disarm(in, 0), in, NULL); }
static void disarm_room(void) { check(shmq_disarm(out, SMALL), out, NULL); }
static void disarm_large(void) { check(shmq_disarm(out, LARGE), out, NULL); }

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

static struct shmq_shape shape(void)
{
	return (struct shmq_shape){
		.slots = 8,
		.slot_size = 64,
		.seats = one_producer && one_consumer ? 2 : 6,
		.producers = one_producer ? SHMQ_ONE : SHMQ_MANY,
		.consumers = one_consumer ? SHMQ_ONE : SHMQ_MANY,
		.flags = checksums ? SHMQ_CHECKSUM : 0,
	};
}

static void create(void)
{
	struct shmq_options o = SHMQ_OPTIONS_INIT;
	struct shmq_error e;
	o.create = shape();
	check(shmq_open(&in, queue, SHMQ_CONSUMER, &o, &e), NULL, &e);
}

static void create_only(void)
{
	struct shmq_shape s = shape();
	struct shmq_error e;
	check(shmq_create(queue, &s, &e), NULL, &e);
}

static void create_anonymous(void)
{
	struct shmq_shape s = shape();
	struct shmq_error e;
	check(shmq_create_anonymous(&s, &e), NULL, &e);
}

static void consume_to_end(void) { attach(&in, SHMQ_CONSUMER, SHMQ_UNTIL_END); }
static void consume_guarded(void) { attach(&in, SHMQ_CONSUMER, SHMQ_GUARD | SHMQ_PREFAULT | SHMQ_LOCK_MEMORY); }

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

static void give_up_stream(void)
{
	struct shmq_error e;
	check(shmq_abandon(out, &e), NULL, &e);
}

static void prepare_end(void) { consume_to_end(), produce(), finish(); }
static void prepare_broken(void) { consume_to_end(), produce(), give_up_stream(); }
static void end(void) { check(shmq_receive(in, buf, sizeof buf, SHMQ_FOREVER) == SHMQ_E_END ? 0 : -1, in, NULL); }
static void broken(void) { expect(shmq_receive(in, buf, sizeof buf, SHMQ_FOREVER), SHMQ_E_BROKEN, "a stream that broke off"); }
static void next_stream(void) { check(shmq_next_stream(in), in, NULL), empty(); }
static void sync_out(void) { check(shmq_sync(out), out, NULL); }
static void sync_in(void) { check(shmq_sync(in), in, NULL); }
static void lease_one(void) { consume(), lease(); }

/* Questions. */

static void ask_counters(void)
{
	struct shmq_counters c;
	shmq *q = out ? out : in;
	check(shmq_counters(q, &c), q, NULL);
}

static void ask_check(void) { check(shmq_check(out ? out : in), out ? out : in, NULL); }
static void ask_intact(void) { check(shmq_intact(out ? out : in), out ? out : in, NULL); }
static void ask_attached(void) { check(shmq_producer_attached(out ? out : in), out ? out : in, NULL); }

static void ask_id(void)
{
	struct shmq_id id;
	check(shmq_record_id(in, &leases[0], &id), in, NULL);
}

static void ask_received(void)
{
	struct shmq_id id;
	(void)shmq_received_id(in, &id);
}

static void ask_removed(void) { expect(shmq_check(out ? out : in), SHMQ_E_REMOVED, "a queue that was removed"); }

static void look(void)
{
	struct shmq_info info;
	struct shmq_participant list[8];
	struct shmq_error e;
	check(shmq_stat(queue, &info, &e), NULL, &e);
	check(shmq_participants(queue, list, 8, &e), NULL, &e);
}

/* A child that forgets the handle, and outlives its parent for a while: the parent's seat is not kept alive by that. */
static void fork_child(void)
{
	struct timespec pause = {.tv_nsec = 20000000};
	pid_t child = fork();
	if (child < 0)
		exit(1);
	if (child > 0)
		return;
	close(0), close(1), close(2);
	if (shmq_try_send(out, recs[1].data, recs[1].size) != SHMQ_E_FORKED || shmq_close(out, NULL) != 0)
		_exit(1);
	for (int i = 0; i < 50 && atomic_load(&page->start) != 0; i++)
		nanosleep(&pause, NULL);
	_exit(0);
}
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
	void (*calls[6])(void);
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
	{"send a batch of 4 across the end", prepare_send, {send_batch_inline}},
	{"send a batch of 4 over a filler of the lap before", prepare_send, {send_batch_inline}},
	{"send a batch across the end, behind a filler", prepare_send, {send_batch_mixed}},
	{"send, no room", prepare_mine2, {full}},
	{"send, room kept for another", prepare_mine2, {full_or_not}},
	{"send, cancelled", prepare_cancellable, {send_cancelled}},
	{"send, consumer asleep", prepare_mine2, {send_mine2}},
	{"receive, inline", consume, {receive}},
	{"receive, 3 slots", consume, {receive}},
	{"lease, acknowledge, inline", consume, {lease, ack_0}},
	{"lease, acknowledge, 3 slots", consume, {lease, ack_0}},
	{"lease a batch, acknowledge", consume, {lease_3, ack_first, ack_second, ack_third}},
	{"lease a batch, acknowledge it as one", consume, {lease_3, ack_batch}},
	{"receive a batch", receive_first, {receive_batch}},
	{"receive a batch across the end", consume, {receive_all}},
	{"lease a batch across the end, acknowledge it as one", consume, {lease_all, ack_batch}},
	{"lease a batch behind a filler, acknowledge", consume, {lease_all, ack_first, ack_second, ack_third}},
	{"lease again, acknowledge", lease_before, {lease, ack_0, lease, ack_1}},
	{"inherit a record and a batch", consume, {lease, lease, ack_1, ack_0}},
	{"receive twice", consume, {receive, receive}},
	{"receive, too small a buffer", consume, {receive_small, receive_pending}},
	{"receive, no record", consume, {empty}},
	{"receive, cancelled", consume_cancellably, {receive_cancelled}},
	{"release, receive again", lease_both, {release_1, release_0, receive, receive}},
	{"release", lease_both, {release_1, release_0}},
	{"receive, producer asleep", consume, {receive}},
	{"lease a batch, acknowledge and release", consume, {lease_3, ack_1, release_0, ack_2}},
	{"release, consumer asleep", lease_both, {release_1, release_0}},
	{"park, consumer", consume, {receive}},
	{"park, producer", prepare_mine2, {send_mine2}},
	{"park, consumer, for a time", consume, {receive_for_a_time}},
	{"park, consumer, with a cancel word", consume_cancellably, {receive}},
	{"park, consumer, takes nothing", consume, {wait_record}},
	{"park, producer, for a time", prepare_mine2, {send_for_a_time}},
	{"park, producer, for a time, with the turn", prepare_mineL, {send_large_for_a_time}},
	{"park, producer, takes nothing", prepare_mine2, {wait_room}},
	{"wait, a record", consume, {wait_record, receive}},
	{"arm, sleep, disarm, consumer", consume, {arm_record, sleep_armed, disarm_record}},
	{"arm, sleep, disarm, consumer, another asleep", consume, {arm_record, sleep_armed, disarm_record}},
	{"arm, a record", consume, {arm_found, receive}},
	{"arm, a record, disarm", consume, {arm_found, disarm_record}},
	{"arm, send, disarm, another asleep", prepare_both, {arm_record, send_mine2, disarm_record}},
	{"arm, sleep, disarm, producer", prepare_mine2, {arm_room, sleep_armed, disarm_room}},
	{"arm, sleep, disarm, producer, another asleep", prepare_mine2, {arm_room, sleep_armed, disarm_room}},
	{"arm, sleep, disarm, producer, with the turn", prepare_mineL, {arm_large, sleep_armed, disarm_large}},
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
	{"attach, consumer, until the end", NULL, {consume_to_end}},
	{"attach, consumer, guarded", NULL, {consume_guarded}},
	{"create and attach", NULL, {create}},
	{"create", NULL, {create_only}},
	{"create, anonymous", NULL, {create_anonymous}},
	{"detach, producer with a reservation", prepare_reservation, {close_out}},
	{"detach, consumer with leases", lease_both, {close_in}},
	{"detach, producer, the last one", prepare_sent, {close_out}},
	{"detach, consumer, the last one", lease_both, {close_in}},
	{"finish, consumer asleep", produce, {finish}},
	{"abandon, consumer asleep", produce, {give_up_stream}},
	{"told the end of a stream", prepare_end, {end}},
	{"told the end of a stream, waits for the next", prepare_end, {end, next_stream}},
	{"told that a stream broke off", prepare_broken, {broken}},
	{"sync, producer", prepare_sent, {sync_out}},
	{"sync, consumer", lease_one, {sync_in}},
	{"ask, producer", prepare_sent, {ask_counters, ask_check, ask_intact, ask_attached}},
	{"ask, consumer", lease_one, {ask_counters, ask_check, ask_intact, ask_attached, ask_id, ask_received}},
	{"find out that it was removed, producer", produce, {ask_removed, close_out}},
	{"find out that it was removed, consumer", consume, {ask_removed, close_in}},
	{"fork, a child lives on, send", prepare_mine2, {fork_child, send_mine2}},
	{"recover, by a producer", produce, {recover}},
	{"recover, by a consumer", consume, {recover}},
	{"recover, by a consumer, another asleep", consume, {recover}},
	{"remove", NULL, {remove_it}},
	{"remove by force", NULL, {remove_by_force}},
	{"recover, from outside", NULL, {recover_outside}},
	{"look from outside", NULL, {look}},
};

#include "victim_each.h"

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
	slept += due ? INT64_C(1000000000) : 0;
	atomic_store(&p->progress, 1);
	for (unsigned i = 0; i < 6 && s->calls[i] != NULL; i++) {
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
	*(void **)&real_clock = dlsym(RTLD_NEXT, "clock_gettime");
	stand_still();
	if (argc == 2 && strcmp(argv[1], "list") == 0) {
		for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++)
			puts(scenarios[i].name);
		for (size_t i = 0; i < sizeof each_scenarios / sizeof each_scenarios[0]; i++)
			puts(each_scenarios[i].name);
		return 0;
	}
	for (int i = 0; i < 4; i++)
		if ((words[i] = strsep(&rest, "|")) == NULL)
			return 2;
	queue = words[1];
	one_producer = strncmp(words[2], "one/", 4) == 0;
	one_consumer = strstr(words[2], "/one") != NULL;
	cut_suffix(words[3], ", at once", &at_once);
	cut_suffix(words[3], ", at a heartbeat", &due);
	cut_suffix(words[3], ", checksums", &checksums);
	cut_suffix(words[3], ", time stamps", &ignored);
	cut_suffix(words[3], ", fd", &ignored);
	cut_suffix(words[3], ", sysv", &ignored);
	for (size_t i = 0; i < sizeof each_scenarios / sizeof each_scenarios[0]; i++) {
		size_t n = strlen(each_scenarios[i].name);
		/* The name says behind it which kind of producers there are. */
		if (strncmp(each_scenarios[i].name, words[3], n) != 0 || strchr(words[3], '/') == NULL || strrchr(words[3], ',') != words[3] + n)
			continue;
		if (each_scenarios[i].prepare != NULL)
			each_scenarios[i].prepare();
		perform(map_page(words[0]), &each_scenarios[i]);
	}
	for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
		if (strcmp(scenarios[i].name, words[3]) != 0)
			continue;
		if (scenarios[i].prepare != NULL)
			scenarios[i].prepare();
		page = map_page(words[0]);
		perform(page, &scenarios[i]);
	}
	fprintf(stderr, "victim: no scenario %s\n", words[3]);
	return 1;
}
