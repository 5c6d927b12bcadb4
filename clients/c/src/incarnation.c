#include "handle.h"
#include <string.h>

/*
 * An incarnation is a stretch of positions, from its start to that of the next one; one begins where
 * positions may be used again. A table of 32 entries: number, start, id, CRC-32C of these.
 */
struct incarnation {
	uint64_t number, start, id, crc;
};

static a64 *entry_word(const struct region *r, uint64_t n, unsigned word)
{
	return hot(r, L_HOT_INCARNATIONS + (unsigned)(n % L_INCARNATION_COUNT) * L_INCARNATION_SIZE + 8 * word);
}

/* The entry at a place of the table; false if there is none. */
static bool read_incarnation(const struct region *r, unsigned place, struct incarnation *to)
{
	uint64_t w[4];
	for (unsigned i = 0; i < 4; i++)
		w[i] = load(entry_word(r, place, i));
	memcpy(to, w, sizeof w);
	return to->number != 0 && to->number % L_INCARNATION_COUNT == place && to->crc == crc32c(0, w, L_INCARNATION_CRC);
}

/* Makes records that are sent from now on be of incarnation id. The caller holds the gate; no process has a
 * role. A death in the middle leaves an entry that is none, and no record was sent since. */
void begin_incarnation(const struct region *r, uint64_t id)
{
	struct incarnation latest = {0}, at;
	uint64_t end = last_tail(r), w[4];
	for (unsigned i = 0; i < L_INCARNATION_COUNT; i++)
		if (read_incarnation(r, i, &at) && at.number > latest.number)
			latest = at;
	if (latest.number == 0 || latest.start != end) {
		latest.number++;
		latest.start = end;
	}
	latest.id = id;
	memcpy(w, &latest, sizeof w);
	w[3] = crc32c(0, w, L_INCARNATION_CRC);
	for (unsigned i = 0; i < 4; i++)
		store(entry_word(r, latest.number, i), w[i]);
}

/* The id of the incarnation of position p; 0 if it is before the first one. Where the entry was overwritten
 * it is that of the oldest one left. */
uint64_t incarnation_of(const struct region *r, uint64_t p)
{
	struct incarnation in = {0}, oldest = {0}, at;
	for (unsigned i = 0; i < L_INCARNATION_COUNT; i++) {
		if (!read_incarnation(r, i, &at))
			continue;
		if (at.number > in.number && (int64_t)(p - at.start) >= 0)
			in = at;
		if (oldest.number == 0 || at.number < oldest.number)
			oldest = at;
	}
	return in.number == 0 && oldest.number != 1 ? oldest.id : in.id;
}

static void id_of(shmq *q, uint64_t p, struct shmq_id *id)
{
	memcpy(id->creation, q->geo.creation, sizeof id->creation);
	id->incarnation = incarnation_of(&q->r, p);
	id->position = p;
}

int shmq_record_id(shmq *q, const struct shmq_lease *lease, struct shmq_id *id)
{
	int rc = begin_settling(q);
	if (rc < 0)
		return rc;
	if (q->role != SHMQ_CONSUMER || lease == NULL || id == NULL)
		return failed(q, SHMQ_E_MISUSE);
	id_of(q, lease->position, id);
	return 0;
}

int shmq_received_id(shmq *q, struct shmq_id *id)
{
	int rc = begin_settling(q);
	if (rc < 0)
		return rc;
	if (q->role != SHMQ_CONSUMER || id == NULL)
		return failed(q, SHMQ_E_MISUSE);
	id_of(q, q->last_position, id);
	return 0;
}

static char *digits(char *to, uint64_t v, unsigned n)
{
	for (unsigned i = n; i-- > 0; v >>= 4)
		to[i] = "0123456789abcdef"[v & 15];
	return to + n;
}

void shmq_id_text(const struct shmq_id *id, char text[72])
{
	char *to = text, decimal[20];
	unsigned n = 0;
	uint64_t v = id->position;
	for (unsigned i = 0; i < sizeof id->creation; i++)
		to = digits(to, id->creation[i], 2);
	*to++ = '-';
	to = digits(to, id->incarnation, 16);
	*to++ = '-';
	do
		decimal[n++] = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	while (n > 0)
		*to++ = decimal[--n];
	*to = 0;
}
