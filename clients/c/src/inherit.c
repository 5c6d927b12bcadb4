#include "handle.h"

/*
 * Records whose holder died or released them stay where they are, behind head, as ORPHAN. The hint `orphans`
 * counts the times that some appeared; a consumer whose count is older scans the ring, oldest position first, so
 * that a producer's records are handed out in order. Nothing is ever cleared: a consumer that dies during
 * its scan takes nothing from the others'. The records of a take that it inherits wait in a list in the
 * table, its heirs, until they are handed out.
 */
bool has_orphans(const shmq *q)
{
	return q->many && (q->rescan || q->again || load(hot(&q->r, L_HOT_ORPHANS)) != q->seen);
}

/* Whether older records may be waiting to be delivered again, or before all others. */
bool has_backlog(const shmq *q)
{
	return q->pending.data != NULL || (q->many ? q->heirs != 0 || has_orphans(q) : q->returned > 0);
}

static struct entry *first_heir(const shmq *q) { return q->heirs != 0 ? &q->table[q->heirs - 1] : NULL; }

/* Stores what the seat says of inherited records: 1 + the position of the first, before the take. */
static void say_inherits(shmq *q, uint64_t place)
{
	if (q->inheriting == place)
		return;
	q->inheriting = place;
	store(seat64(&q->r, q->seat, L_SEAT_INHERITS), place);
}

void say_heirs(shmq *q)
{
	const struct entry *heir = first_heir(q);
	say_inherits(q, heir != NULL ? heir->pos + 1 : 0);
}

/* Begins a scan, if there may be orphans that the last one has not seen. */
void begin_scan(shmq *q)
{
	uint64_t now = load(hot(&q->r, L_HOT_ORPHANS));
	if (now == q->seen && !q->again && !(q->rescan && q->cursor == q->end))
		return;
	q->seen = now;
	q->rescan = true;
	q->again = false;
	look_at_ends(q);        /* the hint may have been raised for one */
	q->end = next_take(&q->r); /* all that was taken lies before it */
	q->cursor = q->end - q->r.cap;
}

/* A slot of which this consumer has an heir is an orphan of its own again: only a scribbler makes it one. The
 * heirs are forgotten, and their words stay this seat's until it is swept. */
static void forget_heirs(shmq *q)
{
	for (struct entry *heir; (heir = first_heir(q)) != NULL && q->heir_count > 0; q->heir_count--) {
		heir->state = NOTHING;
		q->heirs = heir->next;
		q->held--;
	}
	q->heirs = q->heir_count = 0;
}

static struct entry *new_heir(shmq *q, uint64_t first, uint64_t p, uint64_t k, uint64_t take)
{
	struct entry *e = entry_at(q, p);
	if (e->state == HEIR)
		forget_heirs(q);
	*e = (struct entry){.pos = p, .k = (uint32_t)k, .back = (uint32_t)(p - first), .take = take, .number = ++q->number, .state = HEIR};
	return e;
}

/* Lists the records of an orphaned take that were not acknowledged: the first unless acked, and those whose word is
 * still FULL. Words of slots inside a record are FREE or of the next lap; those of acknowledged ones SKIP. */
static void inherit_take(shmq *q, uint64_t p, uint64_t k, bool acked)
{
	const struct region *r = &q->r;
	struct entry *first = entry_at(q, p), *last = NULL;
	uint32_t n = 0, head = 0, behind;
	uint64_t take = q->number + 1;
	if (first->state == HEIR)
		forget_heirs(q);
	*first = (struct entry){.pos = p};
	for (uint64_t i = 0; i < k; i++) {
		uint64_t at = p + i, w = word(r, at), size = i == 0 ? k : span(r, at, w);
		struct entry *heir;
		if (i == 0 ? acked : word_state(w) != L_FULL || word_lap(w, p, r->shift) != 0 || size == 0 || i + size > k)
			continue;
		heir = new_heir(q, p, at, size, take);
		if (last != NULL)
			last->next = (uint32_t)(at & r->mask) + 1;
		else
			head = (uint32_t)(at & r->mask) + 1;
		last = heir;
		n++;
	}
	first->take = take;
	first->takes = (uint32_t)k;
	first->left = n;
	first->acked = acked;
	if (n == 0) {
		first->takes = 0;
		free_take(r, p, k);
		return;
	}
	behind = q->heirs; /* those that it has are of later streams */
	last->next = behind;
	q->heirs = head;
	q->heir_count += n;
	q->held += n;
}

/* Moves the cursor to the next orphan that this consumer wins; false: there is none. *slots of it. */
static bool next_orphan(shmq *q, uint64_t *slots)
{
	const struct region *r = &q->r;
	*slots = 0;
	for (; q->cursor != q->end; q->cursor++) {
		uint64_t p = q->cursor, w = word(r, p), k = span(r, p, w);
		bool acked = word_state(w) == L_ORPHAN_ACKED;
		if ((word_state(w) != L_ORPHAN && !acked) || word_lap(w, p, r->shift) != 0 || k == 0)
			continue; /* of a later lap, and in that one's turn; or scribble */
		if (may_end(q)) /* asked after the word was seen */
			look_at_ends(q);
		if (beyond(q, p))
			continue; /* later */
		say_inherits(q, p + 1); /* first, for others that ask whether all was handed out */
		if (!cas(word_at(r, p), w, reading_word(p, k, q->seat, acked, r->shift)))
			continue; /* another consumer was first */
		q->cursor++;
		inherit_take(q, p, k, acked);
		*slots = k;
		return true;
	}
	return false;
}

/* Hands out the first heir; TORN if it was dropped. */
static int hand_out(shmq *q, struct shmq_lease *l)
{
	struct entry *heir = first_heir(q), *next;
	uint64_t p = heir->pos, bound = heir->back == 0 ? entry_at(q, p)->takes : heir->k;
	struct record rec;
	int rc = read_record(&q->r, p, bound, &rec);
	q->heirs = heir->next;
	q->heir_count--;
	heir->state = OPEN;
	*l = (struct shmq_lease){rec.data, rec.size, sent_at(&q->r, p), p, 0, heir->k, heir->number};
	if (rc == TORN) {
		shared_settle(q, l, true);
		add(hot(&q->r, L_HOT_TORN), 1);
		return TORN;
	}
	if (rc != 0)
		return rc;
	say_heirs(q);
	next = first_heir(q);
	q->relieved = next == NULL || beyond(q, next->pos);
	q->ends.got |= q->ends.limited;
	l->redelivered = redeliver(&q->r, p);
	return 0;
}

/* Takes the oldest orphan. SHMQ_E_EMPTY when there is none, or none was found with an effort; then the scan goes on in
 * the next call. */
int inherit(shmq *q, struct shmq_lease *l)
{
	if (!q->ends.limited) /* a take may go over several ends */
		look_at_ends(q);
	for (uint64_t spent = 0; spent < effort(&q->r); spent++) {
		struct entry *heir = first_heir(q);
		uint64_t from, slots;
		if (heir != NULL && !beyond(q, heir->pos)) {
			int rc = hand_out(q, l);
			if (rc == TORN)
				continue;
			return rc;
		}
		begin_scan(q);
		from = q->cursor;
		if (!next_orphan(q, &slots)) {
			q->rescan = false;
			say_heirs(q);
			return SHMQ_E_EMPTY;
		}
		spent += q->cursor - from + slots;
	}
	return SHMQ_E_EMPTY;
}

/* Gives back all that the consumer still holds. In a queue with a single one head stays behind the oldest of
 * them, and what was handed out after it comes again. */
void give_back_all(shmq *q)
{
	if (!q->many) {
		if (q->r.skip)
			lossy_told(q);
		return;
	}
	if (q->held > 0)
		sweep(&q->r, q->fd, q->seat);
	say_inherits(q, 0); /* after the hint went up */
}
