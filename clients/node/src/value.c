#include "addon.h"
#include <stdlib.h>

bool args_take(napi_env napi, napi_callback_info info, size_t n, struct args *a)
{
	a->n = MOST_ARGS;
	a->env = env_of(napi);
	if (napi_get_cb_info(napi, info, &a->n, a->v, NULL, NULL) == napi_ok && a->n >= n && a->env != NULL)
		return true;
	napi_throw_type_error(napi, NULL, "shmq: too few arguments for a native call");
	return false;
}

napi_value number(napi_env napi, double v)
{
	napi_value r = NULL;
	napi_create_double(napi, v, &r);
	return r;
}

napi_value boolean(napi_env napi, bool v)
{
	napi_value r = NULL;
	napi_get_boolean(napi, v, &r);
	return r;
}

napi_value text(napi_env napi, const char *s)
{
	napi_value r = NULL;
	napi_create_string_utf8(napi, s, NAPI_AUTO_LENGTH, &r);
	return r;
}

napi_value nothing(napi_env napi)
{
	napi_value r = NULL;
	napi_get_undefined(napi, &r);
	return r;
}

/* The JavaScript side has checked ranges; what is no number is 0. */
int64_t int_of(napi_env napi, napi_value v)
{
	int64_t n = 0;
	napi_get_value_int64(napi, v, &n);
	return n;
}

double field_number(napi_env napi, napi_value object, const char *name)
{
	napi_value v;
	double n = 0;
	if (napi_get_named_property(napi, object, name, &v) == napi_ok)
		napi_get_value_double(napi, v, &n);
	return n;
}

/* Returns the text in memory of its own, or NULL if v is no string. */
char *text_of(napi_env napi, napi_value v)
{
	size_t n = 0;
	char *s;
	if (napi_get_value_string_utf8(napi, v, NULL, 0, &n) != napi_ok || (s = malloc(n + 1)) == NULL)
		return NULL;
	napi_get_value_string_utf8(napi, v, s, n + 1, &n);
	return s;
}

void set(napi_env napi, napi_value object, const char *name, napi_value v)
{
	napi_set_named_property(napi, object, name, v);
}

void export_function(napi_env napi, napi_value exports, const char *name, napi_callback f)
{
	napi_value v;
	if (napi_create_function(napi, name, NAPI_AUTO_LENGTH, f, NULL, &v) == napi_ok)
		set(napi, exports, name, v);
}
