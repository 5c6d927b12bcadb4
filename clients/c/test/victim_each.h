/* The victim's scenarios of queues of which each consumer gets every record. victim.c includes it. */
#ifndef SHMQ_VICTIM_EACH_H
#define SHMQ_VICTIM_EACH_H

#define AUDIT "audit"

static void subscribe(const char *subscription, uint32_t flags)
{
	struct shmq_options o = SHMQ_OPTIONS_INIT;
	struct shmq_error e;
	o.flags = SHMQ_NO_CREATE | flags;
	o.subscription = subscription;
	check(shmq_open(&in, queue, SHMQ_CONSUMER, &o, &e), NULL, &e);
}

static void join_newest(void) { subscribe(NULL, 0); }
static void join_oldest(void) { subscribe(NULL, SHMQ_FROM_OLDEST); }
static void join_durable(void) { subscribe(AUDIT, SHMQ_FROM_OLDEST); }
static void take_over(void) { subscribe(AUDIT, 0); }
static void take_over_and_lease(void) { take_over(), lease(); }
static void take_over_and_receive(void) { take_over(), receive(); }

/* A producer that has not looked at the cursors yet, with the records of prepare_send. */
static void prepare_first_send(void)
{
	static const uint64_t ids[][2] = {{SMALL, 1}, {SMALL, 2}, {LARGE, 2}, {PAIR, 3}, {SMALL, 4}, {SMALL, 5}, {SINGLE, 2}, {SMALL, 3}};
	produce();
	for (int i = 0; i < 8; i++)
		make(record(VICTIM, ids[i][0], ids[i][1]));
}

static const struct scenario each_scenarios[] = {
	{"each: send, inline", prepare_first_send, {send_mine2}},
	{"each: send, not inline", prepare_first_send, {send_mineS}},
	{"each: send, 3 slots", prepare_first_send, {send_mineL}},
	{"each: send, 3 slots behind a filler", prepare_first_send, {send_mineL}},
	{"each: send a batch of 4", prepare_first_send, {send_batch}},
	{"each: send a batch of 4, inline", prepare_first_send, {send_batch_inline}},
	{"each: reserve, commit", prepare_first_send, {reserve, commit}},
	{"each: reserve, commit, 1 slot", prepare_first_send, {reserve_slot, commit_slot}},
	{"each: reserve, abort", prepare_first_send, {reserve, give_up}},
	{"each: join at the newest", NULL, {join_newest}},
	{"each: join at the oldest", NULL, {join_oldest}},
	{"each: join, durable, at the oldest", NULL, {join_durable}},
	{"each: leave", join_newest, {close_in}},
	{"each: take a durable one over", NULL, {take_over}},
	{"each: leave a durable one", take_over_and_lease, {close_in}},
	{"each: receive, inline", take_over, {receive}},
	{"each: receive, 2 slots", take_over_and_receive, {receive}},
	{"each: lease, acknowledge", take_over, {lease, ack_0}},
	{"each: lease a batch, acknowledge it as one", take_over, {lease_3, ack_batch}},
};

#endif
