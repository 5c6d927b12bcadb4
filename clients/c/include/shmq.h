/*
 * libshmq: queues over shared memory, in C.
 *
 * A queue is a ring of records in a file that processes map. Producers send records, consumers
 * receive them, each record is delivered to one consumer, and again if that one dies before it
 * has acknowledged it. No process that is killed, at whatever instruction, leaves the queue
 * unusable: the others find out and take back what it held. Programs in Go, with package
 * github.com/shmq/shmq, and programs that use this library work on the same queues.
 *
 *     struct shmq_error err;
 *     shmq *p, *c;
 *     if (shmq_open(&p, "jobs", SHMQ_PRODUCER, NULL, &err) < 0)
 *             fprintf(stderr, "%s\n", err.text);
 *     shmq_send(p, "hello", 5, SHMQ_FOREVER);
 *     shmq_close(p, NULL);
 *
 *     if (shmq_open(&c, "jobs", SHMQ_CONSUMER, NULL, &err) < 0)
 *             fprintf(stderr, "%s\n", err.text);
 *     struct shmq_lease l;
 *     while (shmq_lease(c, &l, SHMQ_FOREVER) == SHMQ_OK) {
 *             work_on(l.data, l.size);
 *             shmq_ack(c, &l);
 *     }
 *
 * Results. A function that returns int or int64_t returns 0 or a positive number on success and
 * one of the negative codes SHMQ_E_* otherwise. A text that names the queue, the operation
 * and a remedy is in the struct shmq_error of functions that have no handle, and in
 * shmq_last_error of the others.
 *
 * Times. A time-out is in nanoseconds, from now on: 0 does not wait, a negative one waits for
 * ever.
 *
 * Threads. The library has no threads, and no global state but what SHMQ_GUARD needs. A handle
 * is for one thread at a time; different handles, of one queue or of several, may be used by
 * different threads at the same time. shmq_cancel and shmq_wait_words may be called by any
 * thread at any time.
 *
 * Memory. shmq_open allocates; no call on a handle does, before shmq_close gives all back.
 *
 * Fork. A child has none of its parent's handles: each call returns SHMQ_E_FORKED there, but
 * for shmq_close, which forgets the handle. The child opens its own. Seats and leases of the
 * parent stay the parent's.
 *
 * Needs Linux 4.16, a little-endian machine, and a compiler with C11 atomics of 64 bits to build.
 */
#ifndef SHMQ_H
#define SHMQ_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow" /* shmq_lease and shmq_counters are structs and functions, as stat is */
#endif
#endif

#define SHMQ_VERSION_MAJOR 0
#define SHMQ_VERSION_MINOR 1
#define SHMQ_VERSION_PATCH 0

#if defined(__GNUC__)
#define SHMQ_API __attribute__((visibility("default")))
#else
#define SHMQ_API
#endif

/* ---- results ---- */

enum shmq_code {
	SHMQ_OK = 0,
	/* Results of calls that could not do their work now. */
	SHMQ_E_EMPTY = -1,       /* no record is ready, and the call was not to wait */
	SHMQ_E_FULL = -2,        /* no room for the record, and the call was not to wait */
	SHMQ_E_TIMEOUT = -3,     /* the time is over */
	SHMQ_E_CANCELLED = -4,   /* the cancel word is set */
	SHMQ_E_INTERRUPTED = -5, /* a signal handler ran; with SHMQ_INTERRUPTIBLE only */
	/* Ends of streams; with SHMQ_UNTIL_END only. */
	SHMQ_E_END = -6,    /* all records of the stream were received */
	SHMQ_E_BROKEN = -7, /* the same, but a producer died or gave up before it had sent all */
	/* Faults of the caller. */
	SHMQ_E_SMALL = -8,         /* the buffer is too small; the record was not received */
	SHMQ_E_TOO_LARGE = -9,     /* the record can never fit; see shmq_max_record */
	SHMQ_E_RESERVED = -10,     /* a reservation is open */
	SHMQ_E_NOT_RESERVED = -11, /* no reservation is open, or it is smaller */
	SHMQ_E_MISUSE = -12,       /* the wrong role, or a null pointer */
	SHMQ_E_FORKED = -13,       /* the handle is the parent's */
	SHMQ_E_NAME = -14,         /* no queue can have this name */
	SHMQ_E_OPTION = -15,       /* an option is out of range, or the queue has another shape */
	/* The queue is not, or is not any more, what it should be. After DAMAGED the handle may go
	 * on; after the next three it can only be closed. */
	SHMQ_E_DAMAGED = -16,   /* a shared word holds what no participant writes */
	SHMQ_E_REMOVED = -17,   /* the queue was removed, or replaced */
	SHMQ_E_TRUNCATED = -18, /* its file was cut shorter, or overwritten */
	SHMQ_E_NO_SPACE = -19,  /* no memory, or no room on the filesystem */
	SHMQ_E_NOT_QUEUE = -20, /* the file is something else */
	SHMQ_E_LAYOUT = -21,    /* a layout version or a feature that this library does not know */
	SHMQ_E_REBUILD = -22,   /* the machine stopped while it was in use; see shmq_open */
	SHMQ_E_ABSENT = -23,    /* there is no queue of this name */
	SHMQ_E_EXISTS = -24,    /* there is one already */
	/* The queue is in use in another way. */
	SHMQ_E_ROLE_TAKEN = -25, /* another participant has the role to itself */
	SHMQ_E_NO_SEAT = -26,    /* all seats are taken */
	SHMQ_E_IN_USE = -27,     /* by participants, or by a process that is stopped in the middle */
	/* The system. errno is in struct shmq_error. */
	SHMQ_E_PERMISSION = -28, /* the file's mode forbids it */
	SHMQ_E_REFUSED = -29,    /* the kernel or the filesystem can't do it */
	SHMQ_E_SYNC = -30,       /* the queue is not on stable storage */
	SHMQ_E_SYSTEM = -31,     /* any other system call */
	/* A consumer of a queue with SHMQ_SKIP was a lap behind: records were overwritten before it received them. It
	 * goes on behind them with the next call; see shmq_lost. */
	SHMQ_E_LAGGED = -32
};

struct shmq_error {
	int code;      /* one of enum shmq_code */
	int os;        /* errno, or 0 */
	char text[504]; /* for people: queue, operation, reason and remedy; UTF-8 as far as the name is */
};

/* Returns a short text for a code, in static memory; never NULL. */
SHMQ_API const char *shmq_strerror(int code);

/* Returns the name of a code as a word for programs, "empty" for SHMQ_E_EMPTY, in static memory. */
SHMQ_API const char *shmq_code_name(int code);

/* Returns the version of the library, "0.1.0", in static memory. */
SHMQ_API const char *shmq_version(void);

/* ---- what a queue is like ---- */

enum shmq_multiplicity {
	SHMQ_ANY = 0, /* a new queue is for many; one that exists may be for one */
	SHMQ_MANY = 1,
	SHMQ_ONE = 2, /* a single participant has the role to itself, and is faster */
	SHMQ_EACH = 3 /* consumers only: they do not share the records, each of them gets every record; see shmq_open */
};

enum shmq_shape_flags {
	SHMQ_CHECKSUM = 1 << 0,  /* each record has a CRC-32C */
	SHMQ_TIMESTAMPS = 1 << 1, /* each record says when it was sent */
	/* With SHMQ_EACH: producers wait for no consumer. One that is a lap behind loses records, and is told so by
	 * SHMQ_E_LAGGED. Without it they wait for the slowest one. */
	SHMQ_SKIP = 1 << 2
};

/* The shape of a queue. All zeros mean the defaults. */
struct shmq_shape {
	uint32_t slots;     /* rounded up to a power of two, 2 to 2^24; default 4096 */
	uint32_t slot_size; /* bytes of a slot, rounded up to a multiple of 64, up to 2^30; default 1024.
	                       A larger record takes several slots, half of all at most. */
	uint32_t seats;     /* participants at a time, 2 to 1024; default 128 */
	uint32_t mode;      /* permission bits, whatever the umask; default 0600 */
	uint8_t producers;  /* enum shmq_multiplicity */
	uint8_t consumers;
	uint8_t flags; /* enum shmq_shape_flags */
	uint8_t reserved; /* 0 */
	/* With SHMQ_EACH: consumers and durable subscriptions at a time, 1 to 4096; default 64. */
	uint16_t subscriptions;
	uint16_t reserved2; /* 0 */
	/* With SHMQ_EACH and without SHMQ_SKIP: slots behind the newest record that are not overwritten, for consumers that
	 * begin with the oldest; at most all, of which 15/16 count; default 0. */
	uint32_t keep;
	uint32_t reserved3; /* 0 */
};

/*
 * Names. "jobs" is the file shmq.jobs in the directory SHMQ_DIR, or /dev/shm; a name with a slash
 * is the path of a file; "fd:3" is the queue in the file of descriptor 3; "sysv:0x1234" is
 * the System V segment of that key, and "sysv:id:5" that of that id. A name is UTF-8 without control
 * characters, has no ".." between slashes, and without a slash at most 250 bytes.
 */

/*
 * Makes a queue. It is complete, with its memory reserved, before it has its name. shape may be
 * NULL for the defaults, and err may be NULL here and in all other functions. Errors:
 * EXISTS, NAME, OPTION, NO_SPACE, PERMISSION, REFUSED, SYSTEM.
 */
SHMQ_API int shmq_create(const char *name, const struct shmq_shape *shape, struct shmq_error *err);

/*
 * Makes a queue without a name and returns the descriptor of the file that it is, sealed and
 * closed on exec. The name for this process is "fd:N". A process that is handed the descriptor, by
 * inheritance or SCM_RIGHTS, uses its own number. The queue is gone with the last descriptor
 * and the last participant. The caller may close the descriptor as soon as it has opened the
 * queue. Errors: OPTION, NO_SPACE, REFUSED.
 */
SHMQ_API int shmq_create_anonymous(const struct shmq_shape *shape, struct shmq_error *err);

/*
 * Removes a queue. Without force it fails with SHMQ_E_IN_USE while a participant is attached; with
 * force the participants find out. Errors: ABSENT, IN_USE, NAME, PERMISSION, REFUSED.
 */
SHMQ_API int shmq_remove(const char *name, int force, struct shmq_error *err);

/*
 * Writes the path of the file that a name means, at most cap bytes with the NUL, and returns its
 * length; of a queue in a segment that is the side file, of fd:N a path in /proc/self/fd. Errors:
 * NAME, SMALL.
 */
SHMQ_API int shmq_path(const char *name, char *path, size_t cap, struct shmq_error *err);

/* ---- participants ---- */

/* A participant: a role, a seat, and the mapping of the queue. */
typedef struct shmq shmq;

enum shmq_role { SHMQ_PRODUCER = 1, SHMQ_CONSUMER = 2 };

enum shmq_flags {
	SHMQ_NO_CREATE = 1 << 0, /* fail with SHMQ_E_ABSENT where there is no queue; default: make it */
	SHMQ_ANY_SHAPE = 1 << 1, /* take a queue that exists as it is, whatever create says */
	/*
	 * Consumers: be told the ends of streams. A stream is what is sent while at least one
	 * producer is attached. When the last one has left, and all records were handed out, calls
	 * that find nothing return SHMQ_E_END, or SHMQ_E_BROKEN if a producer was killed or gave
	 * up, until the next stream begins or shmq_next_stream is called. An end is told to each
	 * consumer that was attached when it came, or, if none was, to the first that comes.
	 */
	SHMQ_UNTIL_END = 1 << 2,
	SHMQ_STRICT = 1 << 3, /* with UNTIL_END: an end without shmq_finish is SHMQ_E_BROKEN too */
	/*
	 * A file that is cut while it is mapped raises SIGBUS where it is accessed, which ends
	 * the process. With GUARD the call fails with SHMQ_E_TRUNCATED instead. The first guarded
	 * handle installs a handler for SIGBUS, which passes faults in other memory to the handler
	 * that there was; the last one puts that back if no other was installed since. A program
	 * with a handler of its own uses GUARD_MANUAL, which installs nothing, and calls
	 * shmq_fault from it. At most 256 handles of a process can be guarded: more fail with
	 * SHMQ_E_REFUSED, as does a guard that comes after others' handlers were put over three.
	 * Queues whose file can't be cut (fd:N sealed, segments) need no guard.
	 */
	SHMQ_GUARD = 1 << 4,
	SHMQ_GUARD_MANUAL = 1 << 5,
	SHMQ_PREFAULT = 1 << 6,     /* touch all pages now, so that the first lap is no slower */
	SHMQ_LOCK_MEMORY = 1 << 7,  /* mlock the mapping; fails where RLIMIT_MEMLOCK is too small */
	SHMQ_INTERRUPTIBLE = 1 << 8, /* a signal handler that ran ends a sleep: SHMQ_E_INTERRUPTED */
	/* Consumers of a queue with SHMQ_EACH: begin with the oldest record that is whole, and not with the one that is
	 * sent next. Others get the oldest record anyway. */
	SHMQ_FROM_OLDEST = 1 << 9
};

enum shmq_wait_policy {
	SHMQ_SPIN_THEN_PARK = 0, /* spin for some microseconds, as long as that is of use, then sleep */
	SHMQ_SPIN = 1,           /* never sleep: the lowest latency, for a whole core */
	SHMQ_PARK = 2            /* sleep at once */
};

/* How to open a queue. SHMQ_OPTIONS_INIT has the defaults; NULL means the same. */
struct shmq_options {
	uint32_t size;            /* sizeof (struct shmq_options), for later versions of it */
	uint32_t flags;           /* enum shmq_flags */
	struct shmq_shape create; /* of the queue if it is made. One that exists and differs in what is
	                             not zero here is refused with SHMQ_E_OPTION. */
	uint32_t wait;            /* enum shmq_wait_policy */
	uint32_t reserved;        /* 0 */
	uint32_t *cancel;         /* see shmq_cancel; NULL for none. It has to outlive the handle. */
	const char *command;      /* what others are shown of this process; NULL for its name */
	const char *subscription; /* consumers of a queue with SHMQ_EACH: the name of a durable one; see shmq_open */
};

#define SHMQ_OPTIONS_INIT {sizeof(struct shmq_options), 0, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0, 0, NULL, NULL, NULL}

#define SHMQ_FOREVER (-1)

/*
 * Attaches to the queue of that name, in a role, and makes the queue first if it is absent. It
 * cleans up behind participants that have died. On success *q is a handle that shmq_close
 * gives back; on failure it is NULL.
 *
 * It waits, for a second at most, for a process that is attaching or leaving just now; and for a
 * minute for one that has a queue with checksums to itself.
 *
 * A queue with checksums that was in use when the machine stopped has to be rebuilt first, which
 * this library does not do: SHMQ_E_REBUILD. "shmq recover NAME" does, as does any program in Go that
 * attaches.
 *
 * In a queue with SHMQ_EACH a consumer has a subscription: it gets every record that is sent from then on, or from the
 * oldest on that is whole (SHMQ_FROM_OLDEST). The subscription ends with the handle, unless it has a name (the option
 * subscription; one that is made has 1 to 64 characters of ASCII that can be printed). One with a name stays: shmq_open makes it, or goes on with it where it
 * was acknowledged, and what its last consumer was handed and had not acknowledged comes again, flagged as redelivered.
 * Without SHMQ_SKIP producers wait for it also while no process has it; "shmq unsubscribe" ends it. Where consumers share
 * the records both options are refused.
 *
 * Errors: ABSENT, DAMAGED, IN_USE, LAYOUT, NAME, NOT_QUEUE, NO_SEAT, NO_SPACE, OPTION, PERMISSION,
 * REBUILD, REFUSED, ROLE_TAKEN (also of a subscription), SYSTEM.
 */
SHMQ_API int shmq_open(shmq **q, const char *name, enum shmq_role role, const struct shmq_options *opts, struct shmq_error *err);

/*
 * Leaves the queue and frees the handle, in any case. An open reservation is aborted; leases that
 * were not settled are delivered again, to others. What was sent stays. When the last producer
 * leaves, the stream ends. The last participant to leave a queue with checksums brings all
 * of it to stable storage before: SHMQ_E_SYNC if that fails. A handle that is NULL is closed
 * already.
 */
SHMQ_API int shmq_close(shmq *q, struct shmq_error *err);

/* Producers: marks the stream as complete, then closes. If another producer attaches before the
 * last one has left the mark is void. It returns SHMQ_E_REMOVED if the queue was removed. */
SHMQ_API int shmq_finish(shmq *q, struct shmq_error *err);

/* Producers: closes, and tells consumers that not all was sent, as when a producer is killed. */
SHMQ_API int shmq_abandon(shmq *q, struct shmq_error *err);

/*
 * Describes the last failure of a call on this handle, valid until the next call; its code is 0 if
 * none has failed. It never returns NULL, and may be asked of a NULL handle.
 */
SHMQ_API const struct shmq_error *shmq_last_error(shmq *q);

/* What a handle is: they do not fail, and cost a load. A name is as given to shmq_open. */
SHMQ_API const char *shmq_name(const shmq *q);
SHMQ_API enum shmq_role shmq_role_of(const shmq *q);
SHMQ_API size_t shmq_max_record(const shmq *q);  /* the largest record in bytes */
SHMQ_API size_t shmq_slot_size(const shmq *q);   /* the largest record that takes one slot */
SHMQ_API size_t shmq_inline_size(const shmq *q); /* the largest record that takes one cache line */
SHMQ_API uint32_t shmq_seat_of(const shmq *q);
SHMQ_API void shmq_shape_of(const shmq *q, struct shmq_shape *shape); /* mode is 0 */

/* What this participant has counted since it attached. */
struct shmq_counters {
	uint64_t records;     /* sent, or acknowledged */
	uint64_t bytes;       /* of their payload */
	uint64_t waits;       /* times it went to sleep */
	uint64_t wakes;       /* sleepers it woke */
	uint64_t redelivered; /* records received that had been delivered before */
};
SHMQ_API int shmq_counters(shmq *q, struct shmq_counters *counters);

/* Asks at once whether the queue is still there, which calls notice within a heartbeat of 100 ms,
 * or 64 calls if that is later. Errors: REMOVED, TRUNCATED, NO_SPACE. */
SHMQ_API int shmq_check(shmq *q);

/*
 * Tells whether a fault was handled in the memory of this handle, as SHMQ_GUARD does: then what the program has
 * read there since may be zeros that nobody sent. A program asks after it has copied or decoded the bytes of a
 * lease, before it believes them. It costs some loads, may be called while a reservation is open, and always
 * returns SHMQ_OK without a guard. Errors: TRUNCATED, NO_SPACE, with shmq_last_error as after any other call; FORKED.
 */
SHMQ_API int shmq_intact(shmq *q);

/* Recovers dead participants at once, which calls do at each heartbeat. Returns how many. */
SHMQ_API int shmq_recover_now(shmq *q);

/* Returns 1 if a producer is attached, 0 if not: what the kernel says of their locks. */
SHMQ_API int shmq_producer_attached(shmq *q);

/* Brings the queue, as it is now, to stable storage: msync. Error: SYNC. */
SHMQ_API int shmq_sync(shmq *q);

/* ---- sending ---- */

/*
 * Copies size bytes into the queue as one record, whole or not at all. It waits for room until the
 * time is over; without time (0), where consumers are many and at work, it looks again once, about a
 * microsecond later. A size of 0 is a record. Errors: FULL or TIMEOUT, CANCELLED, INTERRUPTED, TOO_LARGE,
 * RESERVED, DAMAGED; those after which the handle can only be closed: REMOVED, TRUNCATED,
 * NO_SPACE. With any error the record was not sent; with TRUNCATED and NO_SPACE it is not known.
 */
SHMQ_API int shmq_send(shmq *q, const void *data, size_t size, int64_t timeout);

static inline int shmq_try_send(shmq *q, const void *data, size_t size)
{
	return shmq_send(q, data, size, 0);
}

struct shmq_bytes {
	const void *data;
	size_t size;
};

/*
 * Sends n records, in order. It waits until all are sent or the time is over, and returns how many
 * were sent, or an error if none was. When it returns less than n, the next call says why. With
 * many producers a batch costs one claim for all that find room together.
 */
SHMQ_API int64_t shmq_send_batch(shmq *q, const struct shmq_bytes *records, size_t n, int64_t timeout);

/*
 * Sets *data to size bytes in the queue, aligned to 8, for a record to be written in place. One of
 * shmq_commit and shmq_abort has to follow before anything else is sent. While it is open, records
 * that other producers send are not delivered; also of a queue that was removed the bytes stay this
 * producer's until one of the two, or shmq_close. Errors: as shmq_send.
 */
SHMQ_API int shmq_reserve(shmq *q, size_t size, void **data, int64_t timeout);

/* Sends the first size bytes of the reservation as a record. Errors: NOT_RESERVED, and the reservation stays; those
 * after which the handle can only be closed, REMOVED, TRUNCATED and NO_SPACE, and it is given back. */
SHMQ_API int shmq_commit(shmq *q, size_t size);

/* Gives the reservation back; without one it does nothing. */
SHMQ_API int shmq_abort(shmq *q);

/* ---- receiving ---- */

/*
 * Copies the next record into buf and acknowledges it. Returns its size. If that is more than cap,
 * it returns SHMQ_E_SMALL; the record is then the next one that this handle receives, or
 * leases, and shmq_pending_size tells its size. Errors: EMPTY or TIMEOUT, CANCELLED, INTERRUPTED, END,
 * BROKEN, SMALL, LAGGED, DAMAGED; those after which the handle can only be closed: REMOVED, TRUNCATED,
 * NO_SPACE.
 */
SHMQ_API int64_t shmq_receive(shmq *q, void *buf, size_t cap, int64_t timeout);

static inline int64_t shmq_try_receive(shmq *q, void *buf, size_t cap)
{
	return shmq_receive(q, buf, cap, 0);
}

/* After SHMQ_E_SMALL: the size of the record that did not fit; otherwise 0. */
SHMQ_API size_t shmq_pending_size(const shmq *q);

/* Of the record that shmq_receive returned last: how often it had been delivered before, as far as
 * that was recorded; 0 if nobody was handed it before. */
SHMQ_API uint32_t shmq_redelivered(const shmq *q);

/* Of the same: when it was sent, in nanoseconds of Unix time; 0 in a queue without time stamps. */
SHMQ_API uint64_t shmq_sent_at(const shmq *q);

struct shmq_buffer {
	void *data;
	size_t cap;
	size_t size;          /* out: of the record */
	uint32_t redelivered; /* out */
	uint32_t reserved;
};

/*
 * Receives records that are ready, one at least and n at most, each into a buffer of its own, and
 * acknowledges them. It waits for the first only. Returns how many: a record that was delivered before, or lies in several
 * slots, ends a batch, and one that follows it comes with the next call. A record that does not fit into
 * its buffer ends the batch before it; if it is the first the call returns SHMQ_E_SMALL.
 */
SHMQ_API int64_t shmq_receive_batch(shmq *q, struct shmq_buffer *bufs, size_t n, int64_t timeout);

/*
 * A record in the hands of this participant: its bytes stay where they are, in shared memory, until
 * it is settled by shmq_ack or shmq_release. If the process dies first, the record is delivered
 * again. Other processes can write to the bytes: what must not change between a check and its use
 * has to be copied first. In a queue with SHMQ_SKIP, whose producers do not wait for leases, these calls are refused with
 * SHMQ_E_OPTION: shmq_receive copies.
 */
struct shmq_lease {
	const void *data; /* aligned to 8; NULL once it is settled */
	size_t size;
	uint64_t sent_at;     /* nanoseconds of Unix time; 0 in a queue without time stamps */
	uint64_t position;    /* of the record in the queue; see shmq_record_id */
	uint32_t redelivered; /* 0, or how often it was delivered before, as far as recorded */
	uint32_t slots;       /* the library's */
	uint64_t number;      /* the library's */
};

/* Takes the next record without a copy. Any number of leases may be open, of up to all slots.
 * Errors: as shmq_receive, but for SMALL; OPTION. */
SHMQ_API int shmq_lease(shmq *q, struct shmq_lease *lease, int64_t timeout);

static inline int shmq_try_lease(shmq *q, struct shmq_lease *lease)
{
	return shmq_lease(q, lease, 0);
}

/* Takes as many records as are ready, at most n, waiting for the first only, and returns how many.
 * With many consumers they cost one claim, and their slots become free when the last is settled. */
SHMQ_API int64_t shmq_lease_batch(shmq *q, struct shmq_lease *leases, size_t n, int64_t timeout);

/* Acknowledges the record: it is done with. Returns 1, or 0 if the lease was settled before, also
 * through a copy of it. Leases of a queue that was removed can be settled. */
SHMQ_API int shmq_ack(shmq *q, struct shmq_lease *lease);

/* Gives the record back: it is delivered again, flagged, to this consumer or another one. Returns
 * as shmq_ack. A record of a batch comes back when all of the batch is settled. */
SHMQ_API int shmq_release(shmq *q, struct shmq_lease *lease);

/* Acknowledges n leases, in one step if they are all of a batch, and returns how many it did. */
SHMQ_API int64_t shmq_ack_batch(shmq *q, struct shmq_lease *leases, size_t n);

/* The id of a record: no other record, of any queue, ever has it, and it keeps it for good. */
struct shmq_id {
	uint8_t creation[16]; /* of the queue */
	uint64_t incarnation;
	uint64_t position;
};
SHMQ_API int shmq_record_id(shmq *q, const struct shmq_lease *lease, struct shmq_id *id);

/* Of the record that shmq_receive returned last. */
SHMQ_API int shmq_received_id(shmq *q, struct shmq_id *id);

/* Writes an id as text of at most 71 bytes with the NUL: 32 and 16 hexadecimal digits and the position in
 * decimal, joined by hyphens. */
SHMQ_API void shmq_id_text(const struct shmq_id *id, char text[72]);

/* What a consumer of a queue with SHMQ_SKIP has lost. Positions count slots of the ring: a record takes one or several, so
 * no more records than positions were lost. */
struct shmq_lost {
	uint64_t from, to; /* of the last SHMQ_E_LAGGED: the first position that was lost, and where this consumer goes on */
	uint64_t all;      /* positions that were lost by the subscription, by all consumers that had it */
};

/* Tells what was lost; zeros in any other queue. */
SHMQ_API int shmq_lost(shmq *q, struct shmq_lost *lost);

/* With SHMQ_UNTIL_END: forgets the end that was told, and waits for the next stream. */
SHMQ_API int shmq_next_stream(shmq *q);

/* ---- waiting ---- */

/*
 * Ends all waits that have this cancel word, and those that begin later, until the program sets it
 * to 0 again: they return SHMQ_E_CANCELLED. It stores 1 and wakes. Safe in signal handlers and
 * from any thread. Before Linux 5.16 a sleep ends some milliseconds later.
 */
SHMQ_API void shmq_cancel(uint32_t *word);

/*
 * Waits until a try is worth while: a consumer's for a record, a producer's for a record of size
 * bytes. It takes nothing, so another participant may be faster. Returns SHMQ_OK, or what the try
 * would return: END, BROKEN, REMOVED, TIMEOUT and so on. size means nothing to a consumer.
 * A caller that then does not try calls shmq_disarm.
 */
SHMQ_API int shmq_wait(shmq *q, size_t size, int64_t timeout);

/* A handle among several that a thread waits for together. */
struct shmq_member {
	shmq *q;
	size_t size; /* as in shmq_wait */
};

#define SHMQ_MOST_MEMBERS 126

/*
 * Waits until a try of one of n members is worth while, and returns which: its index. If a member
 * has something to be told, an end or that its queue was removed, it returns that one's
 * index too, and the try says so. A caller that does not try that one calls shmq_disarm for it. cancel may be NULL;
 * the handles' own words count as well, but a sleep ends at once by cancel only, or without it by the first
 * member's word, and by the others within 100 ms. It begins to look behind the member that it returned last, whose index the caller keeps
 * in *turn, so that a busy queue does not keep the others waiting; turn may be NULL. Errors:
 * TIMEOUT, CANCELLED, INTERRUPTED, MISUSE.
 */
SHMQ_API int shmq_wait_any(const struct shmq_member *members, size_t n, uint32_t *cancel, size_t *turn, int64_t timeout);

/*
 * For event loops: the sleep and the handle in different threads. The thread that owns the handle
 * calls shmq_arm; if it returns SHMQ_OK, a try is worth while. If it returns SHMQ_E_EMPTY or
 * SHMQ_E_FULL, *word is what to wait for: another thread, one for any number of handles, calls
 * shmq_wait_words, and tells the owner when that returns, in whatever way the loop has; then the
 * owner calls shmq_arm again. A kernel with io_uring's FUTEX_WAIT (Linux 6.7) needs no thread. The
 * handle may be used meanwhile; it must not be closed before the sleep has ended.
 *
 * The owner calls shmq_arm every 100 ms at the latest, because it looks for the dead. If it turns
 * to something else and does not try, it calls shmq_disarm, which passes on a wake-up that this
 * participant may have used up.
 */
struct shmq_word {
	uint32_t *address; /* a futex word, not FUTEX_PRIVATE */
	uint32_t value;    /* sleep while it is this */
	uint32_t reserved;
};
SHMQ_API int shmq_arm(shmq *q, size_t size, struct shmq_word *word);
SHMQ_API int shmq_disarm(shmq *q, size_t size);

/*
 * Sleeps until one of n words, SHMQ_MOST_MEMBERS at most, has changed or is woken, also without a reason now and
 * then, and for 100 ms at most if the time-out is longer. A wake-up does not change a word, so the result tells:
 *
 *   1 + i        words[i] was woken, and none behind it; words before it may have been woken as well
 *   0            none was woken; one may have changed, or the 100 ms are over
 *   an error     none was woken
 *
 * The owners of all words that may have been woken have to be told, or such a wake-up is lost. Before Linux 5.16 a sleep
 * lasts some milliseconds, and 0 is returned whatever has happened to words other than the first. Errors: TIMEOUT,
 * CANCELLED, INTERRUPTED, MISUSE, REFUSED, TRUNCATED. It uses no handle, and may be called by any thread.
 */
SHMQ_API int shmq_wait_words(const struct shmq_word *words, size_t n, uint32_t *cancel, int64_t timeout);

/* Handles a fault at addr, of a SIGBUS handler: returns 1 if it was in the memory of a guarded
 * handle, and the handler returns; 0 if it is another's. Safe in signal handlers. */
SHMQ_API int shmq_fault(const void *addr);

/* ---- looking from outside ---- */

struct shmq_info {
	struct shmq_shape shape;
	uint64_t size;     /* of the queue, bytes */
	uint64_t created;  /* Unix time, nanoseconds */
	uint8_t creation[16];
	uint64_t head, tail; /* positions of the next take, or of the slowest subscription, and of the next claim */
	uint64_t depth;      /* slots between them, at most all */
	uint64_t epoch;      /* producers that ever began to send */
	uint64_t left;       /* those that left in order */
	uint64_t ends;       /* streams that ended */
	uint64_t finished;   /* the epoch that was marked as the last */
	uint64_t skipped;    /* claims of the dead that were passed over */
	uint64_t torn;       /* records dropped for their checksum */
	uint64_t sent, sent_bytes, received, received_bytes, redelivered; /* sums over all participants, ever */
	uint32_t producers, consumers; /* attached and alive */
	uint32_t dead;                 /* participants to be recovered */
	uint32_t reserved;
};

/* Describes a queue, from a mapping that can only be read. It needs no seat and disturbs nobody; the
 * numbers are of slightly different moments. Errors: ABSENT, NAME, NOT_QUEUE, LAYOUT, DAMAGED, PERMISSION. */
SHMQ_API int shmq_stat(const char *name, struct shmq_info *info, struct shmq_error *err);

struct shmq_participant {
	uint32_t seat;
	uint32_t role; /* enum shmq_role */
	uint32_t pid;  /* in its own namespace; what it said of itself, as all below */
	uint32_t uid;
	uint64_t start_time; /* of the process, clock ticks since boot */
	int64_t attached;    /* Unix time, nanoseconds */
	struct shmq_counters counters;
	uint32_t alive; /* 0: it died, and is to be recovered */
	char command[28];
};

/* Lists the participants that are attached or dead, at most cap, and returns how many there are. */
SHMQ_API int shmq_participants(const char *name, struct shmq_participant *list, size_t cap, struct shmq_error *err);

/* Recovers the dead participants of a queue without attaching to it, and returns how many. Errors: as
 * shmq_stat, IN_USE, REBUILD, SYNC. */
SHMQ_API int shmq_recover(const char *name, struct shmq_error *err);

#ifdef __cplusplus
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
}
#endif

#endif
