#include "addon.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * A queue is left by a job, for it may take long, and that unmaps its memory. So there has to be no view that JavaScript
 * code may reach; see view.c. Where there is one the seat stays, too.
 */
struct leave {
	struct job job;
	shmq *q;
	enum how how;
	struct waiter *waiter; /* NULL, or where it was armed till now */
	uint64_t round;
	size_t want;
};

static void run(struct job *j)
{
	struct leave *l = (struct leave *)j;
	if (l->waiter != NULL) {
		waiter_gone(l->waiter, l->round);
		shmq_disarm(l->q, l->want);
	}
	j->rc = l->how == FINISH ? shmq_finish(l->q, &j->err) : l->how == ABANDON ? shmq_abandon(l->q, &j->err) : shmq_close(l->q, &j->err);
}

static void drop_nothing(struct job *j) { (void)j; }

/* Made with the handle: a lack of memory is no reason to stay. */
struct leave *leave_new(shmq *q)
{
	struct leave *l = calloc(1, sizeof *l);
	if (l == NULL)
		return NULL;
	l->q = q;
	l->job.run = run;
	l->job.drop = drop_nothing;
	return l;
}

static void start(struct handle *h, napi_value callback)
{
	struct leave *l = h->leave;
	if (h->pinned)
		return;
	h->leave = NULL;
	handle_unlink(h);
	job_start(h->env, &l->job, callback);
}

/* Leaves the queue, as soon as there are no views. The handle is closed at once. */
void leave(struct handle *h, enum how how, napi_value callback)
{
	struct leave *l = h->leave;
	l->how = how;
	l->want = h->want;
	if ((l->waiter = h->waiter) != NULL)
		l->round = waiter_drop(h);
	h->q = NULL;
	if (h->views == 0)
		start(h, callback);
}

/* The last view of a handle that was collected is gone. */
void leave_collected(struct handle *h)
{
	if (!h->env->closing)
		start(h, NULL);
	handle_free(h);
}

/* Unmaps what was blanked, but for the pages that another thread may reach. */
static void unmap_but(uint8_t *base, size_t size, const uint8_t *from, const uint8_t *to)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t head = (size_t)(from - base) / page * page, tail = ((size_t)(to - base) + page - 1) / page * page;
	if (head > 0)
		munmap(base, head);
	if (tail < size)
		munmap(base + tail, size - tail);
}

/* Leaves the queue at the end of the environment as a process does that is killed. */
void leave_at_exit(struct handle *h)
{
	shmq *q = h->leave->q;
	uint8_t *base = NULL;
	size_t size = 0;
	handle_unlink(h);
	h->q = NULL;
	if (!h->pinned) {
		if (h->blank_to != NULL)
			base = shmqi_blank_at_close(q, &size);
		if (shmq_role_of(q) == SHMQ_PRODUCER)
			shmq_abandon(q, NULL);
		else
			shmq_close(q, NULL);
		if (base != NULL)
			unmap_but(base, size, h->blank, h->blank_to);
	}
	if (h->collected && h->views == 0)
		handle_free(h);
}

/* leave(handle, how, callback). The handle is closed at once, and its views are detached. */
static napi_value call_leave(napi_env napi, napi_callback_info info)
{
	struct args a;
	struct handle *h;
	char why[512];
	if (!args_take(napi, info, 3, &a) || (h = handle_of(napi, a.v[0])) == NULL)
		return NULL;
	snprintf(why, sizeof why, "shmq: leave queue \"%.250s\": the memory of a record was transferred elsewhere, so the process keeps its seat until it ends; copy it before, with new Uint8Array(data)", shmq_name(h->q));
	view_each(h, view_drop);
	leave(h, (enum how)int_of(napi, a.v[1]), a.v[2]);
	if (h->pinned)
		napi_throw_error(napi, "SHMQ_E_IN_USE", why);
	return NULL;
}

void export_leave(napi_env napi, napi_value exports) { export_function(napi, exports, "leave", call_leave); }
