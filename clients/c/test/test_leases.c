/* Leases: acknowledged in any order, given back, inherited, and never settled twice. */
#include "test.h"

static char buf[1024];

static void send_texts(shmq *p, const char *texts)
{
	for (; *texts; texts++)
		GIVES(0, shmq_send(p, texts, 1, 0), p);
}

static void takes(shmq *c, const char *texts, uint32_t redelivered)
{
	for (; *texts; texts++) {
		GIVES(1, shmq_receive(c, buf, sizeof buf, 0), c);
		CHECK(buf[0] == *texts);
		CHECK((shmq_redelivered(c) > 0) == (redelivered > 0));
	}
}

static void any_order(int mode, int flags)
{
	struct shmq_lease ls[6], copy;
	shmq *p, *c;
	test_make("q", mode, flags);
	p = test_open("q", SHMQ_PRODUCER, 0);
	c = test_open("q", SHMQ_CONSUMER, 0);
	for (int round = 0; round < 50; round++) {
		send_texts(p, "abcdef");
		if (round % 2 == 0)
			for (int got = 0; got < 6;) { /* a take ends with the ring */
				int64_t n = shmq_lease_batch(c, ls + got, (size_t)(6 - got), 0);
				CHECK(n > 0);
				got += (int)n;
			}
		else
			for (int i = 0; i < 6; i++)
				GIVES(0, shmq_lease(c, &ls[i], 0), c);
		GIVES(SHMQ_E_EMPTY, shmq_lease(c, &copy, 0), c);
		CHECK(copy.data == NULL);
		for (int i = 0; i < 6; i++)
			CHECK(ls[i].size == 1 && *(const char *)ls[i].data == "abcdef"[i] && ls[i].redelivered == 0);
		copy = ls[3];
		if (round % 4 < 2) {
			GIVES(6, shmq_ack_batch(c, ls, 6), c);
		} else {
			static const int order[6] = {3, 5, 0, 1, 4, 2};
			for (int i = 0; i < 6; i++)
				GIVES(1, shmq_ack(c, &ls[order[i]]), c);
		}
		GIVES(0, shmq_ack(c, &ls[3]), c);
		GIVES(0, shmq_ack(c, &copy), c); /* through a copy */
		copy.data = buf;
		GIVES(0, shmq_release(c, &copy), c);
	}
	struct shmq_counters n;
	GIVES(0, shmq_counters(c, &n), c);
	CHECK(n.records == 300 && n.bytes == 300 && n.redelivered == 0);
	shmq_close(p, NULL);
	shmq_close(c, NULL);
}

static void given_back(int mode, int flags)
{
	struct shmq_lease ls[3];
	shmq *p, *c;
	test_make("q", mode, flags);
	p = test_open("q", SHMQ_PRODUCER, 0);
	c = test_open("q", SHMQ_CONSUMER, 0);
	send_texts(p, "abc");
	for (int i = 0; i < 3; i++)
		GIVES(0, shmq_lease(c, &ls[i], 0), c);
	GIVES(1, shmq_release(c, &ls[1]), c);
	GIVES(1, shmq_release(c, &ls[0]), c);
	GIVES(0, shmq_release(c, &ls[0]), c);
	takes(c, "ab", 1); /* oldest first */
	GIVES(1, shmq_ack(c, &ls[2]), c);
	GIVES(SHMQ_E_EMPTY, shmq_receive(c, buf, 1, 0), c);
	send_texts(p, "d");
	for (uint32_t i = 0; i < 3; i++) {
		GIVES(0, shmq_lease(c, &ls[0], 0), c);
		CHECK(ls[0].redelivered == i);
		GIVES(1, shmq_release(c, &ls[0]), c);
	}
	takes(c, "d", 1);
	shmq_close(p, NULL);
	shmq_close(c, NULL);
}

/* Who has left in order is no participant, and not a dead one either. */
static void attached(uint32_t producers, uint32_t consumers)
{
	struct shmq_participant list[4];
	struct shmq_info info;
	CHECK(shmq_stat("q", &info, NULL) == 0);
	CHECK(info.producers == producers && info.consumers == consumers && info.dead == 0);
	CHECK(shmq_participants("q", list, 4, NULL) == (int)(producers + consumers));
}

static void closed(int mode, int flags)
{
	struct shmq_lease ls[4];
	shmq *p, *c;
	test_make("q", mode, flags);
	p = test_open("q", SHMQ_PRODUCER, 0);
	c = test_open("q", SHMQ_CONSUMER, 0);
	send_texts(p, "abcdef");
	GIVES(4, shmq_lease_batch(c, ls, 4, 0), c);
	if (!(mode & 2)) {
		GIVES(1, shmq_ack(c, &ls[0]), c);
		GIVES(1, shmq_ack(c, &ls[2]), c);
	}
	shmq_close(c, NULL);
	attached(1, 0);
	c = test_open("q", SHMQ_CONSUMER, 0);
	takes(c, mode & 2 ? "abcd" : "bd", 1);
	takes(c, "ef", 0);
	GIVES(SHMQ_E_EMPTY, shmq_receive(c, buf, 1, 0), c);
	attached(1, 1);
	shmq_close(p, NULL);
	shmq_close(c, NULL);
	attached(0, 0);
}

static void ids(int mode, int flags)
{
	struct shmq_lease l;
	struct shmq_id id, same;
	char text[72];
	shmq *p, *c;
	test_make("q", mode, flags);
	p = test_open("q", SHMQ_PRODUCER, 0);
	c = test_open("q", SHMQ_CONSUMER, 0);
	send_texts(p, "ab");
	GIVES(0, shmq_lease(c, &l, 0), c);
	GIVES(0, shmq_record_id(c, &l, &id), c);
	GIVES(1, shmq_release(c, &l), c);
	takes(c, "a", 1);
	GIVES(0, shmq_received_id(c, &same), c);
	CHECK(memcmp(&id, &same, sizeof id) == 0 && id.incarnation != 0 && id.position == 0);
	takes(c, "b", 0);
	GIVES(0, shmq_received_id(c, &id), c);
	CHECK(id.position == 1);
	shmq_id_text(&id, text);
	CHECK(strlen(text) == 51 && text[32] == '-' && strcmp(text + 49, "-1") == 0);
	shmq_close(p, NULL);
	shmq_close(c, NULL);
}

int main(void)
{
	test_enter();
	for (int mode = 0; mode < MODES; mode++)
		for (int flags = 0; flags < FLAGS; flags++) {
			any_order(mode, flags);
			given_back(mode, flags);
			closed(mode, flags);
			ids(mode, flags);
		}
	return 0;
}
