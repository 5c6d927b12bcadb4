#include "handle.h"
#include <string.h>
#include <unistd.h>

/* Looking at a queue, and recovering the dead, without a seat. */

struct view {
	struct region r;
	int fd;
	size_t mapped;
	struct geometry geo;
	struct place at; /* the last: it is large */
};

static int view_open(struct view *v, const char *name, bool write, struct shmq_error *e)
{
	uint8_t *base = NULL;
	int rc = find_place(&v->at, name, e);
	if (rc != 0)
		return rc;
	if ((v->fd = open_place(&v->at, write, e)) < 0)
		return v->fd;
	rc = read_geometry(&v->at, v->fd, &v->geo, e);
	if (rc == 0)
		rc = map_place(&v->at, v->fd, v->geo.total, write, &base, &v->mapped, e);
	if (rc == GONE)
		rc = fail(e, SHMQ_E_REMOVED, NULL);
	if (rc != 0) {
		close(v->fd);
		return rc;
	}
	region_init(&v->r, base, &v->geo);
	return 0;
}

static void view_close(struct view *v)
{
	unmap_place(v->r.base, v->mapped);
	close(v->fd);
}

/* What all holders of a seat have counted, its present one in it: sent, bytes, received, bytes, redelivered. */
static void seat_sums(const struct region *r, uint32_t i, uint64_t to[5])
{
	a64 *folds = seat64(r, i, L_SEAT_FOLDS);
	for (int tries = 0; tries < 8; tries++) { /* it may be taken meanwhile */
		uint64_t f = load(folds);
		unsigned from = L_SEAT_BANKS + (unsigned)((f + 1) / 2 % 2) * L_BANK_SIZE;
		uint32_t role = load32(seat32(r, i, L_SEAT_ROLE));
		for (unsigned n = 0; n < 5; n++)
			to[n] = load(seat64(r, i, from + 8 * n));
		if (f % 2 == 0 && (role == L_ROLE_PRODUCER || role == L_ROLE_CONSUMER)) {
			unsigned at = role == L_ROLE_PRODUCER ? 0 : 2;
			to[at] += load(seat64(r, i, L_SEAT_RECORDS));
			to[at + 1] += load(seat64(r, i, L_SEAT_BYTES));
			to[4] += at == 2 ? load(seat64(r, i, L_SEAT_REDELIVERED)) : 0;
		}
		fence();
		if (load(folds) == f)
			return;
	}
}

static void describe_seats(const struct view *v, struct shmq_info *info)
{
	for (uint32_t i = 0; i < v->r.seats; i++) {
		uint64_t sums[5];
		seat_sums(&v->r, i, sums);
		info->sent += sums[0];
		info->sent_bytes += sums[1];
		info->received += sums[2];
		info->received_bytes += sums[3];
		info->redelivered += sums[4];
		if (!is_dirty(&v->r, i))
			continue;
		if (is_locked(v->fd, seat_byte(i), NULL) == 0)
			info->dead++;
		else if (load32(seat32(&v->r, i, L_SEAT_ROLE)) == L_ROLE_PRODUCER)
			info->producers++;
		else
			info->consumers++;
	}
}

int shmq_stat(const char *name, struct shmq_info *info, struct shmq_error *e)
{
	const struct region *r;
	struct view v;
	int rc = info ? view_open(&v, name, false, e) : fail(e, SHMQ_E_MISUSE, NULL);
	if (rc != 0)
		return in_op(e, "stat", name, rc);
	r = &v.r;
	*info = (struct shmq_info){
		.size = v.geo.total,
		.created = v.geo.created,
		.head = r->many_consumers ? next_take(r) : r->each ? load(hot(r, L_HOT_TAIL)) : load(hot(r, L_HOT_HEAD)),
		.tail = r->many_consumers && r->many_producers ? next_claim(r) : load(hot(r, L_HOT_TAIL)),
		.epoch = load(hot(r, L_HOT_EPOCH)),
		.left = load(hot(r, L_HOT_LEFT)),
		.ends = load(hot(r, L_HOT_ENDS)),
		.finished = load(hot(r, L_HOT_FINISHED)),
		.skipped = load(hot(r, L_HOT_SKIPPED)),
		.torn = load(hot(r, L_HOT_TORN)),
	};
	geometry_shape(&v.geo, &info->shape);
	memcpy(info->creation, v.geo.creation, sizeof info->creation);
	if (r->each) {
		uint64_t lag;
		slowest(r, &lag);
		info->head = info->tail - lag;
	}
	info->depth = (int64_t)(info->tail - info->head) < 0 ? 0 : least(info->tail - info->head, r->cap);
	describe_seats(&v, info);
	view_close(&v);
	return 0;
}

static void describe_seat(const struct view *v, uint32_t i, bool alive, struct shmq_participant *to)
{
	const struct region *r = &v->r;
	*to = (struct shmq_participant){
		.seat = i,
		.role = load32(seat32(r, i, L_SEAT_ROLE)),
		.pid = load32(seat32(r, i, L_SEAT_PID)),
		.uid = load32(seat32(r, i, L_SEAT_UID)),
		.start_time = load(seat64(r, i, L_SEAT_START_TIME)),
		.attached = (int64_t)load(seat64(r, i, L_SEAT_ATTACHED)),
		.counters = {load(seat64(r, i, L_SEAT_RECORDS)), load(seat64(r, i, L_SEAT_BYTES)), load(seat64(r, i, L_SEAT_WAITS)),
			     load(seat64(r, i, L_SEAT_WAKES)), load(seat64(r, i, L_SEAT_REDELIVERED))},
		.alive = alive,
	};
	for (unsigned n = 0; n < L_SEAT_COMMAND_N - 1; n++) {
		char c = (char)seat_at(r, i)[L_SEAT_COMMAND + n];
		if (c == 0)
			break;
		to->command[n] = (c >= 0 && c < ' ') || c == 0x7f ? '?' : c;
	}
}

int shmq_participants(const char *name, struct shmq_participant *list, size_t cap, struct shmq_error *e)
{
	struct view v;
	int n = 0, rc = view_open(&v, name, false, e);
	if (rc != 0)
		return in_op(e, "stat", name, rc);
	for (uint32_t i = 0; i < v.r.seats; i++) {
		if (!is_dirty(&v.r, i))
			continue;
		if ((size_t)n < cap && list != NULL)
			describe_seat(&v, i, is_locked(v.fd, seat_byte(i), e) != 0, &list[n]);
		n++;
	}
	view_close(&v);
	return n;
}

/* As one who comes without a role goes through the gate: it has to be as if a participant came and left. */
static int recover_behind_gate(const struct view *v, struct shmq_error *e)
{
	shmq q;
	int n = 0, rc = 0;
	memset(&q, 0, sizeof q);
	q.fd = v->fd;
	q.place = v->at;
	q.r = v->r;
	q.mapped = v->mapped;
	if (v->r.sums && ((rc = lock_gate(&q, e)) != 0 || (rc = enter_gate(&q, e)) != 0))
		return rc; /* closing drops the gate */
	n = recover_all(&v->r, v->fd, -1);
	clear_of_seat(&v->r, v->fd, -1);
	wake_everybody(&v->r); /* also if the sweep found nothing: the stream may be at its end */
	if (v->r.sums)
		rc = leave_gate(&q, e);
	return rc != 0 ? rc : n;
}

int shmq_recover(const char *name, struct shmq_error *e)
{
	struct view v;
	int n = view_open(&v, name, true, e);
	if (n == 0) {
		n = recover_behind_gate(&v, e);
		view_close(&v);
	}
	return in_op(e, "recover", name, n);
}
