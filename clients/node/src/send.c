#include "addon.h"
#include <stdlib.h>

/* The calls of this file and of lease.c do not wait: they return what libshmq returns for a time-out of 0. */

/* send(handle, bytes) */
static napi_value call_send(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct handle *h;
	void *data;
	size_t n;
	if (!args_take(napi, info, 2, &a) || (h = handle_of(napi, a.v[0])) == NULL)
		return NULL;
	if (napi_get_buffer_info(napi, a.v[1], &data, &n) != napi_ok) {
		napi_throw_type_error(napi, NULL, "shmq: a record to send has to be a Uint8Array");
		return NULL;
	}
	return number(napi, shmq_try_send(h->q, data, n));
}

enum { BATCH = 256 };

/* sendBatch(handle, array of bytes, from): sends those from `from` on, BATCH at most, and returns how many. */
static napi_value call_send_batch(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct handle *h;
	struct shmq_bytes records[BATCH];
	uint32_t len, from, n = 0;
	if (!args_take(napi, info, 3, &a) || (h = handle_of(napi, a.v[0])) == NULL || napi_get_array_length(napi, a.v[1], &len) != napi_ok)
		return NULL;
	for (from = (uint32_t)int_of(napi, a.v[2]); from + n < len && n < BATCH; n++) {
		napi_value v;
		void *data;
		if (napi_get_element(napi, a.v[1], from + n, &v) != napi_ok || napi_get_buffer_info(napi, v, &data, &records[n].size) != napi_ok) {
			napi_throw_type_error(napi, NULL, "shmq: a record to send has to be a Uint8Array");
			return NULL;
		}
		records[n].data = data;
	}
	return number(napi, (double)shmq_send_batch(h->q, records, n, 0));
}

/* reserve(handle, size): returns a Buffer, or the code. */
static napi_value call_reserve(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct handle *h;
	napi_value buffer = NULL;
	void *reserved;
	size_t size;
	int rc;
	if (!args_take(napi, info, 2, &a) || (h = handle_of(napi, a.v[0])) == NULL)
		return NULL;
	size = (size_t)int_of(napi, a.v[1]);
	if ((rc = shmq_reserve(h->q, size, &reserved, 0)) < 0)
		return number(napi, rc);
	if (size == 0)
		napi_create_buffer(napi, 0, NULL, &buffer);
	else
		buffer = view_new(h, reserved, size, &h->reserved_view);
	if (buffer == NULL)
		shmq_abort(h->q);
	return buffer;
}

/* commit(handle, size) */
static napi_value call_commit(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct handle *h;
	if (!args_take(napi, info, 2, &a) || (h = handle_of(napi, a.v[0])) == NULL)
		return NULL;
	if (h->reserved_view != NULL)
		view_drop(napi, &h->reserved_view);
	return number(napi, shmq_commit(h->q, (size_t)int_of(napi, a.v[1])));
}

/* abort(handle) */
static napi_value call_abort(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct handle *h;
	if (!args_take(napi, info, 1, &a) || (h = handle_of(napi, a.v[0])) == NULL)
		return NULL;
	if (h->reserved_view != NULL)
		view_drop(napi, &h->reserved_view);
	return number(napi, shmq_abort(h->q));
}

/* arm(handle, size): 0 if a try is worth while; what libshmq says if not, and then the id of the handle is told
 * to onReady once it is. */
static napi_value call_arm(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct handle *h;
	struct shmq_word word;
	size_t want;
	int rc;
	if (!args_take(napi, info, 2, &a) || (h = handle_of(napi, a.v[0])) == NULL)
		return NULL;
	want = (size_t)int_of(napi, a.v[1]);
	rc = shmq_arm(h->q, want, &word);
	if ((rc == SHMQ_E_EMPTY || rc == SHMQ_E_FULL) && waiter_arm(h, want, &word) == NULL) {
		shmq_disarm(h->q, want);
		napi_throw_error(napi, "SHMQ_E_SYSTEM", "shmq: no thread can be had to wait with; raise the limit on processes");
		return NULL;
	}
	return number(napi, rc);
}

/* disarm(handle): the owner turns to something else. */
static napi_value call_disarm(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct handle *h;
	if (!args_take(napi, info, 1, &a) || (h = handle_of(napi, a.v[0])) == NULL)
		return NULL;
	waiter_idle(h);
	return NULL;
}

/* hold(by): more, or fewer, reasons for the event loop to go on. */
static napi_value call_hold(napi_env napi, napi_callback_info info)
{
	struct args a;
	if (args_take(napi, info, 1, &a))
		env_hold(a.env, (int)int_of(napi, a.v[0]));
	return NULL;
}

void export_calls(napi_env napi, napi_value exports)
{
	export_function(napi, exports, "send", call_send);
	export_function(napi, exports, "sendBatch", call_send_batch);
	export_function(napi, exports, "reserve", call_reserve);
	export_function(napi, exports, "commit", call_commit);
	export_function(napi, exports, "abort", call_abort);
	export_function(napi, exports, "arm", call_arm);
	export_function(napi, exports, "disarm", call_disarm);
	export_function(napi, exports, "hold", call_hold);
}
