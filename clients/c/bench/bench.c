/*
 * What a record costs: C to C and C to Go beside Go to Go and a bare ring of lines, by turns in one run.
 *
 *     bench [-n RECORDS] [-r ROUNDS] [-s PAYLOAD] [-g GOEND] [-c CASES]     PAYLOAD in bytes; 16 unless said otherwise
 *
 * Two processes, pinned to two processors where there are two, move the records; the time is that from the first
 * send to the last receive. Each line is the median of the rounds, and the least and the greatest. GOEND is the
 * program of clients/ctest/goend, CASES a part of the names of those that are wanted.
 *
 * The bare ring is FastForward's: a single producer and a single consumer, 4096 lines of 64 bytes with a sequence
 * word each, and nothing else: no process is looked for, nothing is counted, nobody sleeps.
 */
#include <fcntl.h>
#include <sched.h>
#include <shmq.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LINES = 4096, BATCH = 64, IN_LINE = 48, LARGEST = 1 << 20, MOST_ROUNDS = 99, MOST_CASES = 32 };

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline void pause_cpu(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

static void die(const char *text)
{
	fprintf(stderr, "bench: %s\n", text);
	exit(1);
}

static void pin(unsigned cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)sched_setaffinity(0, sizeof set, &set);
}

/* An end: says that it is ready, waits for a line, works, and says when it began and ended. */
static void wait_for_go(void)
{
	char c;
	if (write(1, "r", 1) != 1 || read(0, &c, 1) != 1)
		exit(1);
}

static int report(int64_t start)
{
	int64_t t[2] = {start, now()};
	return write(1, t, sizeof t) == sizeof t ? 0 : 1;
}

struct line {
	_Atomic uint64_t seq;
	uint8_t data[56];
};

static struct line *map_lines(const char *path)
{
	int fd = open(path, O_RDWR);
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, LINES * sizeof(struct line), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (p == MAP_FAILED)
		die("no lines");
	return p;
}

static int bare_send(const char *path, uint64_t n, size_t payload)
{
	struct line *ring = map_lines(path);
	uint8_t data[48] = {0};
	int64_t start;
	wait_for_go();
	start = now();
	for (uint64_t i = 0; i < n; i++) {
		struct line *l = &ring[i % LINES];
		while (atomic_load_explicit(&l->seq, memory_order_acquire) != 2 * (i / LINES))
			pause_cpu();
		memcpy(l->data, data, payload);
		atomic_store_explicit(&l->seq, 2 * (i / LINES) + 1, memory_order_release);
	}
	return report(start);
}

static int bare_receive(const char *path, uint64_t n, size_t payload)
{
	struct line *ring = map_lines(path);
	uint8_t data[48];
	int64_t start;
	wait_for_go();
	start = now();
	for (uint64_t i = 0; i < n; i++) {
		struct line *l = &ring[i % LINES];
		while (atomic_load_explicit(&l->seq, memory_order_acquire) != 2 * (i / LINES) + 1)
			pause_cpu();
		memcpy(data, l->data, payload);
		atomic_store_explicit(&l->seq, 2 * (i / LINES) + 2, memory_order_release);
	}
	return report(start);
}

static shmq *attach(const char *name, enum shmq_role role)
{
	struct shmq_options o = SHMQ_OPTIONS_INIT;
	struct shmq_error e;
	shmq *q;
	o.flags = SHMQ_NO_CREATE | SHMQ_PREFAULT;
	if (shmq_open(&q, name, role, &o, &e) < 0)
		die(e.text);
	return q;
}

static int lib_send(const char *name, uint64_t n, size_t payload, int batch)
{
	shmq *q = attach(name, SHMQ_PRODUCER);
	static uint8_t data[1 << 20];
	struct shmq_bytes b[BATCH];
	int64_t start;
	for (int i = 0; i < BATCH; i++)
		b[i] = (struct shmq_bytes){data, payload};
	wait_for_go();
	start = now();
	if (batch)
		for (uint64_t i = 0; i < n; i += BATCH)
			if (shmq_send_batch(q, b, BATCH, SHMQ_FOREVER) != BATCH)
				die(shmq_last_error(q)->text);
	for (uint64_t i = 0; !batch && i < n; i++)
		if (shmq_send(q, data, payload, SHMQ_FOREVER) != 0)
			die(shmq_last_error(q)->text);
	report(start);
	return shmq_close(q, NULL);
}

static int lib_receive(const char *name, uint64_t n, size_t payload, int batch)
{
	shmq *q = attach(name, SHMQ_CONSUMER);
	static uint8_t data[BATCH][4096], big[1 << 20];
	struct shmq_buffer b[BATCH];
	int64_t start, got;
	for (int i = 0; i < BATCH; i++)
		b[i] = (struct shmq_buffer){data[i], sizeof data[i], 0, 0, 0};
	wait_for_go();
	start = now();
	if (batch)
		for (uint64_t i = 0; i < n; i += (uint64_t)got)
			if ((got = shmq_receive_batch(q, b, BATCH, SHMQ_FOREVER)) < 0)
				die(shmq_last_error(q)->text);
	for (uint64_t i = 0; !batch && i < n; i++)
		if (shmq_receive(q, big, sizeof big, SHMQ_FOREVER) != (int64_t)payload)
			die(shmq_last_error(q)->text);
	report(start);
	return shmq_close(q, NULL);
}

static int end_main(char **arg)
{
	int sends = strcmp(arg[1], "send") == 0, batch = strcmp(arg[0], "batch") == 0;
	uint64_t n = strtoull(arg[3], NULL, 10);
	size_t payload = strtoull(arg[4], NULL, 10);
	if (strcmp(arg[0], "bare") == 0)
		return sends ? bare_send(arg[2], n, payload) : bare_receive(arg[2], n, payload);
	return sends ? lib_send(arg[2], n, payload, batch) : lib_receive(arg[2], n, payload, batch);
}

struct process {
	pid_t pid;
	int in, out;
};

static struct process start(const char *exe, const char *kind, const char *way, const char *where, const char *n, const char *payload)
{
	struct process p;
	int to[2], from[2];
	char c;
	if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0 || (p.pid = fork()) < 0)
		die("no process");
	if (p.pid == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		pin(strcmp(way, "send") != 0);
		execl(exe, exe, "end", kind, way, where, n, payload, (char *)NULL);
		_exit(1);
	}
	close(to[0]), close(from[1]);
	p.in = to[1], p.out = from[0];
	if (read(p.out, &c, 1) != 1)
		die("an end did not start");
	return p;
}

static void finish(struct process *p, int64_t t[2])
{
	int status;
	if (read(p->out, t, 2 * sizeof *t) != 2 * (ssize_t)sizeof *t)
		die("an end failed");
	close(p->in), close(p->out);
	waitpid(p->pid, &status, 0);
}

struct kind {
	const char *name, *sender, *receiver; /* "bare", "one" or "batch"; with a G in front in Go */
	uint8_t producers, consumers;
};

static double run(const struct kind *k, const char *self, const char *go, const char *n, const char *payload)
{
	struct shmq_shape shape = {.producers = k->producers, .consumers = k->consumers};
	size_t size = strtoull(payload, NULL, 10);
	struct shmq_error e;
	struct process s, r;
	int64_t a[2], b[2];
	char where[64];
	int bare = strcmp(k->sender, "bare") == 0, fd;
	if (size > IN_LINE) { /* a slot a record, a quarter of a MiB, or 16 */
		shape.slot_size = (uint32_t)(size + 63) / 64 * 64;
		for (shape.slots = 16; shape.slots < 4096 && shape.slots * shape.slot_size < 1 << 18; shape.slots *= 2)
			;
	}
	snprintf(where, sizeof where, "/dev/shm/shmq.bench-%d", (int)getpid());
	if (!bare && shmq_create(where, &shape, &e) < 0)
		die(e.text);
	if (bare && ((fd = open(where, O_CREAT | O_RDWR, 0600)) < 0 || ftruncate(fd, LINES * sizeof(struct line)) != 0 || close(fd) != 0))
		die("no lines");
	r = start(k->receiver[0] == 'G' ? go : self, k->receiver + (k->receiver[0] == 'G'), "receive", where, n, payload);
	s = start(k->sender[0] == 'G' ? go : self, k->sender + (k->sender[0] == 'G'), "send", where, n, payload);
	if (write(r.in, "g", 1) != 1 || write(s.in, "g", 1) != 1)
		die("an end is gone");
	finish(&s, a);
	finish(&r, b);
	unlink(where);
	return (double)(b[1] - a[0]) / (double)strtoull(n, NULL, 10);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static const struct kind all[] = {
		{"bare ring, one to one", "bare", "bare", 0, 0},
		{"C to C, one to one", "one", "one", SHMQ_ONE, SHMQ_ONE},
		{"C to C, one to many", "one", "one", SHMQ_ONE, SHMQ_MANY},
		{"C to C, many to one", "one", "one", SHMQ_MANY, SHMQ_ONE},
		{"C to C, many to many", "one", "one", SHMQ_MANY, SHMQ_MANY},
		{"C to C, one to one, batches", "batch", "batch", SHMQ_ONE, SHMQ_ONE},
		{"C to C, many to many, batches", "batch", "batch", SHMQ_MANY, SHMQ_MANY},
		{"C to Go, one to one", "one", "Gone", SHMQ_ONE, SHMQ_ONE},
		{"Go to C, one to one", "Gone", "one", SHMQ_ONE, SHMQ_ONE},
		{"Go to Go, one to one", "Gone", "Gone", SHMQ_ONE, SHMQ_ONE},
		{"Go to Go, one to many", "Gone", "Gone", SHMQ_ONE, SHMQ_MANY},
		{"Go to Go, many to one", "Gone", "Gone", SHMQ_MANY, SHMQ_ONE},
		{"C to Go, many to many", "one", "Gone", SHMQ_MANY, SHMQ_MANY},
		{"Go to Go, many to many", "Gone", "Gone", SHMQ_MANY, SHMQ_MANY},
	};
	static double took[sizeof all / sizeof all[0]][MOST_ROUNDS];
	const char *n = "2000000", *payload = "16", *go = NULL, *cases = "";
	int rounds = 5, option;
	if (argc > 6 && strcmp(argv[1], "end") == 0)
		return end_main(argv + 2);
	while ((option = getopt(argc, argv, "n:r:s:g:c:")) != -1) {
		if (option == 'n')
			n = optarg;
		else if (option == 'r')
			rounds = atoi(optarg) < MOST_ROUNDS ? atoi(optarg) : MOST_ROUNDS;
		else if (option == 's')
			payload = optarg;
		else if (option == 'g')
			go = optarg;
		else if (option == 'c')
			cases = optarg;
		else
			return 2;
	}
	if (rounds < 1 || strtoull(payload, NULL, 10) > LARGEST)
		die("rounds from 1 on, payloads of at most 1 MiB");
	for (int i = 0; i < rounds; i++)
		for (size_t k = 0; k < sizeof all / sizeof all[0]; k++)
			if (strstr(all[k].name, cases) != NULL && (k > 0 || strtoull(payload, NULL, 10) <= IN_LINE) && (go != NULL || (all[k].sender[0] != 'G' && all[k].receiver[0] != 'G')))
				took[k][i] = run(&all[k], "/proc/self/exe", go, n, payload);
	printf("%-32s %9s %9s %9s   ns a record of %s bytes, %d rounds of %s\n", "", "median", "least", "most", payload, rounds, n);
	for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) {
		qsort(took[k], (size_t)rounds, sizeof(double), compare);
		if (took[k][0] > 0)
			printf("%-32s %9.1f %9.1f %9.1f\n", all[k].name, took[k][rounds / 2], took[k][0], took[k][rounds - 1]);
	}
	return 0;
}
