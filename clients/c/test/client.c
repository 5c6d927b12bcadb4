/*
 * shmq_client: sends to, receives from and describes a queue; what tests of libshmq with programs in Go are played by.
 *
 *     shmq_client send PATH COUNT [hold]   send COUNT records
 *     shmq_client recv PATH COUNT [hold]   receive COUNT records, or up to the end of the stream; print
 *                                          "LENGTH CRC32C" of each, and acknowledge it after that
 *     shmq_client stat PATH                describe the queue
 *
 * Record n is empty, or a msgpack value: a small int, a uint32, or a string over as many as five slots. With "hold"
 * the last record is reserved and not sent, or leased and not acknowledged, until a signal comes. SIGINT and SIGTERM
 * leave the queue in order; after SIGKILL the others clean up.
 */
#include <shmq.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint32_t stopped; /* the cancel word */

static void on_signal(int sig)
{
	(void)sig;
	shmq_cancel(&stopped);
}

static void wait_for_signal(void)
{
	while (!__atomic_load_n(&stopped, __ATOMIC_SEQ_CST))
		sleep(1);
}

static void die(const char *text)
{
	fprintf(stderr, "shmq_client: %s\n", text);
	exit(1);
}

static uint32_t crc32c(const uint8_t *b, size_t n)
{
	uint32_t c = ~0u;
	while (n-- > 0) {
		c ^= *b++;
		for (int i = 0; i < 8; i++)
			c = c >> 1 ^ (c & 1 ? 0x82f63b78u : 0);
	}
	return ~c;
}

static shmq *attach(const char *path, enum shmq_role role)
{
	struct shmq_options o = SHMQ_OPTIONS_INIT;
	struct shmq_error e;
	shmq *q;
	o.flags = SHMQ_NO_CREATE | (role == SHMQ_CONSUMER ? SHMQ_UNTIL_END : 0u);
	o.cancel = &stopped;
	if (shmq_open(&q, path, role, &o, &e) < 0)
		die(e.text);
	return q;
}

static int leave(shmq *q)
{
	struct shmq_error e;
	if (shmq_close(q, &e) < 0)
		die(e.text);
	return 0;
}

/* Record n, of at most max bytes; max >= 64. */
static size_t make_record(uint64_t n, uint64_t max, uint8_t *b)
{
	uint32_t len = (uint32_t)(n * 37 % (max - 4)), value = n % 5 == 2 ? (uint32_t)n : len; /* of a string */
	int bytes = n % 5 == 2 ? 4 : len < 32 ? 0 : len < 1 << 8 ? 1 : len < 1 << 16 ? 2 : 4;
	size_t h = 0;
	if (n % 5 == 0)
		return 0;
	if (n % 5 == 1) {
		b[0] = n & 0x7f; /* positive fixint */
		return 1;
	}
	b[h++] = n % 5 == 2 ? 0xce : bytes == 0 ? (uint8_t)(0xa0 | len) : bytes == 1 ? 0xd9 : bytes == 2 ? 0xda : 0xdb;
	for (int i = bytes; i-- > 0;)
		b[h++] = (uint8_t)(value >> 8 * i);
	for (uint32_t j = 0; n % 5 != 2 && j < len; j++)
		b[h++] = (uint8_t)('a' + (n + j) % 26);
	return h;
}

static int send_main(const char *path, uint64_t n, int hold)
{
	shmq *q = attach(path, SHMQ_PRODUCER);
	struct shmq_shape shape;
	size_t max;
	uint8_t *b;
	shmq_shape_of(q, &shape);
	max = (shape.slots / 2 < 5 ? shape.slots / 2 : 5) * (size_t)shape.slot_size;
	if ((b = malloc(max)) == NULL)
		die("no memory");
	for (uint64_t i = 0; i < n; i++) {
		size_t size = make_record(i, max, b);
		int last = hold && i + 1 == n, rc;
		void *to;
		rc = last ? shmq_reserve(q, size, &to, SHMQ_FOREVER) : shmq_send(q, b, size, SHMQ_FOREVER);
		if (rc == SHMQ_E_CANCELLED)
			break;
		if (rc < 0)
			die(shmq_last_error(q)->text);
		if (last) {
			if (size > 0)
				memcpy(to, b, size);
			puts("holding");
			wait_for_signal();
		}
	}
	free(b);
	return leave(q);
}

static int recv_main(const char *path, uint64_t n, int hold)
{
	shmq *q = attach(path, SHMQ_CONSUMER);
	for (uint64_t i = 0; i < n; i++) {
		struct shmq_lease l;
		int rc = shmq_lease(q, &l, SHMQ_FOREVER);
		if (rc == SHMQ_E_BROKEN)
			fputs("shmq_client: the stream was broken off\n", stderr);
		if (rc == SHMQ_E_CANCELLED || rc == SHMQ_E_END || rc == SHMQ_E_BROKEN)
			break;
		if (rc < 0)
			die(shmq_last_error(q)->text);
		if (printf("%zu %08x\n", l.size, crc32c(l.data, l.size)) < 0)
			die("printing failed"); /* and the record comes again */
		if (hold && i + 1 == n) {
			wait_for_signal();
			break;
		}
		shmq_ack(q, &l);
	}
	return leave(q);
}

static int stat_main(const char *path)
{
	static struct shmq_participant list[1024];
	struct shmq_error e;
	struct shmq_info info;
	int n;
	if (shmq_stat(path, &info, &e) < 0 || (n = shmq_participants(path, list, 1024, &e)) < 0)
		die(e.text);
	printf("producers %s\nconsumers %s\nslots %u\nslot_size %u\nhead %llu\ntail %llu\n", info.shape.producers == SHMQ_MANY ? "many" : "one",
	       info.shape.consumers == SHMQ_MANY ? "many" : "one", info.shape.slots, info.shape.slot_size, (unsigned long long)info.head,
	       (unsigned long long)info.tail);
	for (int i = 0; i < n; i++)
		printf("seat %u %s %s pid %u %s\n", list[i].seat, list[i].role == SHMQ_PRODUCER ? "producer" : "consumer",
		       list[i].alive ? "alive" : "dead", list[i].pid, list[i].command);
	return 0;
}

int main(int argc, char **argv)
{
	char *end = "";
	uint64_t n = argc > 3 ? strtoull(argv[3], &end, 10) : 0;
	int hold = argc == 5 && strcmp(argv[4], "hold") == 0, counted = (argc == 4 || hold) && *end == 0;
	struct sigaction sa = {.sa_handler = on_signal};
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (counted && strcmp(argv[1], "send") == 0)
		return send_main(argv[2], n, hold);
	if (counted && strcmp(argv[1], "recv") == 0)
		return recv_main(argv[2], n, hold);
	if (argc == 3 && strcmp(argv[1], "stat") == 0)
		return stat_main(argv[2]);
	fputs("usage: shmq_client send|recv PATH COUNT [hold]\n       shmq_client stat PATH\n", stderr);
	return 2;
}
