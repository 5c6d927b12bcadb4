#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct entry {
	uint8_t kind, flag;
	uint16_t count;
	uint32_t zero;
	uint64_t id;
	int64_t a, at;
};
_Static_assert(sizeof(struct entry) == 32, "an entry has to lie in one page");

static int file = -1;

void journal_open(const char *path)
{
	file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (file < 0)
		fail("%s: %s", path, strerror(errno));
}

void note(enum kind kind, int flag, unsigned count, uint64_t id, int64_t a)
{
	struct entry e = {(uint8_t)kind, (uint8_t)flag, (uint16_t)count, 0, id, a, now()};
	if (write(file, &e, sizeof e) != (ssize_t)sizeof e)
		fail("journal: %s", strerror(errno));
}

int64_t now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void line(const char *format, va_list args)
{
	vprintf(format, args);
	putchar('\n');
	fflush(stdout);
}

void say(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	line(format, args);
	va_end(args);
}

void fail(const char *format, ...)
{
	struct entry e = {.kind = FAILED, .at = now()};
	va_list args;
	if (file >= 0 && write(file, &e, sizeof e) < 0)
		perror("journal");
	fputs("FAIL ", stdout);
	va_start(args, format);
	line(format, args);
	va_end(args);
	exit(1);
}
