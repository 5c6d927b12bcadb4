#include "addon.h"
#include <stdlib.h>
#include <string.h>

/* The calls that may take long, as jobs. Each takes a callback as its last argument. */

struct call {
	struct job job; /* first: a job is a call */
	char *name;
	struct shmq_options options;
	char *command;
	int role, flag;
	shmq *q;
	struct shmq_info info;
	struct shmq_participant *list;
};

static void drop(struct job *j)
{
	struct call *c = (struct call *)j;
	free(c->name);
	free(c->command);
	free(c->list);
}

static struct call *call_new(napi_env napi, napi_value name, void (*run)(struct job *), napi_value (*result)(napi_env, struct job *))
{
	struct call *c = calloc(1, sizeof *c);
	if (c != NULL && name != NULL && (c->name = text_of(napi, name)) == NULL) {
		free(c);
		c = NULL;
	}
	if (c == NULL) {
		napi_throw_type_error(napi, NULL, "shmq: the name of a queue has to be a string");
		return NULL;
	}
	c->job.run = run;
	c->job.result = result;
	c->job.drop = drop;
	c->job.outlives = true;
	return c;
}

static napi_value result_rc(napi_env napi, struct job *j) { return number(napi, (double)j->rc); }

static struct shmq_shape shape_of(napi_env napi, napi_value v)
{
	struct shmq_shape s;
	memset(&s, 0, sizeof s);
	s.slots = (uint32_t)field_number(napi, v, "slots");
	s.slot_size = (uint32_t)field_number(napi, v, "slotSize");
	s.seats = (uint32_t)field_number(napi, v, "seats");
	s.mode = (uint32_t)field_number(napi, v, "mode");
	s.producers = (uint8_t)field_number(napi, v, "producers");
	s.consumers = (uint8_t)field_number(napi, v, "consumers");
	s.flags = (uint8_t)field_number(napi, v, "flags");
	return s;
}

static napi_value shape_value(napi_env napi, const struct shmq_shape *s)
{
	napi_value o;
	napi_create_object(napi, &o);
	set(napi, o, "slots", number(napi, s->slots));
	set(napi, o, "slotSize", number(napi, s->slot_size));
	set(napi, o, "seats", number(napi, s->seats));
	set(napi, o, "mode", number(napi, s->mode));
	set(napi, o, "producers", number(napi, s->producers));
	set(napi, o, "consumers", number(napi, s->consumers));
	set(napi, o, "flags", number(napi, s->flags));
	return o;
}

/* ---- a participant ---- */

static void run_open(struct job *j)
{
	struct call *c = (struct call *)j;
	j->rc = shmq_open(&c->q, c->name, (enum shmq_role)c->role, &c->options, &j->err);
}

static void drop_open(struct job *j)
{
	struct call *c = (struct call *)j;
	if (c->q != NULL) /* nobody was told of it */
		shmq_close(c->q, NULL);
	drop(j);
}

static napi_value result_open(napi_env napi, struct job *j)
{
	struct call *c = (struct call *)j;
	struct shmq_shape shape;
	napi_value o, h = handle_new(j->env, c->q);
	if (h == NULL) {
		j->rc = j->err.code = SHMQ_E_NO_SPACE;
		strcpy(j->err.text, "shmq: no memory for a participant");
		return nothing(napi);
	}
	shmq_shape_of(c->q, &shape);
	o = shape_value(napi, &shape);
	set(napi, o, "handle", h);
	set(napi, o, "id", number(napi, j->env->last_id));
	set(napi, o, "maxRecord", number(napi, (double)shmq_max_record(c->q)));
	set(napi, o, "seat", number(napi, shmq_seat_of(c->q)));
	c->q = NULL;
	return o;
}

/* open(name, role, options, callback); options: the fields of a shape, openFlags, wait, command. */
static napi_value call_open(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct call *c;
	napi_value v;
	if (!args_take(napi, info, 4, &a) || (c = call_new(napi, a.v[0], run_open, result_open)) == NULL)
		return NULL;
	c->job.drop = drop_open;
	c->role = (int)int_of(napi, a.v[1]);
	c->options = (struct shmq_options)SHMQ_OPTIONS_INIT;
	c->options.create = shape_of(napi, a.v[2]);
	c->options.flags = (uint32_t)field_number(napi, a.v[2], "openFlags");
	c->options.wait = SHMQ_PARK;
	if (napi_get_named_property(napi, a.v[2], "command", &v) == napi_ok)
		c->options.command = c->command = text_of(napi, v);
	return job_start(a.env, &c->job, a.v[3]);
}

/* ---- a queue ---- */

static void run_create(struct job *j)
{
	struct call *c = (struct call *)j;
	if (c->name == NULL)
		j->rc = shmq_create_anonymous(&c->options.create, &j->err);
	else
		j->rc = shmq_create(c->name, &c->options.create, &j->err);
}

/* create(name or undefined, shape, callback) */
static napi_value call_create(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct call *c;
	napi_valuetype type;
	if (!args_take(napi, info, 3, &a) || napi_typeof(napi, a.v[0], &type) != napi_ok ||
	    (c = call_new(napi, type == napi_undefined ? NULL : a.v[0], run_create, result_rc)) == NULL)
		return NULL;
	c->options.create = shape_of(napi, a.v[1]);
	return job_start(a.env, &c->job, a.v[2]);
}

static void run_remove(struct job *j)
{
	struct call *c = (struct call *)j;
	j->rc = shmq_remove(c->name, c->flag, &j->err);
}

/* remove(name, force, callback) */
static napi_value call_remove(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct call *c;
	if (!args_take(napi, info, 3, &a) || (c = call_new(napi, a.v[0], run_remove, NULL)) == NULL)
		return NULL;
	c->flag = (int)int_of(napi, a.v[1]);
	return job_start(a.env, &c->job, a.v[2]);
}

static void run_recover(struct job *j)
{
	struct call *c = (struct call *)j;
	j->rc = shmq_recover(c->name, &j->err);
}

/* recover(name, callback) */
static napi_value call_recover(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct call *c;
	if (!args_take(napi, info, 2, &a) || (c = call_new(napi, a.v[0], run_recover, result_rc)) == NULL)
		return NULL;
	return job_start(a.env, &c->job, a.v[1]);
}

static napi_value big(napi_env napi, uint64_t v)
{
	napi_value r = NULL;
	napi_create_bigint_uint64(napi, v, &r);
	return r;
}

static void run_stat(struct job *j)
{
	struct call *c = (struct call *)j;
	j->rc = shmq_stat(c->name, &c->info, &j->err);
}

static napi_value result_stat(napi_env napi, struct job *j)
{
	const struct shmq_info *s = &((struct call *)j)->info;
	napi_value o = shape_value(napi, &s->shape);
	char creation[33];
	const struct {
		const char *name;
		uint64_t v;
	} numbers[] = {
		{"size", s->size}, {"depth", s->depth}, {"epoch", s->epoch}, {"left", s->left}, {"ends", s->ends},
		{"finished", s->finished}, {"skipped", s->skipped}, {"torn", s->torn}, {"sent", s->sent},
		{"sentBytes", s->sent_bytes}, {"received", s->received}, {"receivedBytes", s->received_bytes},
		{"redelivered", s->redelivered}, {"activeProducers", s->producers}, {"activeConsumers", s->consumers}, {"dead", s->dead},
	};
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		set(napi, o, numbers[i].name, number(napi, (double)numbers[i].v));
	set(napi, o, "created", big(napi, s->created));
	set(napi, o, "head", big(napi, s->head));
	set(napi, o, "tail", big(napi, s->tail));
	for (int i = 0; i < 16; i++) {
		creation[2 * i] = "0123456789abcdef"[s->creation[i] >> 4];
		creation[2 * i + 1] = "0123456789abcdef"[s->creation[i] & 15];
	}
	creation[32] = 0;
	set(napi, o, "creation", text(napi, creation));
	return o;
}

/* stat(name, callback) */
static napi_value call_stat(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct call *c;
	if (!args_take(napi, info, 2, &a) || (c = call_new(napi, a.v[0], run_stat, result_stat)) == NULL)
		return NULL;
	return job_start(a.env, &c->job, a.v[1]);
}

enum { MOST_SEATS = 1024 };

static void run_participants(struct job *j)
{
	struct call *c = (struct call *)j;
	if ((c->list = calloc(MOST_SEATS, sizeof *c->list)) == NULL) {
		j->rc = j->err.code = SHMQ_E_NO_SPACE;
		strcpy(j->err.text, "shmq: no memory for the list of participants");
		return;
	}
	j->rc = shmq_participants(c->name, c->list, MOST_SEATS, &j->err);
}

static napi_value participant_value(napi_env napi, const struct shmq_participant *p)
{
	napi_value o;
	char command[sizeof p->command + 1] = {0};
	memcpy(command, p->command, sizeof p->command);
	napi_create_object(napi, &o);
	set(napi, o, "seat", number(napi, p->seat));
	set(napi, o, "role", text(napi, p->role == SHMQ_PRODUCER ? "producer" : "consumer"));
	set(napi, o, "pid", number(napi, p->pid));
	set(napi, o, "uid", number(napi, p->uid));
	set(napi, o, "attached", big(napi, (uint64_t)p->attached));
	set(napi, o, "records", number(napi, (double)p->counters.records));
	set(napi, o, "bytes", number(napi, (double)p->counters.bytes));
	set(napi, o, "waits", number(napi, (double)p->counters.waits));
	set(napi, o, "wakes", number(napi, (double)p->counters.wakes));
	set(napi, o, "redelivered", number(napi, (double)p->counters.redelivered));
	set(napi, o, "alive", boolean(napi, p->alive != 0));
	set(napi, o, "command", text(napi, command));
	return o;
}

static napi_value result_participants(napi_env napi, struct job *j)
{
	struct call *c = (struct call *)j;
	int64_t n = j->rc < MOST_SEATS ? j->rc : MOST_SEATS;
	napi_value list;
	napi_create_array_with_length(napi, (size_t)n, &list);
	for (int64_t i = 0; i < n; i++)
		napi_set_element(napi, list, (uint32_t)i, participant_value(napi, &c->list[i]));
	return list;
}

/* participants(name, callback) */
static napi_value call_participants(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct call *c;
	if (!args_take(napi, info, 2, &a) || (c = call_new(napi, a.v[0], run_participants, result_participants)) == NULL)
		return NULL;
	return job_start(a.env, &c->job, a.v[1]);
}

void export_jobs(napi_env napi, napi_value exports)
{
	export_function(napi, exports, "open", call_open);
	export_function(napi, exports, "create", call_create);
	export_function(napi, exports, "remove", call_remove);
	export_function(napi, exports, "recover", call_recover);
	export_function(napi, exports, "stat", call_stat);
	export_function(napi, exports, "participants", call_participants);
}
