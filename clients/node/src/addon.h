/*
 * The Node-API side of package shmq. Five ideas, a file each:
 *
 *   env.c     what one JavaScript thread has: its handles, its notice board
 *   job.c     calls that may take long run in a thread of their own
 *   waiter.c  one thread sleeps for up to 126 handles
 *   view.c    a Buffer over shared memory, detached when its lease ends
 *   leave.c   a queue is left once no JavaScript code can reach its memory
 *
 * A handle of libshmq is used by one thread at a time: the JavaScript thread, which only makes calls
 * that do not wait, or a job before JavaScript code has it or after it has given it up. The waiter uses no
 * handle.
 */
#ifndef ADDON_H
#define ADDON_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <shmq.h>

struct env;
struct job;
struct leave;
struct view;
struct waiter;

/* A lease that JavaScript code knows by its index. */
struct held {
	struct shmq_lease lease;
	struct view *view; /* NULL for none */
	uint32_t next;     /* of the free ones */
	bool used;
};

/* A participant. All of it belongs to the JavaScript thread, but for what its waiter's lock guards. */
struct handle {
	shmq *q; /* NULL once it is closed */
	struct env *env;
	struct handle *next, **link; /* among those of the environment whose queue is to be left */
	uint32_t id;
	struct held *held;
	uint32_t nheld, free; /* free: index + 1 of the first free one */
	struct view *reserved_view; /* of the open reservation; NULL for none */
	uint32_t views;      /* whose memory JavaScript code may reach */
	bool pinned;         /* one of them was transferred away: the mapping has to stay */
	bool collected;      /* JavaScript code has it no more */
	uint8_t *blank, *blank_to; /* what zeros take the place of when the environment has ended; NULL: nothing */
	struct leave *leave; /* how its queue is left; NULL once that has begun */

	struct waiter *waiter; /* where it is armed; NULL if it is not */
	size_t want;           /* what shmq_arm is told */
	bool idle;             /* armed, and nobody waits any more */
	struct shmq_word word; /* under the lock of waiter */
};

/* What an environment (the main thread, or a worker) has. */
struct env {
	napi_env napi;
	napi_threadsafe_function notify;
	napi_ref on_ready;
	struct handle *handles;
	struct waiter *waiters;
	uint32_t last_id;
	int64_t holds; /* reasons to keep the event loop alive */
	double *fields;
	uint64_t *numbers; /* the same memory */
	atomic_int notified;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t ended;
	struct job *running, *done;
	bool closing;
};

/* What is written to env->fields: a Float64Array of JavaScript, and a BigUint64Array over it. */
enum { F_SIZE, F_REDELIVERED, F_COPIED, F_SENT_AT, FIELDS };

struct env *env_of(napi_env napi);
napi_value env_setup(napi_env napi, napi_callback_info info);
int env_init(napi_env napi);
void env_notify(struct env *e);
void env_call(struct env *e, napi_ref function, size_t argc, const napi_value *argv);
void env_hold(struct env *e, int by);

struct waiter *waiter_arm(struct handle *h, size_t want, const struct shmq_word *word);
void waiter_idle(struct handle *h);
uint64_t waiter_drop(struct handle *h);
void waiter_gone(struct waiter *w, uint64_t round);
uint32_t waiter_sweep(struct waiter *w, uint32_t *ready);
struct waiter *waiter_after(struct waiter *w);
void waiter_end_all(struct env *e);

struct handle *handle_of(napi_env napi, napi_value v);
napi_value handle_new(struct env *e, shmq *q);
void handle_unlink(struct handle *h);
void handle_free(struct handle *h);

/* How a queue is left; lib/core.js knows it. */
enum how { CLOSE, FINISH, ABANDON };
struct leave *leave_new(shmq *q);
void leave(struct handle *h, enum how how, napi_value callback);
void leave_collected(struct handle *h);
void leave_at_exit(struct handle *h);

/* Of libshmq, and not in its header. */
uint8_t *shmqi_blank_at_close(shmq *q, size_t *size);

uint32_t held_new(struct handle *h, const struct shmq_lease *l);
struct held *held_at(struct handle *h, uint32_t i);
void held_drop(napi_env napi, struct handle *h, uint32_t i);

napi_value view_new(struct handle *h, void *data, size_t size, struct view **to);
void view_drop(napi_env napi, struct view **at);
void view_loosen(napi_env napi, struct view **at);
void view_forget(napi_env napi, struct view **at);
void view_each(struct handle *h, void (*f)(napi_env, struct view **));

/* A call that may take long, in a thread of its own, so that nothing else of the program waits for it: not
 * the event loop, nor the pool that serves files and names. */
struct job {
	struct env *env;
	struct job *next;
	void (*run)(struct job *);
	napi_value (*result)(napi_env, struct job *); /* of a run that did not fail; it may set rc and err */
	void (*drop)(struct job *);                   /* frees what the job has; also where result is never called */
	napi_ref callback;                            /* function (code, errno, text, result) */
	bool outlives;                                /* the environment need not wait for it when it ends; it may be refused for want of a thread */
	atomic_int claimed;                           /* set by its thread at the end, or by an environment that leaves it behind: the first one has it */
	int64_t rc;
	struct shmq_error err;
};
napi_value job_start(struct env *e, struct job *j, napi_value callback);
void job_deliver(struct env *e);
void job_end_all(struct env *e);

/* Sets what the module exports. */
void export_calls(napi_env napi, napi_value exports);
void export_leases(napi_env napi, napi_value exports);
void export_jobs(napi_env napi, napi_value exports);
void export_leave(napi_env napi, napi_value exports);
void export_facts(napi_env napi, napi_value exports);
void export_function(napi_env napi, napi_value exports, const char *name, napi_callback f);

/* Arguments and results. A wrong type is a fault of the JavaScript side of this package. */
enum { MOST_ARGS = 6 };
struct args {
	struct env *env;
	napi_value v[MOST_ARGS];
	size_t n;
};
bool args_take(napi_env napi, napi_callback_info info, size_t n, struct args *a);
napi_value number(napi_env napi, double v);
napi_value boolean(napi_env napi, bool v);
napi_value text(napi_env napi, const char *s);
int64_t int_of(napi_env napi, napi_value v);
double field_number(napi_env napi, napi_value object, const char *name);
char *text_of(napi_env napi, napi_value v);
void set(napi_env napi, napi_value object, const char *name, napi_value v);
napi_value nothing(napi_env napi);

#endif
