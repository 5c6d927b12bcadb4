/* Prints a queue as JSON: what it says of itself, and the records that a consumer gets. "describe refused" prints how
 * a queue is refused instead. Package ctest compares that with what Go makes of the same file. */
#include <shmq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *text)
{
	fprintf(stderr, "describe: %s\n", text);
	exit(1);
}

static void hex(const unsigned char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%02x", b[i]);
}

#define PATIENCE INT64_C(20000000000) /* all producers are dead, so there is an end */
#define NUMBER(name, v) printf("\"%s\":%llu,", name, (unsigned long long)(v))

static void describe(const char *name)
{
	static struct shmq_participant list[1024];
	struct shmq_error e;
	struct shmq_info i;
	int n;
	if (shmq_stat(name, &i, &e) < 0 || (n = shmq_participants(name, list, 1024, &e)) < 0)
		die(e.text);
	printf("{\"producers\":\"%s\",\"consumers\":\"%s\",", i.shape.producers == SHMQ_ONE ? "one" : "many", i.shape.consumers == SHMQ_EACH ? "each" : i.shape.consumers == SHMQ_ONE ? "one" : "many");
	NUMBER("slots", i.shape.slots);
	NUMBER("slot_size", i.shape.slot_size);
	NUMBER("seats", i.shape.seats);
	printf("\"checksum\":%s,\"timestamps\":%s,", i.shape.flags & SHMQ_CHECKSUM ? "true" : "false", i.shape.flags & SHMQ_TIMESTAMPS ? "true" : "false");
	printf("\"creation_id\":\"");
	hex(i.creation, sizeof i.creation);
	printf("\",");
	NUMBER("head", i.head);
	NUMBER("tail", i.tail);
	NUMBER("sent", i.sent);
	NUMBER("sent_bytes", i.sent_bytes);
	NUMBER("received", i.received);
	NUMBER("received_bytes", i.received_bytes);
	NUMBER("redelivered", i.redelivered);
	NUMBER("torn", i.torn);
	NUMBER("skipped", i.skipped);
	printf("\"begun\":%s,\"finished\":%s,\"participants\":[", i.epoch ? "true" : "false", i.epoch && i.finished == i.epoch ? "true" : "false");
	for (int k = 0; k < n; k++) {
		struct shmq_participant *p = &list[k];
		printf("%s{", k ? "," : "");
		NUMBER("seat", p->seat);
		NUMBER("pid", p->pid);
		NUMBER("records", p->counters.records);
		NUMBER("bytes", p->counters.bytes);
		printf("\"role\":\"%s\",\"alive\":%s,\"command\":\"%s\"}", p->role == SHMQ_PRODUCER ? "producer" : "consumer", p->alive ? "true" : "false", p->command);
	}
}

static void drain(const char *name)
{
	static unsigned char b[1 << 20];
	struct shmq_options o = SHMQ_OPTIONS_INIT;
	struct shmq_error e;
	struct shmq_info i;
	struct shmq_id id;
	char text[72];
	const char *comma = "";
	int64_t n;
	shmq *q;
	o.flags = SHMQ_NO_CREATE | SHMQ_UNTIL_END;
	if (shmq_stat(name, &i, &e) < 0)
		die(e.text);
	if (i.shape.consumers == SHMQ_EACH) { /* as the durable one of that name, or all that there is */
		o.flags |= SHMQ_FROM_OLDEST;
		o.subscription = "d";
	}
	if (shmq_open(&q, name, SHMQ_CONSUMER, &o, &e) < 0)
		die(e.text);
	printf("],\"delivered\":[");
	while ((n = shmq_receive(q, b, sizeof b, PATIENCE)) >= 0 || n == SHMQ_E_LAGGED) {
		if (n < 0)
			continue;
		if (shmq_received_id(q, &id) < 0)
			die(shmq_last_error(q)->text);
		shmq_id_text(&id, text);
		printf("%s{\"data\":\"", comma);
		hex(b, (size_t)n);
		printf("\",\"redelivered\":%u,\"sent_at\":%llu,\"id\":\"%s\"}", shmq_redelivered(q), (unsigned long long)shmq_sent_at(q), text);
		comma = ",";
	}
	printf("],\"then\":\"%s\"}\n", shmq_code_name((int)n));
	if (shmq_close(q, &e) < 0)
		die(e.text);
}

static void refused(const char *name)
{
	struct shmq_options o = SHMQ_OPTIONS_INIT;
	struct shmq_error e;
	struct shmq_info i;
	shmq *q;
	printf("stat: %s\n", shmq_code_name(shmq_stat(name, &i, &e)));
	o.flags = SHMQ_NO_CREATE;
	printf("open: %s\n", shmq_code_name(shmq_open(&q, name, SHMQ_CONSUMER, &o, &e)));
	fprintf(stderr, "%s\n", e.text);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "refused") == 0) {
		refused(argv[2]);
		return 0;
	}
	if (argc != 2)
		return 2;
	describe(argv[1]);
	drain(argv[1]);
	return 0;
}
