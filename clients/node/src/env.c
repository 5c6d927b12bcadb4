#include "addon.h"
#include <stdlib.h>

struct env *env_of(napi_env napi)
{
	void *e = NULL;
	napi_get_instance_data(napi, &e);
	return e;
}

/* Tells the JavaScript thread that there is something. Any thread may call it until job_end_all and
 * waiter_end_all have returned. One notice stands for all until it is served. */
void env_notify(struct env *e)
{
	if (atomic_exchange(&e->notified, 1) == 0)
		napi_call_threadsafe_function(e->notify, NULL, napi_tsfn_nonblocking);
}

/* The event loop goes on as long as there are holds. */
void env_hold(struct env *e, int by)
{
	bool before = e->holds > 0;
	e->holds += by;
	if (before == (e->holds > 0) || e->closing)
		return;
	if (e->holds > 0)
		napi_ref_threadsafe_function(e->napi, e->notify);
	else
		napi_unref_threadsafe_function(e->napi, e->notify);
}

/* Calls a function. What it throws is uncaught: left pending it would keep all calls after it from being made. */
void env_call(struct env *e, napi_ref function, size_t argc, const napi_value *argv)
{
	napi_value f, global, thrown;
	bool pending = false;
	if (napi_get_reference_value(e->napi, function, &f) == napi_ok && napi_get_global(e->napi, &global) == napi_ok &&
	    napi_call_function(e->napi, global, f, argc, argv, NULL) == napi_pending_exception && napi_is_exception_pending(e->napi, &pending) == napi_ok &&
	    pending && napi_get_and_clear_last_exception(e->napi, &thrown) == napi_ok)
		napi_fatal_exception(e->napi, thrown);
}

static void tell_ready(struct env *e, uint32_t id)
{
	napi_handle_scope scope;
	napi_value v;
	if (napi_open_handle_scope(e->napi, &scope) != napi_ok)
		return;
	v = number(e->napi, id);
	env_call(e, e->on_ready, 1, &v);
	napi_close_handle_scope(e->napi, scope);
}

static void served(napi_env napi, napi_value unused, void *context, void *data)
{
	struct env *e = context;
	uint32_t ready[SHMQ_MOST_MEMBERS], n;
	(void)unused;
	(void)data;
	if (napi == NULL || e->closing)
		return;
	atomic_store(&e->notified, 0);
	job_deliver(e);
	for (struct waiter *w = e->waiters; w != NULL && !e->closing; w = waiter_after(w)) {
		n = waiter_sweep(w, ready);
		for (uint32_t i = 0; i < n; i++)
			tell_ready(e, ready[i]);
	}
}

/* The end of the environment: of a worker, or of the main thread that has nothing more to do. */
static void at_exit(void *arg)
{
	struct env *e = arg;
	e->closing = true;
	job_end_all(e); /* some wait for their waiter */
	waiter_end_all(e);
	while (e->handles != NULL)
		leave_at_exit(e->handles);
}

static void forget(napi_env napi, void *data, void *hint)
{
	struct env *e = data;
	(void)napi;
	(void)hint;
	pthread_mutex_destroy(&e->lock);
	pthread_cond_destroy(&e->ended);
	free(e);
}

int env_init(napi_env napi)
{
	struct env *e = calloc(1, sizeof *e);
	napi_value name;
	if (e == NULL)
		return -1;
	e->napi = napi;
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->ended, NULL);
	name = text(napi, "shmq");
	if (napi_set_instance_data(napi, e, forget, NULL) != napi_ok ||
	    napi_create_threadsafe_function(napi, NULL, NULL, name, 0, 1, NULL, NULL, e, served, &e->notify) != napi_ok ||
	    napi_unref_threadsafe_function(napi, e->notify) != napi_ok || napi_add_env_cleanup_hook(napi, at_exit, e) != napi_ok)
		return -1;
	return 0;
}

/* setup(onReady, fields): the function that is told the id of a handle that is ready, and the Float64Array
 * for what calls return besides their result. */
napi_value env_setup(napi_env napi, napi_callback_info info)
{
	struct args a;
	napi_value buffer;
	napi_ref kept; /* for good */
	void *data;
	size_t n, off;
	if (!args_take(napi, info, 2, &a))
		return NULL;
	if (a.env->on_ready != NULL || napi_get_typedarray_info(napi, a.v[1], NULL, &n, &data, &buffer, &off) != napi_ok || n < FIELDS ||
	    napi_create_reference(napi, buffer, 1, &kept) != napi_ok || napi_create_reference(napi, a.v[0], 1, &a.env->on_ready) != napi_ok) {
		napi_throw_type_error(napi, NULL, "shmq: setup takes a function and an array, once");
		return NULL;
	}
	a.env->fields = data;
	a.env->numbers = data;
	return NULL;
}
