/* What a worker has done, in a file of entries of 32 bytes: what write has returned for is there after a SIGKILL. An
 * entry lies in one page, so it is there whole or not at all. */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <stddef.h>
#include <stdint.h>

enum kind {
	ATTACHED = 1, /* at */
	TRY = 2,      /* count records from id on are being sent; the starter of a ring: a is the number */
	SENT = 3,     /* count of them were sent */
	WAIT = 4,     /* at: a call that waits begins */
	TOOK = 5,     /* id, flag: delivered before; a: when the call began, in a ring the number; at */
	ACKING = 6,
	ACKED = 7,
	RELEASING = 8,
	LEAVING = 9, /* at */
	LEFT = 10,
	FAILED = 11
};

void journal_open(const char *path);
void note(enum kind kind, int flag, unsigned count, uint64_t id, int64_t a);

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t now(void);

/* Tells the parent a line. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Tells the parent why this process can't go on, and ends it. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
