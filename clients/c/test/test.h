/* What the unit tests share: a directory of their own, and a check that tells where it failed. */
#ifndef SHMQ_TEST_H
#define SHMQ_TEST_H

#include <dirent.h>
#include <shmq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
			exit(1); \
		} \
	} while (0)

/* Is like CHECK, and tells what was got and what the handle says. */
#define GIVES(want, got, q) \
	do { \
		long long is = (got), wanted = (want); \
		if (is != wanted) { \
			fprintf(stderr, "%s:%d: %s gives %lld, want %lld; %s\n", __FILE__, __LINE__, #got, is, wanted, shmq_last_error(q)->text); \
			exit(1); \
		} \
	} while (0)

static char test_dir[64];

static inline void test_leave(void)
{
	DIR *d = opendir(test_dir);
	struct dirent *e;
	char path[512];
	while (d != NULL && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof path, "%s/%s", test_dir, e->d_name);
		unlink(path);
	}
	if (d != NULL)
		closedir(d);
	rmdir(test_dir);
}

static inline void test_enter(void)
{
	strcpy(test_dir, "/dev/shm/shmq-c-test-XXXXXX");
	CHECK(mkdtemp(test_dir) != NULL);
	CHECK(setenv("SHMQ_DIR", test_dir, 1) == 0);
	atexit(test_leave);
}

static inline struct shmq_shape test_shape(int mode, int flags)
{
	struct shmq_shape s;
	memset(&s, 0, sizeof s);
	s.slots = 16;
	s.slot_size = 64;
	s.producers = mode & 1 ? SHMQ_ONE : SHMQ_MANY;
	s.consumers = mode & 2 ? SHMQ_ONE : SHMQ_MANY;
	s.flags = (uint8_t)flags;
	return s;
}

static inline shmq *test_open_with(const char *name, enum shmq_role role, const struct shmq_options *o)
{
	struct shmq_error e;
	shmq *q;
	if (shmq_open(&q, name, role, o, &e) != 0) {
		fprintf(stderr, "%s\n", e.text);
		exit(1);
	}
	return q;
}

static inline shmq *test_open(const char *name, enum shmq_role role, uint32_t flags)
{
	struct shmq_options o = SHMQ_OPTIONS_INIT;
	o.flags = flags | SHMQ_NO_CREATE;
	return test_open_with(name, role, &o);
}

/* Makes a queue of that mode, in place of the one that there was. */
static inline void test_make(const char *name, int mode, int flags)
{
	struct shmq_error e;
	struct shmq_shape s = test_shape(mode, flags);
	char path[256];
	if (shmq_remove(name, 1, NULL) != 0 && shmq_path(name, path, sizeof path, NULL) > 0)
		unlink(path); /* it was cut */
	if (shmq_create(name, &s, &e) != 0) {
		fprintf(stderr, "%s\n", e.text);
		exit(1);
	}
}

enum { MODES = 4, FLAGS = 4 };

#endif
