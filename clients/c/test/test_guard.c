/* The guard against SIGBUS: a file that is cut is an error, and other handlers get what is theirs. */
#include "test.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

static sigjmp_buf back;
static volatile sig_atomic_t seen;

static void own_handler(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	seen++;
	if (!shmq_fault(info->si_addr))
		siglongjmp(back, 1);
}

static void cut(const char *name, off_t size)
{
	char path[128];
	CHECK(shmq_path(name, path, sizeof path, NULL) > 0);
	CHECK(truncate(path, size) == 0);
}

static void fails(uint32_t flag, int mode, off_t size)
{
	static char big[400];
	char b[512];
	shmq *p, *c;
	int rc = 0;
	test_make("g", mode, 0);
	p = test_open("g", SHMQ_PRODUCER, flag);
	c = test_open("g", SHMQ_CONSUMER, flag);
	GIVES(0, shmq_send(p, big, sizeof big, 0), p);
	cut("g", size);
	for (int i = 0; i < 100 && rc >= 0; i++)
		rc = shmq_send(p, big, sizeof big, 1000000);
	GIVES(SHMQ_E_TRUNCATED, rc, p);
	rc = 0;
	for (int i = 0; i < 100 && rc >= 0; i++)
		rc = (int)shmq_receive(c, b, sizeof b, 1000000);
	GIVES(SHMQ_E_TRUNCATED, rc, c);
	GIVES(SHMQ_E_TRUNCATED, shmq_send(p, "x", 1, 0), p);
	shmq_close(p, NULL);
	shmq_close(c, NULL);
}

/* A program that looks at the bytes of a lease itself learns that they are not the record's. */
static void is_told(uint32_t flag, int mode)
{
	struct shmq_lease l;
	const char *bytes;
	void *room;
	shmq *p, *c;
	test_make("g", mode, 0);
	p = test_open("g", SHMQ_PRODUCER, flag);
	c = test_open("g", SHMQ_CONSUMER, flag);
	GIVES(0, shmq_send(p, "xyz", 3, 0), p);
	GIVES(0, shmq_lease(c, &l, 0), c);
	GIVES(0, shmq_reserve(p, 3, &room, 0), p);
	bytes = l.data;
	CHECK(bytes[2] == 'z');
	GIVES(SHMQ_OK, shmq_intact(c), c);
	GIVES(SHMQ_OK, shmq_intact(p), p);
	cut("g", 4096);
	CHECK(bytes[2] == 0);
	memcpy(room, "abc", 3);
	for (int i = 0; i < 2; i++) {
		GIVES(SHMQ_E_TRUNCATED, shmq_intact(c), c);
		CHECK(shmq_last_error(c)->code == SHMQ_E_TRUNCATED);
		GIVES(SHMQ_E_TRUNCATED, shmq_intact(p), p);
	}
	GIVES(SHMQ_E_TRUNCATED, shmq_ack(c, &l), c);
	GIVES(SHMQ_E_TRUNCATED, shmq_commit(p, 3), p);
	shmq_close(p, NULL);
	shmq_close(c, NULL);
	CHECK(shmq_intact(NULL) == SHMQ_E_MISUSE);
}

static void with_flags(uint32_t flag)
{
	for (int mode = 0; mode < MODES; mode++)
		is_told(flag, mode);
	for (int mode = 0; mode < MODES; mode++) {
		fails(flag, mode, 0);
		fails(flag, mode, 4096);
		fails(flag, mode, 12288);
	}
}

/* A fault that is not the queue's goes to the handler that there was before. */
static void foreign_fault(void)
{
	char path[128];
	volatile char *page;
	int fd;
	snprintf(path, sizeof path, "%s/short", test_dir);
	fd = open(path, O_CREAT | O_RDWR, 0600);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(page != MAP_FAILED);
	seen = 0;
	if (sigsetjmp(back, 1) == 0) {
		page[0] = 1;
		CHECK(seen < 0); /* it does not come here */
	}
	CHECK(seen == 1);
	munmap((void *)page, 4096);
	close(fd);
}

/* A page behind the end of a file, at an address or anywhere: what looks at it faults. */
static volatile char *short_page(void *at)
{
	char path[128];
	int fd;
	void *page;
	snprintf(path, sizeof path, "%s/short", test_dir);
	fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0600);
	page = mmap(at, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | (at ? MAP_FIXED : 0), fd, 0);
	CHECK(page != MAP_FAILED);
	return page;
}

static void ends_by_sigbus(void (*child)(void))
{
	int status;
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		child();
		_exit(1);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGBUS)
		fprintf(stderr, "status %#x\n", (unsigned)status);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

static struct sigaction under;

static void passes_on(int sig, siginfo_t *info, void *context)
{
	CHECK(++seen == 1);
	if (under.sa_flags & SA_SIGINFO)
		under.sa_sigaction(sig, info, context);
	else
		signal(sig, SIG_DFL);
}

/* A handler that was installed over the guard's, and passes on what is not its own, is not passed it again by the guard
 * that comes after. */
static void one_above_the_other(void)
{
	struct sigaction sa = {.sa_flags = SA_SIGINFO};
	sa.sa_sigaction = passes_on;
	for (int guards = 0; guards < 2; guards++) {
		shmq *q = test_open("g", SHMQ_PRODUCER, SHMQ_GUARD);
		if (guards == 0)
			CHECK(sigaction(SIGBUS, &sa, &under) == 0);
		if (guards < 1)
			shmq_close(q, NULL);
	}
	seen = 0;
	CHECK(short_page(NULL)[0] == 0);
}

/* Guards come and go, and others' handlers with them: as many as there are, or it is said. */
static void many_above_each_other(void)
{
	struct sigaction sa = {.sa_flags = SA_SIGINFO};
	struct shmq_options o = SHMQ_OPTIONS_INIT;
	struct shmq_error e = {0};
	int rc = 0;
	shmq *q;
	sa.sa_sigaction = passes_on;
	o.flags = SHMQ_GUARD;
	for (int i = 0; i < 100 && rc == 0; i++) {
		rc = shmq_open(&q, "g", SHMQ_PRODUCER, &o, &e);
		CHECK(sigaction(SIGBUS, &sa, NULL) == 0);
		shmq_close(q, NULL);
	}
	CHECK(rc == SHMQ_E_REFUSED && strstr(e.text, "SHMQ_GUARD_MANUAL") != NULL);
	signal(SIGBUS, SIG_DFL);
	for (int i = 0; i < 100; i++) {
		q = test_open("g", SHMQ_PRODUCER, SHMQ_GUARD);
		signal(SIGBUS, SIG_DFL);
		shmq_close(q, NULL);
	}
	seen = 0;
	CHECK(short_page(NULL)[0] == 0);
}

static uintptr_t of_the_queue(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	uintptr_t at = 0;
	CHECK(maps != NULL);
	while (fgets(line, sizeof line, maps) != NULL)
		if (strstr(line, "/shmq.g") != NULL && strstr(line, " rw-s ") != NULL)
			at = (uintptr_t)strtoull(line, NULL, 16);
	fclose(maps);
	CHECK(at != 0);
	return at;
}

/* A child has not got the mapping, and other memory at its address is not the guard's. */
static uintptr_t at_parents;

static void in_a_child(void)
{
	CHECK(short_page((void *)at_parents)[0] == 0);
}

/* The guard is as good in a child that opens its own, and the parent's handles take no room there. */
static void of_its_own(void)
{
	char path[128];
	shmq *q;
	for (int i = 0; i < 10; i++)
		shmq_close(test_open("g", SHMQ_PRODUCER, SHMQ_GUARD), NULL);
	q = test_open("g", SHMQ_CONSUMER, SHMQ_GUARD);
	CHECK(shmq_path("g", path, sizeof path, NULL) > 0 && truncate(path, 0) == 0);
	CHECK(shmq_wait(q, 0, 0) == SHMQ_E_TRUNCATED);
	shmq_close(q, NULL);
	CHECK(short_page(NULL)[0] == 0); /* ends as it has to */
}

static void forked(void)
{
	shmq *q = test_open("g", SHMQ_PRODUCER, SHMQ_GUARD);
	at_parents = of_the_queue();
	ends_by_sigbus(in_a_child);
	ends_by_sigbus(of_its_own);
	shmq_close(q, NULL);
}

/* Without any handler a fault elsewhere ends the process as it would without the library. */
static void dies(void)
{
	shmq *q = test_open("g", SHMQ_PRODUCER, SHMQ_GUARD);
	CHECK(short_page(NULL)[0] + (q == NULL) == 0);
}

int main(void)
{
	struct sigaction sa = {.sa_flags = SA_SIGINFO}, now;
	sa.sa_sigaction = own_handler;
	test_enter();
	signal(SIGBUS, SIG_DFL); /* a sanitizer may have one */
	with_flags(SHMQ_GUARD);
	CHECK(sigaction(SIGBUS, NULL, &now) == 0 && now.sa_handler == SIG_DFL); /* it was put back */
	test_make("g", 0, 0);
	ends_by_sigbus(dies);
	ends_by_sigbus(one_above_the_other);
	ends_by_sigbus(many_above_each_other);
	forked();
	CHECK(sigaction(SIGBUS, &sa, NULL) == 0);
	with_flags(SHMQ_GUARD);
	with_flags(SHMQ_GUARD_MANUAL);
	test_make("g", 0, 0);
	shmq *q = test_open("g", SHMQ_PRODUCER, SHMQ_GUARD);
	foreign_fault();
	shmq_close(q, NULL);
	CHECK(sigaction(SIGBUS, NULL, &now) == 0 && now.sa_sigaction == own_handler);
	return 0;
}
