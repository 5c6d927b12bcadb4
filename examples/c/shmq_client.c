//go:build ignore

/*
 * shmq_client: a participant of a shmq queue in C, written from docs/layout.md.
 *
 *     shmq_client send PATH COUNT [hold]   send COUNT records
 *     shmq_client recv PATH COUNT [hold]   receive COUNT records, or up to the end of the
 *                                          stream; print "LENGTH CRC32C" of each, and
 *                                          acknowledge it after that; say on stderr if a
 *                                          producer broke the stream off
 *     shmq_client stat PATH                describe the queue
 *
 * PATH is the queue's file, /dev/shm/shmq.NAME for example; it must exist. Record n is
 * empty, or a msgpack value: a small int, a uint32, or a string over as many as five
 * slots; see make_record. With "hold" the last record is written and not published, or
 * taken and not acknowledged, until a signal comes. SIGINT and SIGTERM leave the queue in
 * order; after SIGKILL the others clean up.
 *
 *     cc -O2 -Wall -Wextra -Werror -std=gnu11 -o shmq_client shmq_client.c
 *
 * For little-endian Linux, 4.16 or later, with a C library that has getrandom.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

enum { MANY_PRODUCERS = 1, MANY_CONSUMERS = 2, CHECKSUM = 4, TIMESTAMPS = 8 };   /* flags */
enum { PRODUCER = 1, CONSUMER = 2 };                                /* roles */
enum { PRODUCERS_BYTE = 1024, CONSUMERS_BYTE = 1025, GATE_BYTE = 1026, STREAM_BYTE = 1028, RECOVERY_BYTE = 1029 }; /* locks */
enum { PAGE = 4096, HOT = 4096, SEATS = 8192, SEAT = 256, LINE = 64 };
enum { TAIL = 0, DATA_FUTEX = 128, HEAD = 256, HANDOUT = 384, ROOM_FUTEX = 512,
       ORPHANS = 640, TURN = 768, EPOCH = 896, FINISHED = 1024, SKIPPED = 1152,
       ENDS = 264, LEFT = 1536, TOLD = 1664, MET = 1792, END_LOG = 2048, HOME = 1288,
       MARKS = 1920, INCARNATIONS = 3072 };
enum { END_MARK = 0, END_EPOCH = 8, END_LEFT = 16, LOGGED = 32 }; /* in an end, and how many there are */
enum { BY_MARK = 1, ALL_LEFT = 2, CUT = 3 };                      /* how a stream ended */
enum { INHERITS = 56, AWAITS = 124, RECORDS = 64, BYTES = 72, WAITS = 80, WAKES = 88, REDELIVERED = 96,
       FOLDS = 128, BANKS = 136 }; /* in a seat */
enum { FREE, CLAIMED, FULL, READING, READING_ACKED, ORPHAN, ORPHAN_ACKED, SKIP };
enum { IN_AREA = 1 << 8, HEARTBEAT_MS = 100, TURN_MS = 250 };

typedef _Atomic uint32_t a32;
typedef _Atomic uint64_t a64;

struct lease {
	uint64_t p, k; /* the slots that the word speaks for; k = 0: none */
	uint64_t off;  /* where in them the record in hand starts */
	bool acked;    /* the first record is acknowledged */
	bool again;    /* delivered before, perhaps */
};

struct queue {
	int fd, probe;        /* probe: another description, to ask which seats are held */
	uint8_t *map;
	uint32_t flags, seats, shift, role, seat;
	uint32_t text, inlined; /* where in a line an inline payload starts, and how long it may be */
	uint64_t slots, area, slot_offset, data_offset, total_size;
	uint64_t next;        /* single roles: the position to go on from */
	uint64_t old_handout; /* single consumer: records before it are redelivered */
	uint64_t seen;        /* many consumers: orphans, when there was none left */
	int64_t looked;       /* when dead participants were looked for */
	uint64_t first, end;  /* ends of streams: the first since it attached, the next to look at */
	uint64_t met, limit;  /* those that had met others then; the position of end */
	unsigned how;         /* it ended */
	bool limited;         /* end has come, and may be for this consumer */
	bool got, cut;        /* a record before limit; a cut stream that was passed over */
	struct lease later;   /* what is left of a take that goes on behind limit */
	bool fence;           /* no membarrier: a fence before each look at a futex word */
};

static volatile sig_atomic_t stopped;

static void on_signal(int sig) { (void)sig; stopped = 1; }

static void wait_for_signal(void)
{
	while (!stopped)
		sleep(1);
}

/* The kernel drops the locks, and the others clean up. */
static _Noreturn void die(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("shmq_client: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	exit(1);
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- words ---- */

static a64 *hot(struct queue *q, unsigned off) { return (a64 *)(q->map + HOT + off); }
static uint8_t *entry(struct queue *q, uint32_t i) { return q->map + SEATS + i * SEAT; }
static uint64_t idx(struct queue *q, uint64_t p) { return p & (q->slots - 1); }
static uint8_t *line(struct queue *q, uint64_t p) { return q->map + q->slot_offset + idx(q, p) * LINE; }
static uint8_t *area(struct queue *q, uint64_t p) { return q->map + q->data_offset + idx(q, p) * q->area; }
static a64 *word(struct queue *q, uint64_t p) { return (a64 *)line(q, p); }

static uint64_t load(a64 *a) { return atomic_load_explicit(a, memory_order_acquire); }
static void store(a64 *a, uint64_t v) { atomic_store_explicit(a, v, memory_order_release); }
static bool cas(a64 *a, uint64_t v, uint64_t to) { return atomic_compare_exchange_strong(a, &v, to); }

static unsigned state(uint64_t w) { return w & 15; }
static bool owned(unsigned s) { return s == CLAIMED || s == READING || s == READING_ACKED; }
static unsigned low(uint64_t w) { return owned(state(w)) ? 14 : 4; } /* bits below k */

/* The word for position p; states that have an owner name this seat. */
static uint64_t mk(struct queue *q, unsigned s, uint64_t p, uint64_t k)
{
	uint64_t lap_k = (p >> q->shift) << q->shift | k;
	return owned(s) ? lap_k << 14 | q->seat << 4 | s : lap_k << 4 | s;
}

/* How many laps the word is ahead of position p, modulo the bits that it has. */
static int64_t ahead(struct queue *q, uint64_t w, uint64_t p)
{
	unsigned n = low(w) + q->shift;
	return (int64_t)(((w >> n) - (p >> q->shift)) << n) >> n;
}

/* k of a word read at p, bounded. */
static uint64_t span(struct queue *q, uint64_t w, uint64_t p)
{
	uint64_t k = idx(q, w >> low(w));
	if (k == 0 || k > q->slots - idx(q, p))
		die("damaged: word %#llx", (unsigned long long)w);
	return k;
}

/* The position of a word found at index i: the one nearest to `near`. */
static uint64_t position(struct queue *q, uint64_t w, uint64_t i, uint64_t near)
{
	return ((near >> q->shift) + (uint64_t)ahead(q, w, near)) << q->shift | i;
}

static void count(struct queue *q, unsigned field, uint64_t n)
{
	a64 *c = (a64 *)(entry(q, q->seat) + field);
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

/* ---- sleeping and waking ---- */

static long futex(a32 *f, int op, uint32_t v, const struct timespec *t)
{
	return syscall(SYS_futex, f, op, v, t, NULL, 0);
}

static void wake_all(struct queue *q, unsigned off)
{
	a32 *f = (a32 *)hot(q, off);
	atomic_thread_fence(memory_order_seq_cst);
	uint32_t w = atomic_load(f);
	while (w & 1 && !atomic_compare_exchange_weak(f, &w, (w & ~1u) + 2))
		;
	futex(f, FUTEX_WAKE, INT_MAX, NULL);
}

static void wake_one(struct queue *q, unsigned off)
{
	a32 *f = (a32 *)hot(q, off);
	if (q->fence)
		atomic_thread_fence(memory_order_seq_cst);
	else
		atomic_signal_fence(memory_order_seq_cst); /* the sleeper pays for the rest */
	uint32_t w = atomic_load_explicit(f, memory_order_relaxed);
	if (!(w & 1))
		return;
	long n = futex(f, FUTEX_WAKE, 1, NULL);
	if (n == 0 && atomic_compare_exchange_strong(f, &w, (w & ~1u) + 2))
		n = futex(f, FUTEX_WAKE, INT_MAX, NULL);
	if (n > 0)
		count(q, WAKES, (uint64_t)n);
}

static void look_for_dead(struct queue *q);

/* A step towards sleep. The first announces it (*armed was 0): the caller looks at the
 * queue once more. The second sleeps. */
static void rest(struct queue *q, unsigned off, uint32_t *armed)
{
	a32 *f = (a32 *)hot(q, off);
	struct timespec t = {.tv_nsec = (q->fence ? 2 : HEARTBEAT_MS) * 1000000L};
	if (!*armed) {
		uint32_t w = atomic_load(f);
		while (!(w & 1) && !atomic_compare_exchange_weak(f, &w, w | 1))
			;
		*armed = w | 1;
		atomic_thread_fence(memory_order_seq_cst);
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
		return;
	}
	count(q, WAITS, 1);
	futex(f, FUTEX_WAIT, *armed, &t);
	*armed = 0;
	if (now_ms() - q->looked >= HEARTBEAT_MS)
		look_for_dead(q);
}

/* ---- locks, seats and dead participants ---- */

static bool lock(struct queue *q, short type, off_t at)
{
	struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
	if (fcntl(q->fd, F_OFD_SETLK, &l) == 0)
		return true;
	if (errno != EAGAIN && errno != EACCES)
		die("lock: %s", strerror(errno));
	return false;
}

static bool held(int probe, off_t at)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
	if (fcntl(probe, F_OFD_GETLK, &l) != 0)
		die("ask for a lock: %s", strerror(errno));
	return l.l_type != F_UNLCK;
}

static off_t seat_byte(uint32_t i) { return SEATS + (off_t)i * SEAT; }

static bool dirty(struct queue *q, uint32_t i) { return atomic_load((a32 *)entry(q, i)) != 0; }

static void lift(a64 *a, uint64_t n);
static uint64_t unclaimed(struct queue *q);
static uint64_t untaken(struct queue *q);

/* Take back what seat i has in hand. The caller holds its lock. */
static void reclaim(struct queue *q, uint32_t i)
{
	for (uint64_t at = 0; at < q->slots; at++) {
		uint64_t w = load(word(q, at));
		unsigned s = state(w), hint = s == CLAIMED ? TAIL : HEAD;
		if (!owned(s) || (w >> 4 & 1023) != i)
			continue;
		uint64_t p = position(q, w, at, load(hot(q, hint))), k = idx(q, w >> low(w));
		if (k == 0 || k > q->slots - at)
			continue; /* no participant's */
		cas(hot(q, hint), p, p + k);
		unsigned to = s == CLAIMED ? SKIP : s == READING ? ORPHAN : ORPHAN_ACKED;
		if (cas(word(q, p), w, mk(q, to, p, k)) && s == CLAIMED)
			atomic_fetch_add(hot(q, SKIPPED), 1);
	}
	if (q->flags & MANY_CONSUMERS) { /* the dead may not have got to that */
		lift(hot(q, HEAD), untaken(q));
		if (q->flags & MANY_PRODUCERS)
			lift(hot(q, TAIL), unclaimed(q));
	}
	uint64_t turn = load(hot(q, TURN));
	if ((turn & 0xffff) == i + 1)
		cas(hot(q, TURN), turn, 0);
	atomic_fetch_add(hot(q, ORPHANS), 1);
	atomic_store((a32 *)entry(q, i), 0);
	wake_all(q, DATA_FUTEX);
	wake_all(q, ROOM_FUTEX);
}

static void look_for_dead(struct queue *q)
{
	q->looked = now_ms();
	lock(q, F_RDLCK, RECOVERY_BYTE);
	for (uint32_t i = 0; i < q->seats; i++)
		if (i != q->seat && dirty(q, i) && lock(q, F_WRLCK, seat_byte(i))) {
			if (dirty(q, i))
				reclaim(q, i);
			lock(q, F_UNLCK, seat_byte(i));
		}
	lock(q, F_UNLCK, RECOVERY_BYTE);
}

/* ---- streams ---- */

static a64 *end_of(struct queue *q, uint64_t n, unsigned field) { return hot(q, END_LOG + n % LOGGED * 32 + field); }

static bool open_stream(struct queue *q) { return load(hot(q, EPOCH)) != load(end_of(q, load(hot(q, ENDS)), END_EPOCH)); }

static void lift(a64 *a, uint64_t n)
{
	uint64_t v = load(a);
	while ((int64_t)(n - v) > 0 && !atomic_compare_exchange_weak(a, &v, n))
		;
}

static uint64_t last_tail(struct queue *q);
static bool awaited(struct queue *q, uint64_t n, bool me);

/* Note the end of the stream that is open, if one is. The caller holds STREAM_BYTE, and no
 * producer is attached, but perhaps one that is attaching and has not begun. */
static void note_end(struct queue *q)
{
	uint64_t n = load(hot(q, ENDS)), epoch = load(hot(q, EPOCH)), left = load(hot(q, LEFT));
	uint64_t began = epoch - load(end_of(q, n, END_EPOCH));
	if (began == 0)
		return;
	unsigned how = left - load(end_of(q, n, END_LEFT)) != began ? CUT : load(hot(q, FINISHED)) == epoch ? BY_MARK : ALL_LEFT;
	n++;
	store(end_of(q, n, END_MARK), last_tail(q) << 4 | how);
	store(end_of(q, n, END_EPOCH), epoch);
	store(end_of(q, n, END_LEFT), left);
	if (awaited(q, n, true))
		lift(hot(q, MET), n);
	atomic_store(hot(q, ENDS), n);
}

/* The same for a consumer, which does not wait for others that are about to do it. */
static void look_for_end(struct queue *q)
{
	if (!open_stream(q) || held(q->probe, PRODUCERS_BYTE) || !lock(q, F_WRLCK, STREAM_BYTE))
		return;
	if (!held(q->probe, PRODUCERS_BYTE))
		note_end(q);
	lock(q, F_UNLCK, STREAM_BYTE);
}

static void await(struct queue *q, uint64_t n) { atomic_store((a32 *)(entry(q, q->seat) + AWAITS), (uint32_t)(n << 1 | 1)); }

/* Whether a consumer that lives, this one too or others only, has a claim to end n. */
static bool awaited(struct queue *q, uint64_t n, bool me)
{
	for (uint32_t i = 0; i < q->seats; i++) {
		uint32_t a = atomic_load((a32 *)(entry(q, i) + AWAITS));
		if ((me || i != q->seat) && dirty(q, i) && atomic_load((a32 *)(entry(q, i) + 4)) == CONSUMER && a & 1 &&
		    (int32_t)((uint32_t)(n << 1 | 1) - a) >= 0 && held(q->probe, seat_byte(i)))
			return true;
	}
	return false;
}

/* With many consumers head may lag, and so may tail if producers are many too. From there the
 * words tell where the next take, or claim, goes: over those of the lap by what they speak for,
 * over those of a later lap, which were freed, one by one. */
static uint64_t walk(struct queue *q, unsigned hint, unsigned stops)
{
	uint64_t p = load(hot(q, hint)), now;
	for (uint64_t n = 0; n < 4 * q->slots + 16 * q->seats; n++) {
		uint64_t w = load(word(q, p));
		int64_t laps = ahead(q, w, p);
		if (laps > 0) {
			p++;
			if ((int64_t)((now = load(hot(q, hint))) - p) > 0)
				p = now; /* it has gone on since */
		} else if (laps < 0 || stops >> state(w) & 1)
			break;
		else
			p += span(q, w, p);
	}
	return p;
}

static uint64_t unclaimed(struct queue *q) { return walk(q, TAIL, 1 << FREE); }
static uint64_t untaken(struct queue *q) { return walk(q, HEAD, 1 << FREE | 1 << CLAIMED | 1 << FULL); }

static uint64_t receiving_at(struct queue *q) { return q->flags & MANY_CONSUMERS ? untaken(q) : q->next; }

static void pass_end(struct queue *q)
{
	q->cut |= q->how == CUT && (int64_t)(q->limit - receiving_at(q)) > 0;
	q->end++;
	q->limited = false;
	q->seen = load(hot(q, ORPHANS)) - 1; /* there may be orphans behind the limit */
}

/* Find the end that this consumer may have to stop at. */
static void look_at_ends(struct queue *q)
{
	q->limited = false;
	for (int tries = 0; tries < 2 * LOGGED; tries++) {
		uint64_t last = load(hot(q, ENDS)), at = receiving_at(q), mark;
		if ((int64_t)(last - q->end) < 0)
			return;
		if (last - q->end >= LOGGED) {
			q->end = last - (LOGGED - 1); /* older ones are forgotten */
			continue;
		}
		mark = load(end_of(q, q->end, END_MARK));
		if (load(hot(q, ENDS)) - q->end >= LOGGED)
			continue;
		q->limit = at + (uint64_t)((int64_t)((mark >> 4) - at) * 16 / 16);
		q->how = mark & 15;
		q->limited = (int64_t)(q->end - q->first) >= 0 ||
			     ((int64_t)(load(hot(q, TOLD)) - q->end) < 0 && (int64_t)(at - q->limit) <= 0 &&
			      (q->how == BY_MARK || (q->end == last && !open_stream(q))));
		if (q->limited)
			return;
		pass_end(q);
	}
}

static bool beyond(struct queue *q, uint64_t p) { return q->limited && (int64_t)(p - q->limit) >= 0; }

static void listen(struct queue *q)
{
	uint64_t last, met, told;
	look_for_end(q);
	last = load(hot(q, ENDS)), met = load(hot(q, MET)), told = load(hot(q, TOLD));
	lift(hot(q, MET), last);
	q->met = met;
	q->first = last + 1;
	q->end = (int64_t)(last - told) > 0 ? told + 1 : last + 1;
	if ((int64_t)(last - q->end) >= LOGGED)
		q->end = last - (LOGGED - 1);
	await(q, (int64_t)(last - met) <= 0 ? last + 1 : (int64_t)(met + 1 - q->end) > 0 ? met + 1 : q->end);
}

/* ---- attaching ---- */

static uint32_t crc32c(const uint8_t *b, size_t n)
{
	uint32_t c = ~0u;
	while (n--) {
		c ^= *b++;
		for (int i = 0; i < 8; i++)
			c = c >> 1 ^ (c & 1 ? 0x82f63b78u : 0);
	}
	return ~c;
}

static uint32_t u32(const uint8_t *b) { uint32_t v; memcpy(&v, b, 4); return v; }
static uint64_t u64(const uint8_t *b) { uint64_t v; memcpy(&v, b, 8); return v; }
static uint64_t page_up(uint64_t n) { return (n + PAGE - 1) & ~(uint64_t)(PAGE - 1); }

static void open_queue(struct queue *q, const char *path, int mode, int prot)
{
	uint8_t h[PAGE];
	struct stat st;
	*q = (struct queue){.fd = open(path, mode | O_CLOEXEC)};
	if (q->fd < 0 || fstat(q->fd, &st) != 0)
		die("%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || pread(q->fd, h, PAGE, 0) != PAGE || memcmp(h, "shmq\r\n\x1a", 8))
		die("%s: not a queue", path);
	if (u32(h + 8) != 3)
		die("%s: layout version %u", path, u32(h + 8));
	if (u32(h + 124) != crc32c(h, 124))
		die("%s: damaged: checksum", path);
	q->flags = u32(h + 16), q->seats = u32(h + 20), q->slots = u64(h + 24), q->area = u64(h + 32);
	if (q->flags & CHECKSUM)
		die("%s: its records have checksums, which this program does not write", path);
	if (q->flags & ~(uint32_t)(MANY_PRODUCERS | MANY_CONSUMERS | TIMESTAMPS))
		die("%s: unknown flags %#x", path, q->flags);
	if (q->seats < 2 || q->seats > 1024 || q->slots < 2 || q->slots > 1 << 24 ||
	    q->slots & (q->slots - 1) || q->area < 64 || q->area > 1 << 30 || q->area % 64)
		die("%s: damaged: limits", path);
	q->slot_offset = page_up(SEATS + (uint64_t)q->seats * SEAT);
	q->data_offset = page_up(q->slot_offset + q->slots * LINE);
	q->total_size = page_up(q->data_offset + q->slots * q->area);
	if (u32(h + 12) != PAGE || u64(h + 40) != HOT || u64(h + 48) != SEATS || u64(h + 56) != q->slot_offset ||
	    u64(h + 64) != q->data_offset || u64(h + 72) != q->total_size)
		die("%s: damaged: offsets", path);
	if ((uint64_t)st.st_size < q->total_size)
		die("%s: damaged: shorter than its header says", path);
	q->shift = (uint32_t)__builtin_ctzll(q->slots);
	q->text = q->flags & TIMESTAMPS ? 24 : 16, q->inlined = LINE - q->text;
	q->map = mmap(NULL, q->total_size, prot, MAP_SHARED, q->fd, 0);
	if (q->map == MAP_FAILED || madvise(q->map, q->total_size, MADV_DONTFORK) != 0)
		die("%s: map: %s", path, strerror(errno));
}

/* When this process started, in clock ticks since boot: field 22 of its stat. */
static uint64_t start_time(void)
{
	char buf[1024] = "";
	FILE *f = fopen("/proc/self/stat", "re");
	if (!f)
		return 0;
	buf[fread(buf, 1, sizeof buf - 1, f)] = 0;
	fclose(f);
	char *s = strrchr(buf, ')'); /* the end of field 2 */
	for (int field = 2; s && field < 22; field++)
		s = strchr(s + 1, ' ');
	return s ? strtoull(s, NULL, 10) : 0;
}

/* The counts of the seat's last holder go into its sums: five u64 in one of two banks,
 * sent, bytes, received, bytes, redelivered. The one that counts now is chosen by FOLDS, which
 * becomes odd here, and even when the counters are those of a new holder. */
static void fold(uint8_t *e)
{
	a64 *folds = (a64 *)(e + FOLDS);
	uint64_t f = load(folds), sum[5], *to = (uint64_t *)(e + BANKS + (f / 2 + 1) % 2 * 40);
	if (f % 2)
		return; /* a participant died in the middle of this */
	memcpy(sum, e + BANKS + f / 2 % 2 * 40, sizeof sum);
	int at = u32(e + 4) == PRODUCER ? 0 : u32(e + 4) == CONSUMER ? 2 : -1;
	if (at >= 0)
		sum[at] += u64(e + RECORDS), sum[at + 1] += u64(e + BYTES);
	if (at == 2)
		sum[4] += u64(e + REDELIVERED);
	memcpy(to, sum, sizeof sum);
	atomic_store(folds, f + 1);
}

static void take_seat(struct queue *q, const char *path)
{
	lock(q, F_RDLCK, RECOVERY_BYTE);
	while (q->seat < q->seats && !lock(q, F_WRLCK, seat_byte(q->seat)))
		q->seat++;
	if (q->seat == q->seats)
		die("%s: no seat is left", path);
	if (dirty(q, q->seat))
		reclaim(q, q->seat);
	lock(q, F_UNLCK, RECOVERY_BYTE);
	store((a64 *)(entry(q, q->seat) + INHERITS), 0);
	struct {
		uint32_t state, role, pid, uid;
		uint64_t start, attached;
		char command[24], zero[72];
	} e = {1, q->role, (uint32_t)getpid(), getuid(), start_time(), (uint64_t)time(NULL) * 1000000000, "", ""};
	_Static_assert(sizeof e == FOLDS, "a seat's entry up to its sums");
	uint8_t *to = entry(q, q->seat);
	snprintf(e.command, sizeof e.command, "%s", program_invocation_short_name);
	fold(to);
	atomic_store((a32 *)(to + 4), q->role);
	atomic_store((a32 *)to, 1);
	memcpy(to + 8, (uint8_t *)&e + 8, sizeof e - 8);
	atomic_fetch_add((a64 *)(to + FOLDS), 1);
}

/* Where the next claim goes, while no producer is at work: a dead one may not have moved
 * tail, and consumers go on meanwhile. */
static uint64_t last_tail(struct queue *q)
{
	uint64_t h = load(hot(q, HEAD)), t = load(hot(q, TAIL));
	if ((int64_t)(h - t) > 0)
		t = h;
	for (;;) {
		uint64_t w = load(word(q, t));
		int64_t laps = ahead(q, w, t);
		if (laps < 0 || (laps == 0 && state(w) == FREE))
			break;
		if (laps == 0)
			t += span(q, w, t);
		else if (q->flags & MANY_CONSUMERS)
			t++; /* taken and freed */
		else if ((int64_t)((h = load(hot(q, HEAD))) - t) > 0)
			t = h;
		else
			die("damaged: tail");
	}
	return t;
}

/* A single producer that died before it published a record may have left that one's mark, in an
 * entry of the position that is next. It would count with what this one sends there. */
static void drop_mark(struct queue *q)
{
	for (unsigned i = 0; i < 2; i++)
		if (load(hot(q, MARKS + i * 32)) == q->next + 1)
			store(hot(q, MARKS + i * 32), 0);
}

/* ---- incarnations ---- */

static void hash(uint64_t *h, const void *b, size_t n)
{
	for (const uint8_t *p = b; n-- > 0; p++)
		*h = (*h ^ *p) * 0x100000001b3;
}

/* The stamp of this boot, the file, and the last change to it that was not made through a
 * mapping. False where the filesystem does not tell: then an incarnation begins each time. */
static bool home(struct queue *q, uint64_t *stamp)
{
	struct statfs fs;
	struct stat st;
	char text[64] = "";
	uint8_t boot[16] = {0};
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	if (fstatfs(q->fd, &fs) != 0 || fstat(q->fd, &st) != 0)
		die("stat: %s", strerror(errno));
	if (f) {
		text[fread(text, 1, sizeof text - 1, f)] = 0;
		fclose(f);
	}
	int n = 0;
	for (const char *s = text; *s && n < 32; s++)
		if (*s != '-') {
			int v = *s >= 'a' ? *s - 'a' + 10 : *s - '0';
			boot[n / 2] = (uint8_t)(boot[n / 2] << 4 | v), n++;
		}
	if (n < 32 && getrandom(boot, sizeof boot, 0) != sizeof boot)
		die("no random numbers: %s", strerror(errno));
	uint64_t words[] = {st.st_dev, st.st_ino, (uint64_t)st.st_ctim.tv_sec * 1000000000 + (uint64_t)st.st_ctim.tv_nsec};
	*stamp = 0xcbf29ce484222325;
	hash(stamp, boot, sizeof boot);
	hash(stamp, words, sizeof words);
	*stamp += *stamp == 0;
	uint32_t type = (uint32_t)fs.f_type;
	bool told = type == 0x01021994 || type == 0x958458f6; /* tmpfs, hugetlbfs */
	if (!told)
		*stamp = 0;
	return told;
}

/* Make records sent from now on be of a new incarnation. No process has a role. */
static void begin_incarnation(struct queue *q, uint64_t stamp)
{
	uint64_t head = load(hot(q, HEAD)), end = load(hot(q, TAIL)), w, latest[4] = {0}, n = 0, start = 0;
	if ((int64_t)(head - end) > 0)
		end = head;
	for (uint64_t i = 0; i <= q->slots; i++) { /* tail may lag behind a dead producer's record */
		uint64_t k;
		w = load(word(q, end)), k = idx(q, w >> low(w));
		if (q->flags & MANY_CONSUMERS && ahead(q, w, end) > 0) {
			end++; /* taken and freed */
			continue;
		}
		if (ahead(q, w, end) != 0 || state(w) == FREE || k == 0 || k > q->slots - idx(q, end))
			break;
		end += k;
	}
	for (unsigned i = 0; i < 32; i++) { /* entries: number, start, id, CRC-32C of these */
		for (unsigned j = 0; j < 4; j++)
			latest[j] = load(hot(q, INCARNATIONS + i * 32 + j * 8));
		if (latest[3] == crc32c((uint8_t *)latest, 24) && latest[0] % 32 == i && latest[0] > n)
			n = latest[0], start = latest[1];
	}
	if (n == 0 || start != end)
		n++;
	uint64_t e[4] = {n, end};
	if (getrandom(&e[2], 8, 0) != 8)
		die("no random numbers: %s", strerror(errno));
	e[2] += e[2] == 0;
	e[3] = crc32c((uint8_t *)e, 24);
	for (unsigned j = 0; j < 4; j++)
		store(hot(q, INCARNATIONS + (unsigned)(n % 32) * 32 + j * 8), e[j]);
	store(hot(q, HOME), stamp); /* last */
}

static void take_role(struct queue *q, const char *path, bool many)
{
	off_t role = q->role == PRODUCER ? PRODUCERS_BYTE : CONSUMERS_BYTE;
	for (;;) {
		uint64_t stamp;
		bool told = home(q, &stamp), gate = !told || load(hot(q, HOME)) != stamp;
		while (gate && !lock(q, F_WRLCK, GATE_BYTE))
			usleep(1000);
		if (gate && !held(q->fd, PRODUCERS_BYTE) && !held(q->fd, CONSUMERS_BYTE) &&
		    (!told || load(hot(q, HOME)) != stamp))
			begin_incarnation(q, stamp);
		if (!lock(q, many ? F_RDLCK : F_WRLCK, role))
			die("%s: role is taken", path);
		if (gate) {
			lock(q, F_UNLCK, GATE_BYTE);
			return;
		}
		home(q, &stamp);
		if (load(hot(q, HOME)) == stamp)
			return;
		lock(q, F_UNLCK, role); /* an incarnation begins just now */
	}
}

static void attach(struct queue *q, const char *path, uint32_t role)
{
	struct stat st, named;
	bool many;
	open_queue(q, path, O_RDWR, PROT_READ | PROT_WRITE);
	many = q->flags & (role == PRODUCER ? MANY_PRODUCERS : MANY_CONSUMERS);
	q->role = role;
	q->fence = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) != 0;
	while (role == PRODUCER && !lock(q, F_WRLCK, STREAM_BYTE))
		usleep(1000);
	take_role(q, path, many);
	/* With the role's lock held no process removes the queue; was it removed before? */
	if ((q->probe = open(path, O_RDONLY | O_CLOEXEC)) < 0 || fstat(q->probe, &named) != 0 ||
	    fstat(q->fd, &st) != 0 || st.st_ino != named.st_ino || st.st_dev != named.st_dev)
		die("%s: removed meanwhile", path);
	if (role == PRODUCER && !held(q->fd, PRODUCERS_BYTE)) { /* by others */
		note_end(q);
		atomic_fetch_add(hot(q, ORPHANS), 1);
	}
	take_seat(q, path);
	if (role == PRODUCER)
		lock(q, F_UNLCK, STREAM_BYTE);
	look_for_dead(q);
	if (role == PRODUCER) {
		if (!many) {
			q->next = last_tail(q);
			drop_mark(q);
		}
		atomic_fetch_add(hot(q, EPOCH), 1); /* nothing refuses it any more */
	} else {
		q->next = load(hot(q, HEAD));
		q->old_handout = load(hot(q, HANDOUT));
		q->seen = load(hot(q, ORPHANS)) - 1; /* look at once */
		listen(q);
	}
}

static void leave(struct queue *q)
{
	while (q->role == PRODUCER && !lock(q, F_WRLCK, STREAM_BYTE))
		usleep(1000);
	if (q->role == PRODUCER)
		atomic_fetch_add(hot(q, LEFT), 1);
	reclaim(q, q->seat); /* gives back what is held, and marks the entry clean */
	lock(q, F_UNLCK, seat_byte(q->seat));
	lock(q, F_UNLCK, q->role == PRODUCER ? PRODUCERS_BYTE : CONSUMERS_BYTE);
	if (q->role == PRODUCER && !held(q->probe, PRODUCERS_BYTE))
		note_end(q);
	if (q->role == PRODUCER)
		lock(q, F_UNLCK, STREAM_BYTE);
	wake_all(q, DATA_FUTEX);
}

/* ---- sending ---- */

static bool turn_counts(uint64_t turn)
{
	int64_t left = (int64_t)(turn >> 16) - now_ms();
	return turn != 0 && left > 0 && left <= TURN_MS;
}

static bool my_turn(struct queue *q, uint64_t turn) { return (turn & 0xffff) == q->seat + 1; }

/* Free the SKIP w of the lap before at p, if everything before it was taken. */
static bool recycle(struct queue *q, uint64_t p, uint64_t w)
{
	uint64_t head = untaken(q), k = span(q, w, p), v;
	if ((int64_t)(head - p) <= 0)
		return false;
	lift(hot(q, HEAD), head);
	for (uint64_t j = k - 1; j > 0; j--)
		if (ahead(q, v = load(word(q, p + j)), p) == 0)
			cas(word(q, p + j), v, mk(q, FREE, p + q->slots, 0));
	cas(word(q, p), w, mk(q, FREE, p + q->slots, 0));
	return true;
}

/* Whether k slots at t are free. */
static bool room(struct queue *q, uint64_t t, uint64_t k)
{
	if (!(q->flags & MANY_CONSUMERS))
		return (int64_t)(t + k - load(hot(q, HEAD))) <= (int64_t)q->slots;
	for (uint64_t j = 0; j < k;) {
		uint64_t w = load(word(q, t + j));
		if (w == mk(q, FREE, t, 0))
			j++;
		else if (state(w) != SKIP || ahead(q, w, t) != -1 || !recycle(q, t + j - q->slots, w))
			return false;
	}
	return true;
}

/* Take k slots, at *pos; false: the ring is full, or another has the turn. */
static bool try_claim(struct queue *q, uint64_t k, uint64_t *pos)
{
	bool many = q->flags & MANY_PRODUCERS, lags = many && q->flags & MANY_CONSUMERS;
	for (;;) {
		uint64_t turn = load(hot(q, TURN)), t = lags ? unclaimed(q) : many ? load(hot(q, TAIL)) : q->next;
		uint64_t w = load(word(q, t)), left = q->slots - idx(q, t), n = k < left ? k : left;
		int64_t laps = ahead(q, w, t);
		if (many && !my_turn(q, turn) && turn_counts(turn))
			return false;
		if (many && laps > 0) {
			if (!lags && load(hot(q, TAIL)) == t)
				die("damaged: tail");
			continue;
		}
		if (many && laps == 0 && state(w) != FREE) {
			if (!lags)
				cas(hot(q, TAIL), t, t + span(q, w, t));
			continue;
		}
		if (!room(q, t, n)) {
			if (many && load(word(q, t)) != w)
				continue; /* t was claimed meanwhile: what room saw is old */
			if (lags)
				lift(hot(q, TAIL), t); /* others count by it whether there is room */
			return false;
		}
		if (many && !cas(word(q, t), w, mk(q, k > left ? SKIP : CLAIMED, t, n)))
			continue;
		if (lags)
			lift(hot(q, TAIL), t + n);
		else if (many)
			cas(hot(q, TAIL), t, t + n);
		*pos = t;
		if (k <= left)
			return true;
		if (!many) {
			store(word(q, t), mk(q, SKIP, t, n));
			store(hot(q, TAIL), q->next = t + n);
		}
		wake_one(q, DATA_FUTEX); /* of a filler too: it may be what the room waits for */
	}
}

static bool claim(struct queue *q, uint64_t k, uint64_t *pos)
{
	uint32_t armed = 0;
	bool waited = false, got;
	for (; !(got = try_claim(q, k, pos)) && !stopped; waited = true) {
		uint64_t turn = load(hot(q, TURN));
		if (k > 1 && q->flags & MANY_PRODUCERS && (my_turn(q, turn) || !turn_counts(turn)))
			cas(hot(q, TURN), turn, (uint64_t)(now_ms() + TURN_MS) << 16 | (q->seat + 1));
		rest(q, ROOM_FUTEX, &armed);
	}
	uint64_t turn = load(hot(q, TURN));
	if (my_turn(q, turn) && cas(hot(q, TURN), turn, 0))
		wake_all(q, ROOM_FUTEX);
	else if (waited)
		wake_one(q, ROOM_FUTEX); /* there may be room for another */
	return got;
}

static void send_record(struct queue *q, const uint8_t *b, uint32_t n, bool hold)
{
	uint64_t k = n <= q->area ? 1 : (n + q->area - 1) / q->area, t;
	uint32_t meta = n > q->inlined ? IN_AREA : 0;
	bool many = q->flags & MANY_PRODUCERS;
	if (!claim(q, k, &t))
		return;
	memcpy(meta ? area(q, t) : line(q, t) + q->text, b, n);
	memcpy(line(q, t) + 8, (uint32_t[]){n, meta}, 8);
	if (q->flags & TIMESTAMPS) {
		struct timespec now;
		clock_gettime(CLOCK_REALTIME, &now);
		memcpy(line(q, t) + 16, &(uint64_t){(uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec}, 8);
	}
	if (hold) {
		puts("holding");
		wait_for_signal();
		if (many)
			store(word(q, t), mk(q, SKIP, t, k)); /* abort; leave wakes */
		return;
	}
	store(word(q, t), mk(q, FULL, t, k));
	if (!many)
		store(hot(q, TAIL), q->next = t + k);
	count(q, RECORDS, 1);
	count(q, BYTES, n);
	wake_one(q, DATA_FUTEX);
}

/* ---- receiving ---- */

static void freed(struct queue *q)
{
	int64_t used = (int64_t)(load(hot(q, TAIL)) - load(hot(q, HEAD)));
	if (load(hot(q, TURN)))
		wake_all(q, ROOM_FUTEX);
	else if (used <= (int64_t)(q->slots - q->slots / 4))
		wake_one(q, ROOM_FUTEX);
}

/* Say in the seat which record of a dead one's take this consumer hands out next. */
static void inherit(struct queue *q, uint64_t place)
{
	if (place == 0 && q->later.k)
		place = q->later.p + q->later.off + 1;
	store((a64 *)(entry(q, q->seat) + INHERITS), place);
}

static bool take_orphan(struct queue *q, struct lease *l)
{
	for (uint64_t now; (now = load(hot(q, ORPHANS))) != q->seen;) {
		look_at_ends(q); /* a stream may have begun */
		uint64_t head = load(hot(q, HEAD)), p = 0, found = 0;
		for (uint64_t i = 0; i < q->slots; i++) {
			uint64_t w = load(word(q, i)), at = position(q, w, i, head);
			if ((state(w) == ORPHAN || state(w) == ORPHAN_ACKED) && !beyond(q, at) && (!found || (int64_t)(at - p) < 0))
				p = at, found = w;
		}
		if (!found) {
			q->seen = now;
			inherit(q, 0);
			break;
		}
		if (load(hot(q, ORPHANS)) != now)
			continue; /* it may be of a stream that has begun since the look */
		bool acked = state(found) == ORPHAN_ACKED;
		uint64_t k = span(q, found, p);
		inherit(q, p + 1); /* before it is taken, for those that look whether all is out */
		atomic_thread_fence(memory_order_seq_cst);
		if (cas(word(q, p), found, mk(q, acked ? READING_ACKED : READING, p, k))) {
			*l = (struct lease){.p = p, .k = k, .acked = acked, .again = true};
			q->got |= q->limited;
			return true;
		}
	}
	return false;
}

static bool take(struct queue *q, struct lease *l)
{
	bool many = q->flags & MANY_CONSUMERS;
	if (many && take_orphan(q, l))
		return true;
	for (;;) {
		uint64_t h = receiving_at(q), w = load(word(q, h));
		int64_t laps = ahead(q, w, h);
		unsigned s = state(w);
		if (many && (laps > 0 || (laps == 0 && s > FULL && s <= SKIP)))
			continue; /* taken meanwhile */
		if (laps < 0 || (laps == 0 && (s == FREE || s == CLAIMED))) {
			if (many)
				lift(hot(q, HEAD), h); /* others count by it whether there is room */
			return false;
		}
		if (laps > 0 || s > SKIP || (!many && s != FULL && s != SKIP))
			die("damaged: head");
		struct lease got = {.p = h, .k = span(q, w, h)};
		if (s == FULL && (q->limited || (many ? load(hot(q, ORPHANS)) != q->seen : (int64_t)(load(hot(q, ENDS)) - q->end) >= 0))) {
			look_at_ends(q); /* after the word was seen */
			if (beyond(q, h)) {
				if (many)
					lift(hot(q, HEAD), h);
				return false;
			}
			q->got |= q->limited;
		}
		if (many && s == FULL && !cas(word(q, h), w, mk(q, READING, h, got.k)))
			continue;
		if (many) {
			lift(hot(q, HEAD), h + got.k);
		} else if (s == FULL) {
			if ((int64_t)(h + got.k - load(hot(q, HANDOUT))) > 0)
				store(hot(q, HANDOUT), h + got.k);
			got.again = (int64_t)(q->old_handout - h) > 0;
		} else {
			store(hot(q, HEAD), h + got.k); /* nothing else is in hand */
			freed(q);
		}
		q->next = h + got.k;
		if (s == FULL) {
			*l = got;
			wake_one(q, DATA_FUTEX); /* another may be ready */
			return true;
		}
	}
}

/* Move to the next record in the lease; when there is none, free it. */
static void advance(struct queue *q, struct lease *l)
{
	bool many = q->flags & MANY_CONSUMERS;
	for (l->off++; many && l->off < l->k; l->off++) {
		uint64_t w = load(word(q, l->p + l->off));
		if (state(w) == FULL && ahead(q, w, l->p) == 0) {
			inherit(q, l->p + l->off + 1);
			return;
		}
	}
	if (many && l->again)
		inherit(q, 0);
	if (!many)
		store(hot(q, HEAD), l->p + l->k);
	for (uint64_t j = l->k; many && j-- > 0;) /* the first word last */
		store(word(q, l->p + j), mk(q, FREE, l->p + q->slots, 0));
	freed(q);
	l->k = 0;
}

static void ack(struct queue *q, struct lease *l)
{
	uint64_t p = l->p + l->off;
	count(q, RECORDS, 1);
	count(q, BYTES, u32(line(q, p) + 8));
	if (q->flags & MANY_CONSUMERS && l->off > 0)
		store(word(q, p), mk(q, SKIP, p, span(q, load(word(q, p)), p)));
	else if (q->flags & MANY_CONSUMERS && l->k > 1)
		store(word(q, p), mk(q, READING_ACKED, p, l->k));
	l->acked = true;
	advance(q, l);
}

/* Whether not even a claim stands at head: of a dead one, that others clean up. */
static bool idle(struct queue *q)
{
	uint64_t h = receiving_at(q), w = load(word(q, h));
	return beyond(q, h) || ahead(q, w, h) < 0 || (ahead(q, w, h) == 0 && state(w) == FREE);
}

/* Whether all before the limit was handed out; nothing was found a moment ago. */
static bool all_out(struct queue *q)
{
	uint64_t orphans = load(hot(q, ORPHANS));
	if (!idle(q))
		return false;
	if (!(q->flags & MANY_CONSUMERS))
		return true;
	for (uint32_t i = 0; i < q->seats; i++) {
		uint64_t p = load((a64 *)(entry(q, i) + INHERITS));
		if (i != q->seat && dirty(q, i) && p != 0 && (int64_t)(p - 1 - q->limit) < 0)
			return false;
	}
	return orphans == q->seen && load(hot(q, ORPHANS)) == orphans;
}

/* Whether this consumer is told the end of a stream, after it has found nothing. *how is 0
 * if it went past an end that is for others: then there may be something to find. */
static bool ended(struct queue *q, unsigned *how)
{
	look_for_end(q);
	look_at_ends(q);
	if (!q->limited)
		return false;
	look_for_dead(q);
	if (held(q->probe, RECOVERY_BYTE) || !all_out(q))
		return false;
	bool mine = (int64_t)(q->end - q->first) >= 0, open = (int64_t)(q->end - q->met) > 0 || q->got;
	uint64_t h = receiving_at(q), told = load(hot(q, TOLD));
	*how = 0;
	if (!mine && (!open || awaited(q, q->end, false))) {
		bool later = load(hot(q, ENDS)) != q->end;
		if (!later && (!beyond(q, h) || ahead(q, load(word(q, h)), h) != 0 || state(load(word(q, h))) != FULL))
			return false; /* it may still become this one's */
		pass_end(q);
		return true;
	}
	if (mine)
		lift(hot(q, TOLD), q->end);
	else if ((int64_t)(told - q->end) >= 0 || !cas(hot(q, TOLD), told, q->end))
		return true; /* another was first */
	*how = q->cut ? CUT : q->how;
	pass_end(q);
	await(q, q->end);
	return true;
}

/* Have a record in hand; false at the end of the stream, or after a signal. */
static bool receive(struct queue *q, struct lease *l)
{
	unsigned how;
	for (uint32_t armed = 0; !stopped; armed = 0) {
		if (l->k && !beyond(q, l->p + l->off))
			return true;
		if (l->k) { /* only one take can go over an end */
			q->later = *l;
			l->k = 0;
		} else if (q->later.k && !beyond(q, q->later.p + q->later.off)) {
			*l = q->later;
			q->later.k = 0;
		}
		for (bool more = l->k; !more && !stopped;) {
			if ((more = take(q, l))) {
				if (l->acked)
					advance(q, l);
			} else if (!armed || !ended(q, &how)) {
				rest(q, DATA_FUTEX, &armed);
			} else if (how) {
				if (how == CUT)
					fputs("shmq_client: the stream was broken off\n", stderr);
				return false;
			} else {
				more = true; /* what was behind an end may not be any more */
			}
		}
	}
	return false;
}

/* Print the record in hand. */
static bool print_record(struct queue *q, struct lease *l)
{
	uint64_t p = l->p + l->off;
	uint8_t *s = line(q, p);
	uint32_t n = u32(s + 8), meta = u32(s + 12);
	if (n > (meta & IN_AREA ? (l->k - l->off) * q->area : q->inlined))
		die("damaged: length %u", n);
	if (l->again) {
		meta += meta >> 16 < 0xffff ? 1 << 16 : 0;
		memcpy(s + 12, &meta, 4);
		count(q, REDELIVERED, 1);
	}
	return printf("%u %08x\n", n, crc32c(meta & IN_AREA ? area(q, p) : s + q->text, n)) > 0;
}

/* ---- the program ---- */

/* Record n, of at most max bytes; max >= 64. */
static uint32_t make_record(uint64_t n, uint64_t max, uint8_t *b)
{
	uint32_t h = 0, len = (uint32_t)(n * 37 % (max - 4)); /* of a string */
	if (n % 5 == 0)
		return 0;
	if (n % 5 == 1) {
		b[0] = n & 0x7f; /* positive fixint */
		return 1;
	}
	int bytes = len < 32 ? 0 : len < 1 << 8 ? 1 : len < 1 << 16 ? 2 : 4;
	b[h++] = bytes ? "\xd9\xda\0\xdb"[bytes - 1] & 0xff : 0xa0 | (int)len; /* str 8, 16, 32, fixstr */
	if (n % 5 == 2)
		b[0] = 0xce, bytes = 4; /* uint 32 */
	for (uint32_t v = n % 5 == 2 ? (uint32_t)n : len; bytes-- > 0;)
		b[h++] = (uint8_t)(v >> 8 * bytes);
	for (uint32_t j = 0; n % 5 != 2 && j < len; j++)
		b[h++] = (uint8_t)('a' + (n + j) % 26);
	return h;
}

static int send_main(const char *path, uint64_t n, bool hold)
{
	struct queue q;
	attach(&q, path, PRODUCER);
	uint64_t max = (q.slots / 2 < 5 ? q.slots / 2 : 5) * q.area;
	if (max > 1 << 20)
		max = 1 << 20;
	uint8_t *b = malloc(max);
	for (uint64_t i = 0; b && i < n && !stopped; i++)
		send_record(&q, b, make_record(i, max, b), hold && i + 1 == n);
	leave(&q);
	free(b);
	return b ? 0 : 1;
}

static int recv_main(const char *path, uint64_t n, bool hold)
{
	struct queue q;
	struct lease l = {.k = 0};
	bool ok = true;
	attach(&q, path, CONSUMER);
	for (uint64_t i = 0; i < n && receive(&q, &l); i++) {
		if (!(ok = print_record(&q, &l)))
			break;
		if (hold && i + 1 == n) {
			wait_for_signal();
			break;
		}
		ack(&q, &l);
	}
	leave(&q);
	return ok ? 0 : 1;
}

static int stat_main(const char *path)
{
	struct queue q;
	open_queue(&q, path, O_RDONLY, PROT_READ);
	printf("producers %s\nconsumers %s\nslots %llu\nslot_size %llu\nhead %llu\ntail %llu\n",
	       q.flags & MANY_PRODUCERS ? "many" : "one", q.flags & MANY_CONSUMERS ? "many" : "one",
	       (unsigned long long)q.slots, (unsigned long long)q.area,
	       (unsigned long long)(q.flags & MANY_CONSUMERS ? untaken(&q) : load(hot(&q, HEAD))),
	       (unsigned long long)(q.flags & MANY_CONSUMERS && q.flags & MANY_PRODUCERS ? unclaimed(&q) : load(hot(&q, TAIL))));
	for (uint32_t i = 0; i < q.seats; i++) {
		const uint8_t *e = entry(&q, i);
		bool alive = held(q.fd, seat_byte(i));
		if (alive || dirty(&q, i))
			printf("seat %u %s %s pid %u %.23s\n", i, u32(e + 4) == PRODUCER ? "producer" : "consumer",
			       alive ? "alive" : "dead", u32(e + 8), (const char *)e + 32);
	}
	return 0;
}

int main(int argc, char **argv)
{
	char *end = "";
	uint64_t n = argc > 3 ? strtoull(argv[3], &end, 10) : 0;
	bool hold = argc == 5 && !strcmp(argv[4], "hold"), counted = (argc == 4 || hold) && !*end;
	struct sigaction sa = {.sa_handler = on_signal};
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (counted && !strcmp(argv[1], "send"))
		return send_main(argv[2], n, hold);
	if (counted && !strcmp(argv[1], "recv"))
		return recv_main(argv[2], n, hold);
	if (argc == 3 && !strcmp(argv[1], "stat"))
		return stat_main(argv[2]);
	fputs("usage: shmq_client send|recv PATH COUNT [hold]\n       shmq_client stat PATH\n", stderr);
	return 2;
}
