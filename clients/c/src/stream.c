#include "handle.h"

/*
 * A stream is what is sent while at least one producer is attached. Producers attach and leave under the
 * lock of streams, one at a time; ends are noted under it while no producer is attached. The last store
 * of a note is to `ends`, and is the end: one who dies before it has noted none. Two counts tell
 * whether a producer died, of those that began and of those that left in order.
 */
static a64 *end_field(const struct region *r, uint64_t n, unsigned field)
{
	return hot(r, L_HOT_END_LOG + (unsigned)(n % L_END_LOG_SIZE) * L_END_SIZE + field);
}

/* Whether a stream has begun whose end is not noted. */
bool stream_open(const struct region *r)
{
	uint64_t epoch = load(hot(r, L_HOT_EPOCH));
	return epoch != load(end_field(r, load(hot(r, L_HOT_ENDS)), L_END_EPOCH));
}

/* Whether the consumer of a seat has a claim to end n; it says nothing of whether that one lives. */
bool awaits(const struct region *r, uint32_t seat, uint64_t n)
{
	uint32_t a = load32(seat32(r, seat, L_SEAT_AWAITS));
	return (a & 1) != 0 && load32(seat32(r, seat, L_SEAT_ROLE)) == L_ROLE_CONSUMER && (int32_t)((uint32_t)(n << 1 | 1) - a) >= 0;
}

bool awaited_by_others(const shmq *q, uint64_t n)
{
	for (uint32_t i = 0; i < q->r.seats; i++)
		if (!(q->seated && i == q->seat) && is_dirty(&q->r, i) && awaits(&q->r, i, n) && is_alive(q, i))
			return true;
	return false;
}

/* Notes the end of the stream that is open, if one is. The caller holds the lock of streams, and no
 * producer is attached that has begun. */
void note_end(shmq *q)
{
	const struct region *r = &q->r;
	uint64_t n = load(hot(r, L_HOT_ENDS)), epoch = load(hot(r, L_HOT_EPOCH)), left = load(hot(r, L_HOT_LEFT));
	uint64_t began = epoch - load(end_field(r, n, L_END_EPOCH)), how = L_END_LEFT;
	bool attended;
	if (began == 0)
		return;
	attended = (q->seated && awaits(r, q->seat, n + 1)) || awaited_by_others(q, n + 1);
	if (left - load(end_field(r, n, L_END_LEFT_COUNT)) != began)
		how = L_END_CUT;
	else if (load(hot(r, L_HOT_FINISHED)) == epoch)
		how = L_END_FINISHED;
	n++;
	store(end_field(r, n, L_END_MARK), last_tail(r) << 4 | how);
	store(end_field(r, n, L_END_EPOCH), epoch);
	store(end_field(r, n, L_END_LEFT_COUNT), left);
	if (attended)
		raise_to(hot(r, L_HOT_MET), n);
	store(hot(r, L_HOT_ENDS), n);
}

/* The same for a consumer, which does not wait for others that are about to do it. */
int end_stream(shmq *q)
{
	int held;
	if (!stream_open(&q->r))
		return 0;
	held = is_locked(q->fd, L_LOCK_PRODUCER, NULL);
	if (held != 0)
		return held < 0 ? held : 0;
	held = try_lock(q->fd, L_LOCK_STREAM, true, NULL);
	if (held != 1)
		return held;
	held = is_locked(q->fd, L_LOCK_PRODUCER, NULL);
	if (held == 0)
		note_end(q);
	unlock(q->fd, L_LOCK_STREAM);
	return held < 0 ? held : 0;
}

int shmq_producer_attached(shmq *q)
{
	int rc = begin(q, 0);
	struct shmq_error e;
	if (rc < 0)
		return rc;
	rc = is_locked(q->fd, L_LOCK_PRODUCER, &e);
	return rc < 0 ? failed(q, rc) : rc;
}
