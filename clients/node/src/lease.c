#include "addon.h"
#include <stdlib.h>
#include <string.h>

/* Returns the lease of an argument, or NULL if it is settled. */
static struct held *lease_of(napi_env napi, struct handle *h, napi_value v)
{
	uint32_t i = 0;
	if (h == NULL || napi_get_value_uint32(napi, v, &i) != napi_ok)
		return NULL;
	return held_at(h, i);
}

static uint32_t index_of(const struct handle *h, const struct held *l) { return (uint32_t)(l - h->held); }

enum { EAGER = 4096 }; /* known to lib/record.js */

/* Tells what a lease is like in the fields, and copies its bytes if there is room. */
static void describe(struct env *e, const struct shmq_lease *l, uint8_t *room, size_t cap)
{
	e->fields[F_SIZE] = (double)l->size;
	e->fields[F_REDELIVERED] = l->redelivered;
	e->fields[F_COPIED] = room != NULL && l->size <= cap;
	e->numbers[F_SENT_AT] = l->sent_at;
	if (room != NULL && l->size <= cap && l->size > 0)
		memcpy(room, l->data, l->size);
}

/* The room behind an offset in a Buffer; NULL for none. */
static uint8_t *room_of(napi_env napi, napi_value buffer, napi_value offset, size_t *cap)
{
	void *data;
	size_t off = (size_t)int_of(napi, offset);
	if (napi_get_buffer_info(napi, buffer, &data, cap) != napi_ok || off > *cap)
		return NULL;
	*cap -= off;
	return (uint8_t *)data + off;
}

/* lease(handle, room, offset): takes a record, copies its bytes to room if they fit, and returns the index of the
 * lease, or the code. */
static napi_value call_lease(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct handle *h;
	struct shmq_lease l;
	uint8_t *room;
	uint32_t i;
	size_t cap = 0;
	int rc;
	if (!args_take(napi, info, 3, &a) || (h = handle_of(napi, a.v[0])) == NULL)
		return NULL;
	if ((rc = shmq_try_lease(h->q, &l)) < 0)
		return number(napi, rc);
	room = room_of(napi, a.v[1], a.v[2], &cap);
	describe(a.env, &l, room, cap < EAGER ? cap : EAGER);
	if ((rc = shmq_intact(h->q)) < 0) /* zeros for what was cut off are no record */
		return number(napi, rc);
	if ((i = held_new(h, &l)) == UINT32_MAX) {
		shmq_release(h->q, &l);
		napi_throw_error(napi, "SHMQ_E_NO_SPACE", "shmq: no memory for a lease");
		return NULL;
	}
	return number(napi, i);
}

enum { BATCH = 256 };

/* leaseBatch(handle, n): returns an array of indices, or the code. */
static napi_value call_lease_batch(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct handle *h;
	struct shmq_lease ls[BATCH];
	napi_value list;
	int64_t n, got = 0, i = 0;
	if (!args_take(napi, info, 2, &a) || (h = handle_of(napi, a.v[0])) == NULL)
		return NULL;
	if (napi_create_array(napi, &list) != napi_ok)
		return NULL;
	n = int_of(napi, a.v[1]);
	if ((n = shmq_lease_batch(h->q, ls, n > BATCH ? BATCH : (size_t)n, 0)) < 0)
		return number(napi, (double)n);
	for (; i < n; i++) {
		uint32_t at = held_new(h, &ls[i]);
		if (at == UINT32_MAX)
			shmq_release(h->q, &ls[i]);
		else
			napi_set_element(napi, list, (uint32_t)got++, number(napi, at));
	}
	return list;
}

/* copy(handle, index, room, offset): describes a lease, and copies its bytes if there is room. Returns 0 or the
 * code, 1 if the lease is settled. */
static napi_value call_copy(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct handle *h;
	struct held *l;
	uint8_t *room;
	size_t cap = 0;
	if (!args_take(napi, info, 4, &a) || (h = handle_of(napi, a.v[0])) == NULL)
		return NULL;
	if ((l = lease_of(napi, h, a.v[1])) == NULL)
		return number(napi, 1);
	room = room_of(napi, a.v[2], a.v[3], &cap);
	describe(a.env, &l->lease, room, cap);
	return number(napi, shmq_intact(h->q));
}

/* view(handle, index): a Buffer over the bytes, the first time. */
static napi_value call_view(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct handle *h;
	struct held *l;
	napi_value buffer = NULL;
	if (!args_take(napi, info, 2, &a) || (h = handle_of(napi, a.v[0])) == NULL)
		return NULL;
	if ((l = lease_of(napi, h, a.v[1])) == NULL || l->view != NULL)
		return nothing(napi);
	if (l->lease.size == 0)
		napi_create_buffer(napi, 0, NULL, &buffer);
	else
		buffer = view_new(h, (void *)(uintptr_t)l->lease.data, l->lease.size, &l->view);
	return buffer;
}

static napi_value settle(napi_env napi, napi_callback_info info, int (*how)(shmq *, struct shmq_lease *))
{
	struct args a;
	struct handle *h;
	struct held *l;
	uint32_t i;
	int rc;
	if (!args_take(napi, info, 2, &a) || (h = handle_of(napi, a.v[0])) == NULL)
		return NULL;
	if ((l = lease_of(napi, h, a.v[1])) == NULL)
		return number(napi, 0);
	i = index_of(h, l);
	if (l->view != NULL)
		view_drop(napi, &l->view); /* before the slots may be another's */
	rc = how(h->q, &l->lease);
	held_drop(napi, h, i);
	return number(napi, rc);
}

/* ack(handle, index), release(handle, index): 1, or 0 if the lease was settled before. */
static napi_value call_ack(napi_env napi, napi_callback_info info) { return settle(napi, info, shmq_ack); }
static napi_value call_release(napi_env napi, napi_callback_info info) { return settle(napi, info, shmq_release); }

/* ackBatch(handle, array of indices): returns how many it settled, or the code. */
static napi_value call_ack_batch(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct handle *h;
	struct shmq_lease ls[BATCH];
	uint32_t len, n = 0;
	if (!args_take(napi, info, 2, &a) || (h = handle_of(napi, a.v[0])) == NULL || napi_get_array_length(napi, a.v[1], &len) != napi_ok)
		return NULL;
	for (uint32_t i = 0; i < len && n < BATCH; i++) {
		napi_value v;
		struct held *l;
		if (napi_get_element(napi, a.v[1], i, &v) != napi_ok || (l = lease_of(napi, h, v)) == NULL)
			continue;
		ls[n++] = l->lease;
		held_drop(napi, h, index_of(h, l));
	}
	return number(napi, (double)shmq_ack_batch(h->q, ls, n));
}

/* id(handle, index): the text of the record's id. */
static napi_value call_id(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct handle *h;
	struct held *l;
	struct shmq_id id;
	char buf[72];
	if (!args_take(napi, info, 2, &a) || (h = handle_of(napi, a.v[0])) == NULL)
		return NULL;
	if ((l = lease_of(napi, h, a.v[1])) == NULL || shmq_record_id(h->q, &l->lease, &id) < 0)
		return nothing(napi);
	shmq_id_text(&id, buf);
	return text(napi, buf);
}

/* nextStream(handle) */
static napi_value call_next_stream(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct handle *h;
	if (!args_take(napi, info, 1, &a) || (h = handle_of(napi, a.v[0])) == NULL)
		return NULL;
	return number(napi, shmq_next_stream(h->q));
}

void export_leases(napi_env napi, napi_value exports)
{
	export_function(napi, exports, "lease", call_lease);
	export_function(napi, exports, "leaseBatch", call_lease_batch);
	export_function(napi, exports, "copy", call_copy);
	export_function(napi, exports, "view", call_view);
	export_function(napi, exports, "ack", call_ack);
	export_function(napi, exports, "release", call_release);
	export_function(napi, exports, "ackBatch", call_ack_batch);
	export_function(napi, exports, "id", call_id);
	export_function(napi, exports, "nextStream", call_next_stream);
}
