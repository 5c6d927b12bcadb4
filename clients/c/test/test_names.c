/* Names, shapes, places, and what errors say. */
#include "test.h"
#include <fcntl.h>
#include <sys/wait.h>

static struct shmq_error e;

static void refuses(int want, const char *name)
{
	shmq *q = (shmq *)(void *)&e;
	CHECK(shmq_open(&q, name, SHMQ_PRODUCER, NULL, &e) == want);
	CHECK(q == NULL && e.code == want);
	CHECK(strncmp(e.text, "shmq: ", 6) == 0);
	CHECK(shmq_open(&q, name, SHMQ_PRODUCER, NULL, NULL) == want);
}

static void names(void)
{
	char path[256], longest[300];
	memset(longest, 'n', sizeof longest);
	longest[251] = 0;
	refuses(SHMQ_E_NAME, "");
	refuses(SHMQ_E_NAME, NULL);
	refuses(SHMQ_E_NAME, ".");
	refuses(SHMQ_E_NAME, "..");
	refuses(SHMQ_E_NAME, "a\tb");
	refuses(SHMQ_E_NAME, "\xc2\x85");
	refuses(SHMQ_E_NAME, "\xff");
	refuses(SHMQ_E_NAME, "/tmp/../q");
	refuses(SHMQ_E_NAME, "/tmp/");
	refuses(SHMQ_E_NAME, "fd:x");
	refuses(SHMQ_E_NAME, "sysv:0");
	refuses(SHMQ_E_NAME, "sysv:zz");
	refuses(SHMQ_E_NAME, longest);
	refuses(SHMQ_E_ABSENT, "fd:999");
	refuses(SHMQ_E_ABSENT, "/nowhere/q");
	longest[250] = 0;
	CHECK(shmq_path("jobs", path, sizeof path, &e) > 0 && strncmp(path, test_dir, strlen(test_dir)) == 0);
	CHECK(strcmp(path + strlen(test_dir), "/shmq.jobs") == 0);
	CHECK(shmq_path("jobs", path, 3, &e) == SHMQ_E_SMALL);
	CHECK(shmq_create(longest, NULL, &e) == 0 && shmq_remove(longest, 0, &e) == 0);
	CHECK(shmq_create("käse", NULL, &e) == 0 && shmq_remove("käse", 0, &e) == 0);
}

static void shapes(void)
{
	struct shmq_options o = SHMQ_OPTIONS_INIT;
	struct shmq_shape s = {.slots = 9, .slot_size = 65, .seats = 3, .producers = SHMQ_ONE}, is;
	struct shmq_info info;
	shmq *q;
	CHECK(shmq_create("s", &s, &e) == 0);
	CHECK(shmq_create("s", &s, &e) == SHMQ_E_EXISTS);
	CHECK(shmq_stat("s", &info, &e) == 0);
	CHECK(info.shape.slots == 16 && info.shape.slot_size == 128 && info.shape.seats == 3);
	CHECK(info.shape.producers == SHMQ_ONE && info.shape.consumers == SHMQ_MANY && info.shape.flags == 0);
	o.create = s;
	q = test_open_with("s", SHMQ_PRODUCER, &o);
	shmq_shape_of(q, &is);
	CHECK(memcmp(&is, &info.shape, sizeof is) == 0);
	CHECK(shmq_max_record(q) == 8 * 128 && shmq_slot_size(q) == 128 && shmq_inline_size(q) == 48);
	CHECK(shmq_role_of(q) == SHMQ_PRODUCER && strcmp(shmq_name(q), "s") == 0);
	refuses(SHMQ_E_ROLE_TAKEN, "s");
	CHECK(strstr(e.text, "pid") != NULL);
	CHECK(shmq_remove("s", 0, &e) == SHMQ_E_IN_USE);
	shmq_close(q, NULL);
	o.create.slots = 32;
	CHECK(shmq_open(&q, "s", SHMQ_PRODUCER, &o, &e) == SHMQ_E_OPTION);
	o.flags = SHMQ_ANY_SHAPE;
	shmq_close(test_open_with("s", SHMQ_PRODUCER, &o), NULL);
	CHECK(shmq_remove("s", 0, &e) == 0);
	o.flags = SHMQ_NO_CREATE;
	CHECK(shmq_open(&q, "s", SHMQ_PRODUCER, &o, &e) == SHMQ_E_ABSENT);
	o.flags = 1u << 31;
	CHECK(shmq_open(&q, "s", SHMQ_PRODUCER, &o, &e) == SHMQ_E_OPTION);
	s.slots = 1;
	CHECK(shmq_create("s", &s, &e) == SHMQ_E_OPTION);
	s.slots = 1u << 30;
	CHECK(shmq_create("s", &s, &e) == SHMQ_E_OPTION);
}

static void seats(void)
{
	struct shmq_shape s = {.slots = 4, .seats = 2};
	shmq *p, *c, *q;
	CHECK(shmq_create("seats", &s, &e) == 0);
	p = test_open("seats", SHMQ_PRODUCER, 0);
	c = test_open("seats", SHMQ_CONSUMER, 0);
	CHECK(shmq_open(&q, "seats", SHMQ_PRODUCER, NULL, &e) == SHMQ_E_NO_SEAT);
	shmq_close(c, NULL);
	shmq_close(test_open("seats", SHMQ_PRODUCER, 0), NULL);
	shmq_close(p, NULL);
	CHECK(shmq_remove("seats", 0, &e) == 0);
}

/* The same record through a queue in each kind of place. */
static void passes(const char *name)
{
	char b[8];
	shmq *p = test_open(name, SHMQ_PRODUCER, 0), *c = test_open(name, SHMQ_CONSUMER, 0);
	GIVES(0, shmq_send(p, "passed", 6, 0), p);
	GIVES(6, shmq_receive(c, b, sizeof b, 0), c);
	CHECK(memcmp(b, "passed", 6) == 0);
	shmq_close(p, NULL);
	shmq_close(c, NULL);
}

static void places(void)
{
	char name[128];
	int fd = shmq_create_anonymous(NULL, &e);
	CHECK(fd >= 0);
	snprintf(name, sizeof name, "fd:%d", fd);
	passes(name);
	CHECK(shmq_remove(name, 0, &e) == SHMQ_E_NAME);
	close(fd);
	snprintf(name, sizeof name, "%s/path", test_dir);
	CHECK(shmq_create(name, NULL, &e) == 0);
	passes(name);
	CHECK(shmq_remove(name, 0, &e) == 0 && access(name, F_OK) != 0);
	snprintf(name, sizeof name, "sysv:%#x", 0x53484d00u + (unsigned)getpid() % 200);
	if (shmq_create(name, NULL, &e) == SHMQ_E_REFUSED) {
		fprintf(stderr, "skipped: %s\n", e.text);
		return;
	}
	passes(name);
	CHECK(shmq_create(name, NULL, &e) == SHMQ_E_EXISTS);
	CHECK(shmq_remove(name, 0, &e) == 0);
	CHECK(shmq_remove(name, 0, &e) == SHMQ_E_ABSENT);
}

static void other_files(void)
{
	char path[128];
	int fd;
	snprintf(path, sizeof path, "%s/shmq.text", test_dir);
	fd = open(path, O_CREAT | O_RDWR, 0600);
	CHECK(write(fd, "hello, world, this is no queue", 30) == 30);
	close(fd);
	refuses(SHMQ_E_NOT_QUEUE, "text");
	CHECK(shmq_remove("text", 1, &e) == SHMQ_E_NOT_QUEUE && access(path, F_OK) == 0);
	unlink(path);
	CHECK(mkdir(path, 0700) == 0);
	refuses(SHMQ_E_NOT_QUEUE, "text");
	rmdir(path);
	CHECK(symlink("/dev/null", path) == 0);
	refuses(SHMQ_E_NOT_QUEUE, "text");
	unlink(path);
}

/* A name is told as it was given, however long the path. */
static void long_names(void)
{
	char name[700];
	shmq *q;
	snprintf(name, sizeof name, "%s/%0200d", test_dir, 0);
	CHECK(mkdir(name, 0700) == 0);
	snprintf(name, sizeof name, "%s/%0200d/%0200d", test_dir, 0, 1);
	CHECK(shmq_open(&q, name, SHMQ_PRODUCER, NULL, &e) == 0);
	CHECK(strcmp(shmq_name(q), name) == 0);
	shmq_close(q, NULL);
	CHECK(shmq_remove(name, 0, &e) == 0);
	*strrchr(name, '/') = 0;
	CHECK(rmdir(name) == 0);
}

/* What is NULL where it can't be is an error, with a text that says so. */
static void nulls(void)
{
	shmq *q;
	CHECK(shmq_open(&q, "nulls", SHMQ_PRODUCER, NULL, &e) == 0);
	CHECK(shmq_stat("nulls", NULL, &e) == SHMQ_E_MISUSE && strstr(e.text, "\"nulls\"") != NULL);
	CHECK(shmq_counters(q, NULL) == SHMQ_E_MISUSE && strstr(shmq_last_error(q)->text, "NULL") != NULL);
	CHECK(shmq_send(q, NULL, 1, 0) == SHMQ_E_MISUSE && strstr(shmq_last_error(q)->text, "NULL") != NULL);
	shmq_shape_of(q, NULL);
	shmq_shape_of(NULL, NULL);
	CHECK(shmq_finish(NULL, &e) == SHMQ_E_MISUSE && strncmp(e.text, "shmq: ", 6) == 0);
	CHECK(shmq_abandon(NULL, NULL) == SHMQ_E_MISUSE);
	shmq_close(q, NULL);
	CHECK(shmq_remove("nulls", 0, &e) == 0);
}

static void forked(void)
{
	shmq *p, *c;
	int status;
	pid_t child;
	char b[8];
	test_make("f", 0, 0);
	p = test_open("f", SHMQ_PRODUCER, 0);
	c = test_open("f", SHMQ_CONSUMER, 0);
	GIVES(0, shmq_send(p, "x", 1, 0), p);
	fflush(stdout);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		if (shmq_send(p, "y", 1, 0) != SHMQ_E_FORKED || shmq_receive(c, b, 1, 0) != SHMQ_E_FORKED || shmq_close(p, NULL) != 0)
			_exit(1);
		if (shmq_finish(c, &e) != SHMQ_E_FORKED || strstr(e.text, "open one in the child") == NULL)
			_exit(3);
		if (shmq_open(&p, "f", SHMQ_PRODUCER, NULL, NULL) != 0 || shmq_send(p, "z", 1, 0) != 0 || shmq_close(p, NULL) != 0)
			_exit(2);
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
	GIVES(0, WEXITSTATUS(status), p);
	GIVES(1, shmq_receive(c, b, sizeof b, 0), c);
	GIVES(1, shmq_receive(c, b, sizeof b, 0), c);
	CHECK(b[0] == 'z');
	shmq_close(p, NULL);
	shmq_close(c, NULL);
}

int main(void)
{
	test_enter();
	CHECK(strcmp(shmq_code_name(SHMQ_E_SYSTEM), "system") == 0 && strcmp(shmq_code_name(-77), "unknown") == 0);
	CHECK(strcmp(shmq_version(), "0.1.0") == 0);
	CHECK(shmq_send(NULL, "x", 1, 0) == SHMQ_E_MISUSE && shmq_receive(NULL, NULL, 0, 0) == SHMQ_E_MISUSE && shmq_close(NULL, NULL) == 0);
	names();
	shapes();
	seats();
	places();
	other_files();
	long_names();
	nulls();
	forked();
	return 0;
}
