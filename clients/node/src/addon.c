#include "addon.h"
#include <stdlib.h>

/* failure(handle): {code, errno, text} of the call that failed last. */
static napi_value call_failure(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct handle *h;
	const struct shmq_error *err;
	napi_value o;
	if (!args_take(napi, info, 1, &a) || (h = handle_of(napi, a.v[0])) == NULL)
		return NULL;
	err = shmq_last_error(h->q);
	napi_create_object(napi, &o);
	set(napi, o, "code", number(napi, err->code));
	set(napi, o, "errno", number(napi, err->os));
	set(napi, o, "text", text(napi, err->text));
	return o;
}

/* counters(handle) */
static napi_value call_counters(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct handle *h;
	struct shmq_counters c;
	napi_value o;
	int rc;
	if (!args_take(napi, info, 1, &a) || (h = handle_of(napi, a.v[0])) == NULL)
		return NULL;
	if ((rc = shmq_counters(h->q, &c)) < 0)
		return number(napi, rc);
	napi_create_object(napi, &o);
	set(napi, o, "records", number(napi, (double)c.records));
	set(napi, o, "bytes", number(napi, (double)c.bytes));
	set(napi, o, "waits", number(napi, (double)c.waits));
	set(napi, o, "wakes", number(napi, (double)c.wakes));
	set(napi, o, "redelivered", number(napi, (double)c.redelivered));
	return o;
}

/* producerAttached(handle) */
static napi_value call_producer_attached(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct handle *h;
	if (!args_take(napi, info, 1, &a) || (h = handle_of(napi, a.v[0])) == NULL)
		return NULL;
	return number(napi, shmq_producer_attached(h->q));
}

/* check(handle) */
static napi_value call_check(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct handle *h;
	if (!args_take(napi, info, 1, &a) || (h = handle_of(napi, a.v[0])) == NULL)
		return NULL;
	return number(napi, shmq_check(h->q));
}

/* path(name): the path, or {code, errno, text}. */
static napi_value call_path(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct shmq_error err;
	napi_value o;
	char path[4096], *name;
	int rc;
	if (!args_take(napi, info, 1, &a) || (name = text_of(napi, a.v[0])) == NULL)
		return NULL;
	rc = shmq_path(name, path, sizeof path, &err);
	free(name);
	if (rc >= 0)
		return text(napi, path);
	napi_create_object(napi, &o);
	set(napi, o, "code", number(napi, err.code));
	set(napi, o, "errno", number(napi, err.os));
	set(napi, o, "text", text(napi, err.text));
	return o;
}

/* codeName(code), codeText(code): the library's, for the tests and for time-outs. */
static napi_value call_code_name(napi_env napi, napi_callback_info info)
{
	struct args a;
	return args_take(napi, info, 1, &a) ? text(napi, shmq_code_name((int)int_of(napi, a.v[0]))) : NULL;
}

static napi_value call_code_text(napi_env napi, napi_callback_info info)
{
	struct args a;
	return args_take(napi, info, 1, &a) ? text(napi, shmq_strerror((int)int_of(napi, a.v[0]))) : NULL;
}

void export_facts(napi_env napi, napi_value exports)
{
	export_function(napi, exports, "setup", env_setup);
	export_function(napi, exports, "failure", call_failure);
	export_function(napi, exports, "counters", call_counters);
	export_function(napi, exports, "producerAttached", call_producer_attached);
	export_function(napi, exports, "check", call_check);
	export_function(napi, exports, "path", call_path);
	export_function(napi, exports, "codeName", call_code_name);
	export_function(napi, exports, "codeText", call_code_text);
	set(napi, exports, "version", text(napi, shmq_version()));
}

NAPI_MODULE_INIT()
{
	if (env_init(env) != 0) {
		napi_throw_error(env, NULL, "shmq: this environment can't have the addon");
		return NULL;
	}
	export_calls(env, exports);
	export_leases(env, exports);
	export_jobs(env, exports);
	export_leave(env, exports);
	export_facts(env, exports);
	return exports;
}
