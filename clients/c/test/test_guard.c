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

/* Without any handler a fault elsewhere ends the process as it would without the library. */
static void dies(void)
{
	int status;
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		char path[128];
		int fd;
		volatile char *page;
		shmq *q = test_open("g", SHMQ_PRODUCER, SHMQ_GUARD);
		snprintf(path, sizeof path, "%s/short", test_dir);
		fd = open(path, O_CREAT | O_RDWR, 0600);
		page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
		_exit(page[0] + (q == NULL));
	}
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
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
	dies();
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
