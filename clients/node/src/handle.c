#include "addon.h"
#include <stdlib.h>

void handle_unlink(struct handle *h)
{
	if (h->link == NULL)
		return;
	*h->link = h->next;
	if (h->next != NULL)
		h->next->link = h->link;
	h->link = NULL;
}

void handle_free(struct handle *h)
{
	handle_unlink(h);
	view_each(h, view_forget);
	free(h->leave);
	free(h->held);
	free(h);
}

/* A handle that nobody can reach any more. If it was not closed the queue is left as a process does that is killed: a
 * producer that was not closed has not said that it has sent all. No call waits: those are reached. But somebody may have
 * a Buffer: then forgotten, in view.c, goes on from here. */
static void collected(napi_env napi, void *data, void *hint)
{
	struct handle *h = data;
	(void)napi;
	(void)hint;
	h->collected = true;
	if (h->q != NULL && !h->env->closing) {
		view_each(h, view_loosen);
		leave(h, shmq_role_of(h->q) == SHMQ_PRODUCER ? ABANDON : CLOSE, NULL);
	}
	if (h->views == 0 || h->env->closing)
		handle_free(h);
}

napi_value handle_new(struct env *e, shmq *q)
{
	struct handle *h = calloc(1, sizeof *h);
	napi_value v;
	if (h == NULL)
		return NULL;
	h->env = e;
	if ((h->leave = leave_new(q)) == NULL || napi_create_external(e->napi, h, collected, NULL, &v) != napi_ok) {
		handle_free(h);
		return NULL;
	}
	h->q = q;
	h->id = ++e->last_id;
	h->next = e->handles;
	h->link = &e->handles;
	if (h->next != NULL)
		h->next->link = &h->next;
	e->handles = h;
	return v;
}

/* Returns the handle of an argument if it is open. */
struct handle *handle_of(napi_env napi, napi_value v)
{
	void *h = NULL;
	if (napi_get_value_external(napi, v, &h) != napi_ok || ((struct handle *)h)->q == NULL) {
		napi_throw_error(napi, NULL, "shmq: a native call on a handle that is closed");
		return NULL;
	}
	return h;
}

struct held *held_at(struct handle *h, uint32_t i) { return i < h->nheld && h->held[i].used ? &h->held[i] : NULL; }

static bool grow(struct handle *h)
{
	uint32_t n = h->nheld == 0 ? 8 : h->nheld * 2;
	struct held *held = realloc(h->held, n * sizeof *held);
	if (held == NULL)
		return false;
	h->held = held;
	for (uint32_t i = h->nheld; i < n; i++) {
		held[i] = (struct held){.next = h->free};
		h->free = i + 1;
	}
	h->nheld = n;
	return true;
}

/* Returns the index of the lease, or UINT32_MAX where there is no memory for it. */
uint32_t held_new(struct handle *h, const struct shmq_lease *l)
{
	uint32_t i;
	if (h->free == 0 && !grow(h))
		return UINT32_MAX;
	i = h->free - 1;
	h->free = h->held[i].next;
	h->held[i] = (struct held){.lease = *l, .used = true};
	return i;
}

void held_drop(napi_env napi, struct handle *h, uint32_t i)
{
	if (h->held[i].view != NULL)
		view_drop(napi, &h->held[i].view);
	h->held[i].used = false;
	h->held[i].next = h->free;
	h->free = i + 1;
}
