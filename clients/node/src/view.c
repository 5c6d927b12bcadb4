#include "addon.h"
#include <stdlib.h>

/*
 * A view is a Buffer whose bytes are those in shared memory. Its ArrayBuffer is detached when the lease or the
 * reservation ends: from then on the Buffer is empty, as is all that was made over it, and no JavaScript code
 * reaches the memory any more. Node marks the ArrayBuffer as one that can't be transferred to another thread.
 *
 * There are other ways out. The memory may be transferred to another ArrayBuffer, against all precautions: then the
 * mapping stays for good. And a participant may be garbage when a Buffer is not: then the mapping stays until node
 * calls the finalizer, which is when the last ArrayBuffer over the memory is gone, whichever that is.
 *
 * An environment that ends detaches the ArrayBuffers that it knows and then calls all finalizers, also where the memory
 * was transferred, to another thread even, which nobody can tell any more. So the queue is left, and zeros take the
 * place of the memory.
 */
struct view {
	struct handle *h; /* NULL: no JavaScript code reaches the memory */
	napi_ref array;   /* of the ArrayBuffer; strong, for one that is gone does not tell whether it was detached */
	size_t size;
};

static void unreached(struct view *v)
{
	v->h->views--;
	v->h = NULL;
}

/* Whether the environment ends: it runs no JavaScript code then. */
static bool ends(napi_env napi)
{
	napi_handle_scope scope;
	napi_value global, v;
	bool runs;
	if (napi_open_handle_scope(napi, &scope) != napi_ok)
		return true;
	runs = napi_get_global(napi, &global) == napi_ok && napi_get_named_property(napi, global, "undefined", &v) == napi_ok;
	napi_close_handle_scope(napi, scope);
	return !runs;
}

/* Has zeros take the place of the memory when the queue is left, and of what lies between it and that of other views. */
static void blank_later(struct handle *h, uint8_t *data, size_t size)
{
	if (h->blank_to == NULL || data < h->blank)
		h->blank = data;
	if (data + size > h->blank_to)
		h->blank_to = data + size;
}

static void forgotten(napi_env napi, void *data, void *hint)
{
	struct view *v = hint;
	struct handle *h = v->h;
	bool ended = h != NULL && ends(napi);
	if (h != NULL)
		unreached(v);
	if (ended)
		blank_later(h, data, v->size);
	if (v->array == NULL)
		free(v);
	if (h != NULL && h->collected && h->views == 0 && !ended) /* otherwise at_exit goes on */
		leave_collected(h);
}

static napi_value fail(napi_env napi)
{
	napi_throw_error(napi, NULL, "shmq: no Buffer can be made over the memory of the queue");
	return NULL;
}

/* Makes a view; throws where that can't be. */
napi_value view_new(struct handle *h, void *data, size_t size, struct view **to)
{
	napi_env napi = h->env->napi;
	struct view *v = calloc(1, sizeof *v);
	napi_value buffer, array;
	if (v == NULL || napi_create_external_buffer(napi, size, data, forgotten, v, &buffer) != napi_ok) {
		free(v);
		return fail(napi);
	}
	if (napi_get_typedarray_info(napi, buffer, NULL, NULL, NULL, &array, NULL) != napi_ok || napi_create_reference(napi, array, 1, &v->array) != napi_ok)
		return fail(napi);
	v->h = h;
	v->size = size;
	h->views++;
	*to = v;
	return buffer;
}

/* Gives a view up. It is freed here or by its finalizer, whichever comes last. */
void view_forget(napi_env napi, struct view **at)
{
	struct view *v = *at;
	bool finalized = v->h == NULL;
	*at = NULL;
	if (!finalized)
		unreached(v);
	napi_delete_reference(napi, v->array);
	v->array = NULL;
	if (finalized)
		free(v);
}

/* Detaches a view. If it is detached already its memory was transferred, and is in other hands. */
void view_drop(napi_env napi, struct view **at)
{
	struct view *v = *at;
	napi_value array;
	bool detached = true;
	if (v->h != NULL && (napi_get_reference_value(napi, v->array, &array) != napi_ok || array == NULL ||
	                     napi_is_detached_arraybuffer(napi, array, &detached) != napi_ok || detached || napi_detach_arraybuffer(napi, array) != napi_ok))
		v->h->pinned = true;
	view_forget(napi, at);
}

/* Lets the ArrayBuffer of a view go when no JavaScript code has it any more. */
void view_loosen(napi_env napi, struct view **at) { napi_reference_unref(napi, (*at)->array, NULL); }

/* Calls f for all views of the leases, and of the reservation. */
void view_each(struct handle *h, void (*f)(napi_env, struct view **))
{
	if (h->reserved_view != NULL)
		f(h->env->napi, &h->reserved_view);
	for (uint32_t i = 0; i < h->nheld; i++)
		if (h->held[i].used && h->held[i].view != NULL)
			f(h->env->napi, &h->held[i].view);
}
