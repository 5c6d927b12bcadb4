/*
 * A participant, as the parts of the library share it. One thread at a time uses it.
 */
#ifndef SHMQ_HANDLE_H
#define SHMQ_HANDLE_H

#include "names.h"

#include "../include/shmq.h"
#include "place.h"
#include "region.h"

enum {
	TORN = -100,   /* the checksum of a record is wrong; no caller outside sees it */
	PASSED = -101, /* an end of a stream was for others: there may be something to find now */
	GONE = -102,   /* the name means another file, or none, than the one that was opened */
	PASSING = -103, /* a role is locked, and no seat tells by which process */
	TAKEN = -104,   /* a subscription's entry is locked, perhaps for a moment only */
	HEARTBEAT_MS = 100,
	SLICE_MS = 2, /* of sleeps where a wake-up may be missed */
	TURN_MS = 250,
	MAGIC = 0x716d6873,
	MOST_CALLS = 64 /* between two looks at the clock */
};

/*
 * What the private table has of a slot, for leases. A lease has a number that no other one had; the entry
 * at its position says whether it is still open, so a copy of a settled one does nothing.
 */
struct entry {
	uint64_t number;  /* of the lease, 0 for none */
	uint64_t take;    /* many consumers: the number of the take that it is part of, or begins here */
	uint64_t pos;
	uint32_t k;       /* slots of the record */
	uint32_t back;    /* many consumers: slots from the first one of the take */
	uint32_t left;    /* of the take that begins here: records that are not settled */
	uint32_t takes;   /* of that one: its slots; a single consumer: how often it was given back */
	uint32_t next;    /* of an heir: 1 + the index of the next one, 0 for none */
	uint8_t state;    /* enum entry_state */
	uint8_t acked;    /* of the take: its first record is acknowledged */
	uint8_t released; /* of the take: a record was given back */
	uint8_t reserved;
};

enum entry_state { NOTHING, OPEN, RETURNED, SETTLED, HEIR };

/* What a consumer knows of the ends of streams; ends.c. */
struct endings {
	bool asks, limited, got, cut, told;
	uint64_t from, next, met, limit, how;
};

struct waiting { /* a producer that has the turn, or had it for the same record; turn.c */
	bool asked;
	uint64_t limit, end, since, patience;
};

enum jump_told { JUMP_TOLD, JUMP_TELLING, JUMP_PENDING }; /* TELLING: it was returned, and no call has followed; PENDING: the next call does */

struct pin { /* a description for its locks, without a descriptor where a mapping keeps it */
	int fd;
	void *page;
	size_t size;
};

struct shmq {
	struct region r; /* first, so that its address is the handle's */
	/* For each call. One that finds 1 or 0 here goes the long way: it looks at the clock, and what
	 * else may be due. A forked child finds zeros everywhere. */
	uint32_t sends, receives, trusted_calls;
	atomic_uint hit; /* a fault was handled; see guard.c */
	bool fence;      /* no membarrier: a fence before each look at a futex word */
	bool strict, interruptible, roams, wary, filled, reserved;

	a64 *records, *bytes; /* counters of the seat */
	a32 *data_futex, *room_futex;
	uint32_t seat, magic;
	int role;
	bool many; /* the role is shared */

	/* Producers. tail is where a single producer writes next, and where the search of one begins where
	 * both sides are many. */
	uint64_t tail, head_seen;
	uint64_t lingered; /* tail when a try last waited a little; see waitroom.c */
	uint64_t ahead;  /* how far tail may be ahead of head_seen for the short way */
	uint64_t claims; /* all before was claimed, as it last learnt */
	uint64_t spent;  /* of the call's effort */
	uint64_t free_end; /* of the free slots, when a claim found too few */
	uint64_t stamp;  /* the time of the batch under way, or 0 */
	bool looks;      /* a look is under way, which publishes no gate and no intent */
	struct waiting turn;
	uint64_t reserved_at, reserved_k, reserved_n;
	uint32_t reserved_meta;

	/* Consumers. */
	struct endings ends;
	uint64_t next, head; /* single: as shared, which it alone stores */
	bool fresh;          /* single: no lease is open, and nothing that was delivered before comes next */
	bool rescan, again;  /* many: there may be orphans; there may be some that were behind the limit */
	bool relieved;
	uint64_t seen;       /* single: the predecessor's handout; many: orphans at the last scan */
	uint64_t told;       /* single: handout as stored last; many: next when it last found nothing */
	uint64_t cursor, end; /* many: of the scan */
	uint64_t claimed;    /* many: all before was claimed */
	uint64_t number;     /* of leases so far */
	uint64_t held;       /* many: records not settled, heirs too */
	uint64_t returned, back; /* single: records to be handed out again, and where the first is at the earliest */
	a64 *head_at, *handout_at; /* single: those of the ring, or of the subscription */
	uint8_t *sub;        /* the entry of the subscription, or NULL */
	bool made;           /* it is durable, and this open has made it */
	uint8_t jump_told;   /* how far the last jump was told; lossy.c */
	uint64_t lost_from, lost_to; /* of the last jump */
	uint64_t inheriting; /* many: as the seat says */
	uint32_t heirs, heir_count; /* many: 1 + the index of the first one */
	uint64_t passed_at;
	int over; /* the code of the stream's end that it was told */
	struct shmq_lease pending; /* that did not fit into a buffer */
	uint32_t last_redelivered;
	uint64_t last_sent_at, last_position;
	struct entry *table;

	/* Waiting. */
	uint32_t policy, trust, waits;
	bool no_waitv, unsure;
	uint32_t *cancel;

	/* The queue. */
	struct place place;
	struct geometry geo;
	int fd;          /* a description for questions, and for locks that are held for an instant */
	struct pin pin;  /* the one with the role's and the seat's locks */
	size_t mapped;   /* bytes */
	int64_t attached; /* as the seat says */
	int64_t beat_ms, looked_ms, removed_ms; /* of CLOCK_MONOTONIC; 0: not removed */
	int lost;        /* a code: the handle can only be closed */
	int guard;       /* its place in the guard's list, or -1 */
	bool at_gate, begun, gave_up, shrinkable, seated, installed;
	bool blanks; /* see blank_at_close */
	size_t size;     /* of this and the table */
	struct shmq_error err;
	char name[4096]; /* PATH_MAX */
	char command[24];
};

/* error.c */
int fail(struct shmq_error *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
int fail_os(struct shmq_error *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
int in_op(struct shmq_error *e, const char *op, const char *name, int code);
int failed(shmq *q, int code);
void no_failure(struct shmq_error *e);

/* sys.c */
int64_t now_ns(void);
int64_t now_ms(void);
int64_t coarse_ms(void);
uint64_t unix_now(void);
void pause_ms(unsigned ms);
uint64_t start_time(void);
bool boot_id(uint8_t id[16]);
int random_bytes(void *to, size_t n);
uint64_t fnv(uint64_t h, const void *b, size_t n);
bool is_pinning(uint32_t fs);

/* locks.c: 1 for yes, 0 for no, or a code. */
int try_lock(int fd, uint64_t at, bool exclusive, struct shmq_error *e);
int is_locked(int fd, uint64_t at, struct shmq_error *e);
void unlock(int fd, uint64_t at);
int lock_within(int fd, uint64_t at, int64_t ms, struct shmq_error *e);
int pin_file(struct pin *p, int fd, struct shmq_error *e);
void pin_hide(struct pin *p);
void pin_release(struct pin *p, const uint64_t *at, size_t n);

static inline uint64_t seat_byte(uint32_t i) { return L_SEAT_OFFSET + (uint64_t)i * L_SEAT_SIZE; }

/* seat.c */
uint32_t occupant(const struct region *r, uint32_t i, char command[L_SEAT_COMMAND_N]);
int take_role(shmq *q, int lock_fd, struct shmq_error *e);
int take_seat(shmq *q, int lock_fd, struct shmq_error *e);
bool is_dirty(const struct region *r, uint32_t i);
bool is_alive(const shmq *q, uint32_t i);
void clean_seat(shmq *q);
void hold(shmq *q);
void held_nothing(shmq *q);

/* sweep.c */
bool sweep(const struct region *r, int fd, uint32_t seat);
int recover_all(const struct region *r, int fd, int64_t mine);
void wake_everybody(const struct region *r);

/* stream.c */
bool stream_open(const struct region *r);
void note_end(shmq *q);
int end_stream(shmq *q);
bool awaited_by_others(const shmq *q, uint64_t n);
bool awaits(const struct region *r, uint32_t seat, uint64_t n);

/* ends.c, told.c */
void listen_for_ends(shmq *q, bool asks);
void look_at_ends(shmq *q);
bool may_end(const shmq *q);
bool beyond(const shmq *q, uint64_t p);
void pass_end(shmq *q);
void leave_end(shmq *q);
void await_end(shmq *q, uint64_t n);
int try_end(shmq *q);
bool at_end(const shmq *q);
bool behind_limit(const shmq *q);
void settle_ends(shmq *q);
uint64_t next_record(const shmq *q);
bool awaited_at(uint64_t w, int64_t lap);
bool consumer_idle(const shmq *q);
bool consumer_ready(const shmq *q);

/* gate.c, home.c */
int lock_gate(shmq *q, struct shmq_error *e);
int gate_closed(const shmq *q, struct shmq_error *e);
int enter_gate(shmq *q, struct shmq_error *e);
int leave_gate(shmq *q, struct shmq_error *e);
int sync_all(shmq *q, struct shmq_error *e);
int unattached(int fd, struct shmq_error *e);
void begin_incarnation(const struct region *r, uint64_t id);
uint64_t incarnation_of(const struct region *r, uint64_t p);

/* mark.c */
int resume_marks(shmq *q);
void keep_mark(shmq *q);

/* park.c */
uint32_t announce(a32 *word);
void barrier_all(shmq *q);
int sleep_on(shmq *q, a32 *word, uint32_t ticket, int64_t deadline);
uint64_t wake_one(a32 *word);
uint64_t wake_all(a32 *word);
int spin(shmq *q, bool (*again)(shmq *, void *, int), void *with, int64_t deadline);
/* Asked after a publication; the fence, which is for the compiler alone, keeps it there. */
INLINE bool armed(const a32 *word)
{
	atomic_signal_fence(memory_order_seq_cst);
	return atomic_load_explicit(word, memory_order_relaxed) & 1;
}
void count_waits(shmq *q);
void count_wakes(shmq *q, uint64_t n);
int64_t deadline_of(int64_t timeout);
bool is_cancelled(const shmq *q);

/* heartbeat.c: what a call does that is due */
int begin(shmq *q, int role);
int begin_settling(shmq *q);
int beat(shmq *q);
int beat_if_due(shmq *q);
int check_file(shmq *q);
int consumer_gone(shmq *q);
int lose(shmq *q);

/* claim.c, free.c, turn.c: producers */
int resume_producer(shmq *q);
int claim(shmq *q, uint64_t k, uint64_t *pos);
int claim_shared(shmq *q, uint64_t at_least, uint64_t at_most, uint64_t *pos, uint64_t *k);
int free_slots(shmq *q, uint64_t t, uint64_t want, uint64_t *n);
int recycle(shmq *q, uint64_t at, uint64_t w, bool *again);
bool peek_room(shmq *q, uint64_t n);
void publish_record(shmq *q, uint64_t pos, uint64_t k);
uint64_t other_turn(const shmq *q);
int leave_to_turn(uint64_t turn, uint64_t p, uint64_t *k, uint64_t at_least);
bool ask_turn(shmq *q, bool *gave);
bool drop_turn(shmq *q);
void end_turn(shmq *q);
void drop_turn_of(const struct region *r, uint32_t seat);
uint64_t plain_lap(const struct region *r);

/* cursors.c, subscribe.c: queues of which each consumer gets every record */
uint64_t raise_gate(shmq *q, uint64_t t, uint64_t n);
uint64_t first_whole(const struct region *r, uint64_t p, uint64_t end);
uint64_t unclaimed_of(const struct region *r, uint64_t t, uint64_t n);
bool is_roomy(const struct region *r);
bool room_at_rest(const struct region *r);
uint64_t first_end(const struct region *r, uint64_t start, uint64_t ends, bool oldest);
int subscribe(shmq *q, int lock_fd, bool oldest, const char *name, struct shmq_error *e);
bool clear_of_seat(const struct region *r, int fd, int64_t seat);
void clear_slowest(const struct region *r, int fd);
void end_subscription(shmq *q, bool made);

static inline uint64_t sub_byte(const struct region *r, const uint8_t *s) { return (uint64_t)(s - r->base); }

/* send.c and others: one try each */
int ring_send(shmq *q, const void *data, uint64_t n);
void notify(shmq *q);
void notify_filler(shmq *q);
void pass_on_room(shmq *q);

/* single.c, shared.c, inherit.c: consumers */
void single_start(shmq *q);
void shared_start(shmq *q);
int single_lease(shmq *q, struct shmq_lease *l);
int64_t single_lease_batch(shmq *q, struct shmq_lease *ls, size_t n);
bool single_settle(shmq *q, const struct shmq_lease *l, bool ack);
void move_head(shmq *q);
void store_head(shmq *q);
void refresh(shmq *q);
void pass_slots(shmq *q, uint64_t p, uint64_t k);
void lossy_start(shmq *q);
void lossy_told(shmq *q);
int tell_jump(shmq *q);
int jump(shmq *q, uint64_t p);
int check_lapped(shmq *q, uint64_t p);
int shared_lease(shmq *q, struct shmq_lease *l);
int64_t shared_lease_batch(shmq *q, struct shmq_lease *ls, size_t n);
bool shared_settle(shmq *q, const struct shmq_lease *l, bool ack);
int64_t shared_ack_batch(shmq *q, struct shmq_lease *ls, size_t n, uint64_t *bytes);
void free_take(const struct region *r, uint64_t p, uint64_t k);
int take(shmq *q, size_t at_most, size_t *n, uint64_t *pos, uint64_t *k);
void took(shmq *q, uint64_t p, uint64_t k);
int caught_up(shmq *q);
int inherit(shmq *q, struct shmq_lease *l);
void give_back_all(shmq *q);
bool has_orphans(const shmq *q);
bool has_backlog(const shmq *q);
void begin_scan(shmq *q);
void say_heirs(shmq *q);
bool peek_record(shmq *q);
bool consumer_holds(const shmq *q);
int lease_any(shmq *q, struct shmq_lease *l);
int64_t lease_many(shmq *q, struct shmq_lease *ls, size_t n);
bool settle_lease(shmq *q, struct shmq_lease *l, bool ack);
void idle_consumer(shmq *q);
void freed(shmq *q);
void orphaned(shmq *q);
void pass_on_record(shmq *q);
void relieve(shmq *q);
void passed_small(shmq *q);
int missed(shmq *q);
int missed_room(shmq *q);

INLINE struct entry *entry_at(const shmq *q, uint64_t p) { return &q->table[p & q->r.mask]; }

/* A line that this core will write is asked for so many slots ahead, so that a claim, a take or a store finds it
 * here: for a record alone, where there is a claim or a take, and for each of a batch. */
enum { AHEAD = 4, BATCH_AHEAD = 16 };

/* waitrecord.c, waitroom.c: repeats a try until the time is over */
struct attempt {
	int (*run)(shmq *q, struct attempt *a);
	const void *in;
	void *out;
	uint64_t n, got, bytes;
};
int wait_record(shmq *q, struct attempt *a, int64_t timeout);
int missed_record(shmq *q, struct attempt *a);
int wait_room(shmq *q, struct attempt *a, uint64_t size, int64_t timeout);
int over_for_now(shmq *q);
void pass_over(shmq *q);

/* open.c */
void release_handle(shmq *q);
uint8_t *blank_at_close(shmq *q, size_t *size);
void release_pin(shmq *q);

/* guard.c */
int guard_add(shmq *q, bool install, struct shmq_error *e);
void guard_drop(shmq *q);

#endif
