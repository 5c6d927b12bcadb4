#include "handle.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;
	if (clock_gettime(clock, &t) != 0)
		return 0;
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

/* The clock of turns, the same for all processes of a boot. */
int64_t now_ms(void) { return now_ns() / 1000000; }

/* The same to some milliseconds, at a tenth of the price. */
int64_t coarse_ms(void) { return clock_ns(CLOCK_MONOTONIC_COARSE) / 1000000; }

uint64_t unix_now(void) { return (uint64_t)clock_ns(CLOCK_REALTIME); }

void pause_ms(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

static size_t read_text(const char *path, char *to, size_t cap)
{
	size_t n = 0;
	ssize_t got;
	int fd;
	while ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 && errno == EINTR)
		;
	if (fd < 0) {
		to[0] = 0;
		return 0;
	}
	while (n + 1 < cap && ((got = read(fd, to + n, cap - 1 - n)) > 0 || (got < 0 && errno == EINTR)))
		n += got > 0 ? (size_t)got : 0;
	close(fd);
	to[n] = 0;
	return n;
}

/* When this process started, in clock ticks since boot: field 22 of its stat; 0 without /proc. The
 * command, field 2, may hold anything but ends with the last parenthesis. */
uint64_t start_time(void)
{
	char text[1024], *s;
	read_text("/proc/self/stat", text, sizeof text);
	s = strrchr(text, ')');
	for (int field = 2; s != NULL && field < 22; field++)
		s = strchr(s + 1, ' ');
	return s != NULL ? strtoull(s, NULL, 10) : 0;
}

/* The kernel's id of this boot; false, and zeros, where /proc is missing. */
bool boot_id(uint8_t id[16])
{
	char text[64];
	size_t n = 0;
	memset(id, 0, 16);
	read_text("/proc/sys/kernel/random/boot_id", text, sizeof text);
	for (const char *s = text; *s != 0 && n < 32; s++) {
		int v = *s >= '0' && *s <= '9' ? *s - '0' : *s >= 'a' && *s <= 'f' ? *s - 'a' + 10 : -1;
		if (v >= 0) {
			id[n / 2] = (uint8_t)(id[n / 2] << 4 | v);
			n++;
		}
	}
	if (n == 32)
		return true;
	memset(id, 0, 16);
	return false;
}

int random_bytes(void *to, size_t n)
{
	ssize_t got;
	while ((got = getrandom(to, n, 0)) < 0 && errno == EINTR)
		;
	return got == (ssize_t)n ? 0 : -1;
}

uint64_t fnv(uint64_t h, const void *b, size_t n)
{
	for (const uint8_t *p = b; n-- > 0; p++)
		h = (h ^ *p) * UINT64_C(0x100000001b3);
	return h;
}
